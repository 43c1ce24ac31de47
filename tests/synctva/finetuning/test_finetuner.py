"""Fine-tuning: halves against the whole encoder, learning rates, and one run end to end."""

import json

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from synctva.datasets_scripts.schema import conversation_features, new_conversation
from synctva.features.text import encode_split, with_text_features
from synctva.finetuning import (
    Finetuner,
    FinetuningArguments,
    save_encoder,
)
from synctva.finetuning.token_states import cached_token_states, split_encoder
from synctva.finetuning.window_classifier import WindowClassifier, parameter_groups
from synctva.modeling_synctva.text_encoder import TextEncoder
from synctva.modeling_synctva.text_windows import conversation_windows, pad_windows
from synctva.trainer.averaging import RAW_WEIGHTS

CONTEXT = {"tokens": 24, "past": 8, "future": 8, "turn": 12}


def conversations(count, seed):
    """What is said tells the emotion: "good", "bad", or neither."""
    generator = np.random.default_rng(seed)
    words = ["good", "bad", "day"]
    rows = []
    for index in range(count):
        labels = generator.integers(0, 3, generator.integers(1, 8)).tolist()
        texts = [f"{words[label]} {generator.choice(['hello', 'way', '!'])}" for label in labels]
        speakers = generator.choice(["ann", "bo"], len(labels)).tolist()
        ids = [f"{index}_{t}" for t in range(len(labels))]
        rows.append(new_conversation(f"{index}", ids, speakers, texts, labels))
    features = conversation_features(["glad", "cross", "calm"])
    return Dataset.from_list(rows, features=features)


@pytest.fixture(scope="module")
def data():
    return DatasetDict({"train": conversations(60, 0), "dev": conversations(12, 1)})


def windows_of(split, tokenizer):
    return [
        window
        for row in split
        for window in conversation_windows(row["texts"], row["speakers"], tokenizer, **CONTEXT)
    ]


@pytest.mark.parametrize("frozen", [1, 2])
def test_halves_are_the_encoder(deep_encoder_folder, frozen):
    encoder = AutoModel.from_pretrained(deep_encoder_folder).eval()
    tokens = {
        "input_ids": torch.randint(5, 12, (3, 7)),
        "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] * 6 + [0]]),
    }
    whole = encoder(**tokens).last_hidden_state
    lower, upper = split_encoder(encoder, frozen)
    states = lower(**tokens).last_hidden_state
    answer = upper(inputs_embeds=states, attention_mask=tokens["attention_mask"])
    torch.testing.assert_close(answer.last_hidden_state, whole)
    # What is trained in the upper half is trained in the encoder, which is left as it was.
    assert len(encoder.encoder.layer) == 3 and encoder.encoder.layer[-1] is upper.encoder.layer[-1]
    torch.testing.assert_close(encoder(**tokens).last_hidden_state, whole)


@pytest.mark.parametrize("frozen", [0, 3])
def test_a_half_without_layers_is_refused(deep_encoder_folder, frozen):
    with pytest.raises(ValueError, match=f"frozen_layers = {frozen}: expected 1 to 2"):
        split_encoder(AutoModel.from_pretrained(deep_encoder_folder), frozen)


def test_an_encoder_of_another_build_is_refused():
    with pytest.raises(ValueError, match="Linear: expected an encoder with"):
        split_encoder(torch.nn.Linear(2, 2), 1)


