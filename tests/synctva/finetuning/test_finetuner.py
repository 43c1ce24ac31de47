"""Fine-tuning end to end: training, resuming, averaging, cross-fitting."""

import json

import numpy as np
import pytest
import torch
from datasets import DatasetDict
from safetensors.torch import load_file
from transformers import AutoModel

from synctva.features.text import encode_split, with_text_features
from synctva.finetuning import Finetuner, FinetuningArguments, save_encoder
from synctva.modeling_synctva.text_encoder import TextEncoder
from synctva.trainer.averaging import RAW_WEIGHTS

CONTEXT = {"tokens": 24, "past": 8, "future": 8, "turn": 12}


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


def test_an_interrupted_run_continues(deep_encoder_folder, data, tmp_path):
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


def test_cross_fitted_features_are_by_an_encoder_trained_on_the_others(
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