def test_states_are_computed_once_and_kept_whole(deep_encoder_folder, data, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(deep_encoder_folder)
    lower, _ = split_encoder(AutoModel.from_pretrained(deep_encoder_folder), 2)
    windows = windows_of(data["dev"], tokenizer)
    first = cached_token_states(windows, lower, tokenizer, tmp_path, "weights", batch_size=5)
    tokens, _ = pad_windows([windows[3]], tokenizer)
    alone = lower(**tokens).last_hidden_state[0]
    torch.testing.assert_close(first[3].float(), alone, atol=0.05, rtol=0.05)  # of bfloat16

    class Unused:
        encoder = lower.encoder

    again = cached_token_states(windows, Unused(), tokenizer, tmp_path, "weights")
    assert all(torch.equal(first[i], again[i]) for i in range(len(windows)))
    assert len(list(tmp_path.iterdir())) == 1
    cached_token_states(windows, lower, tokenizer, tmp_path, "other weights")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cache_that_is_cut_short_is_refused(deep_encoder_folder, data, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(deep_encoder_folder)
    lower, _ = split_encoder(AutoModel.from_pretrained(deep_encoder_folder), 1)
    windows = windows_of(data["dev"], tokenizer)
    cached_token_states(windows, lower, tokenizer, tmp_path, "w")
    (path,) = tmp_path.iterdir()
    np.save(path, np.load(path)[:-1])
    with pytest.raises(ValueError, match=r"has the states of .* remove it"):
        cached_token_states(windows, lower, tokenizer, tmp_path, "w")


def test_learning_rates_fall_from_the_head_downwards(deep_encoder_folder, tmp_path):
    arguments = FinetuningArguments(
        output_dir=str(tmp_path), learning_rate=1.0, layer_decay=0.5, head_learning_rate=9.0
    )
    model = WindowClassifier(AutoModel.from_pretrained(deep_encoder_folder), 3, 0.0)
    model.encoder.pooler.requires_grad_(False)
    rate = {
        id(p): group["lr"] for group in parameter_groups(model, arguments) for p in group["params"]
    }
    names = {id(p): name for name, p in model.named_parameters() if p.requires_grad}
    assert rate.keys() == names.keys()
    expected = {"head": 9.0, "layer.2": 1.0, "layer.1": 0.5, "layer.0": 0.25, "embeddings": 0.125}
    for key, name in names.items():
        (part,) = [part for part in expected if part in name]
        assert rate[key] == expected[part], name


def arguments_for(folder, **changes):
    settings = {
        "output_dir": str(folder),
        "num_train_epochs": 10,
        "learning_rate": 5e-3,
        "head_learning_rate": 5e-3,
        "dropout": 0.0,
        "label_smoothing_factor": 0.0,
        "frozen_layers": 1,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
    }
    return FinetuningArguments(**{**settings, **changes})


@pytest.mark.parametrize("frozen", [0, 1])
def test_fine_tuning_learns_and_the_saved_encoder_makes_the_features(
    deep_encoder_folder, data, tmp_path, frozen
):
    tuner = Finetuner(str(deep_encoder_folder), data, tmp_path / "cache", CONTEXT)
    before = AutoModel.from_pretrained(deep_encoder_folder).state_dict()
    encoder, scores = tuner.fit(arguments_for(tmp_path / "run", frozen_layers=frozen))
    assert scores["eval_accuracy"] > 0.7  # the majority has about 0.4
    after = encoder.model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert any("layer.2" in name for name in changed)
    assert any("layer.0" in name or "embeddings" in name for name in changed) == (frozen == 0)

    spec = save_encoder(encoder, tmp_path / "encoder")
    files = list((tmp_path / "encoder").iterdir())
    assert len({path.stat().st_mode for path in files}) == 1  # that of any new file
    vectors = encode_split(encoder, data["dev"])
    loaded = TextEncoder.from_spec(spec)
    for mine, theirs in zip(vectors, encode_split(loaded, data["dev"]), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert json.loads((tmp_path / "encoder/text_encoder.json").read_text()) == spec
    column = with_text_features(data["dev"], vectors).with_format("numpy")[0]["text_features"]
    np.testing.assert_allclose(column, vectors[0], atol=1e-6)


def test_an_interrupted_run_goes_on(deep_encoder_folder, data, tmp_path):
    def fit(folder, **changes):
        tuner = Finetuner(str(deep_encoder_folder), data, tmp_path / "cache", CONTEXT)
        return tuner.fit(arguments_for(tmp_path / folder, num_train_epochs=4, **changes))[
            0
        ].model.state_dict()

    through = fit("through", save_total_limit=None)
    # As a run leaves it that was killed after its second epoch.
    kept = sorted((tmp_path / "through").glob("checkpoint-*"), key=lambda p: int(p.name[11:]))[:2]
    (tmp_path / "broken").mkdir()
    for checkpoint in kept:
        checkpoint.rename(tmp_path / "broken" / checkpoint.name)
    resumed = fit("broken", save_total_limit=None)
    for name, tensor in through.items():
        torch.testing.assert_close(resumed[name], tensor, atol=1e-6, rtol=1e-5)


def test_the_encoder_is_the_average_of_the_weights_that_were_trained(
    deep_encoder_folder, data, tmp_path
):
    tuner = Finetuner(str(deep_encoder_folder), data, tmp_path / "cache", CONTEXT)
    steps = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "no"}
    arguments = arguments_for(
        tmp_path, max_steps=5, save_total_limit=None, load_best_model_at_end=False, **steps
    )
    encoder, _ = tuner.fit(arguments)
    name = "layer.2.output.dense.weight"
    expected = AutoModel.from_pretrained(deep_encoder_folder).get_parameter(f"encoder.{name}")
    expected = expected.detach()
    for step in range(1, 6):
        # The layers above the frozen one count from 0.
        raw = load_file(tmp_path / f"checkpoint-{step}" / RAW_WEIGHTS)
        raw = raw["encoder.encoder." + name.replace("layer.2", "layer.1")]
        expected = torch.lerp(raw, expected, (1 + step) / (10 + step))
    torch.testing.assert_close(encoder.model.get_parameter(f"encoder.{name}"), expected)
    assert not torch.equal(raw, expected)


def test_cross_fitted_features_are_by_an_encoder_that_saw_the_others(
    deep_encoder_folder, data, tmp_path
):
    small = DatasetDict({"train": data["train"].select(range(7)), "dev": data["dev"]})
    tuner = Finetuner(str(deep_encoder_folder), small, tmp_path / "cache", CONTEXT)
    arguments = arguments_for(tmp_path / "run", num_train_epochs=1)
    vectors = tuner.cross_fit(arguments, folds=2)
    assert [len(rows) for rows in vectors] == [len(row["texts"]) for row in small["train"]]
    shares = []
    for fold in (0, 1):  # its checkpoint is there, so that nothing is trained again
        held = np.sort(np.random.default_rng(arguments.seed).permutation(7)[fold::2])
        own = arguments_for(tmp_path / "run" / f"fold-{fold}", num_train_epochs=1)
        encoder, _ = tuner.fit(own, held.tolist())
        for index, expected in zip(
            held, encode_split(encoder, small["train"].select(held)), strict=True
        ):
            np.testing.assert_allclose(vectors[index], expected, atol=1e-6)
        shares += held.tolist()
    assert sorted(shares) == list(range(7))


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="layer_decay = 0"):
        FinetuningArguments(output_dir=str(tmp_path), layer_decay=0)
    for name in ("dropout", "ema_decay"):
        with pytest.raises(ValueError, match=f"{name} = 1"):
            FinetuningArguments(output_dir=str(tmp_path), **{name: 1})
