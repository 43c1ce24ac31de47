"""Fine-tuning end to end: training, resuming, averaging, cross-fitting."""

import json

import numpy as np
import pytest
import torch
from datasets import DatasetDict
from safetensors.torch import load_file
from transformers import AutoModel

from synctva.datasets_scripts.corpora.labelled_text import LabelledTexts, TextCorpus
from synctva.datasets_scripts.corpora.labelled_text.corpus import equal_shares
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


def single_texts(label_names, words):
    """A corpus of single texts: each word tells one label."""
    shares = np.eye(len(label_names), dtype=np.float32)
    texts = [(word, label) for label, word in enumerate(words) for _ in range(20)]
    found = [LabelledTexts([f"{word} way"], [None], shares[[label]]) for word, label in texts]
    return TextCorpus("single texts", label_names, found)


def test_further_corpora_have_classifiers_of_their_own_or_share_one(
    deep_encoder_folder, data, tmp_path
):
    names = ("glad", "cross", "calm")  # those of the data
    dev_line = LabelledTexts(["no no no"], [None], equal_shares([[0]], 2))
    own = data["dev"].select(range(1)).map(lambda r: {"texts": ["No, no! no.", *r["texts"][1:]]})
    also = single_texts(("up", "down"), ("hello", "no"))
    also.conversations.append(dev_line)
    tuner = Finetuner(
        str(deep_encoder_folder),
        DatasetDict({"train": data["train"], "dev": own}),
        tmp_path / "cache",
        CONTEXT,
        also=[also, single_texts(names, ("good", "bad", "day"))],
    )
    assert tuner.label_sets == [names, ("up", "down")]
    assert len(tuner.also[0].conversations) == 40  # without the line of dev
    windows = tuner.windows(tuner._conversations(data["train"], {}), [0], tuner.also)
    counted = windows.class_counts()
    labels = [label for row in data["train"].select(range(1, 60))["labels"] for label in row]
    expected = [*(np.bincount(labels, minlength=3) + 20), 20, 20]
    np.testing.assert_array_equal(counted, expected)
    sizes = [len(item) for item in windows.items]
    assert set(sizes[:59]) == {1} and max(sizes[59:]) > 1  # only single texts are bundled


@pytest.mark.parametrize("taught", [True, False])
def test_what_only_another_corpus_teaches_is_learnt(deep_encoder_folder, data, tmp_path, taught):
    cross = 1
    labels = data["train"].map(
        lambda row: {"labels": [-1 if label == cross else label for label in row["labels"]]}
    )
    also = [single_texts(("up", "down"), ("hello", "no"))]
    if taught:
        whole = Finetuner(str(deep_encoder_folder), data, tmp_path / "cache", CONTEXT)
        again = whole._conversations(data["train"], {})
        also.append(TextCorpus("again", whole.names, again))
    tuner = Finetuner(
        str(deep_encoder_folder),
        DatasetDict({"train": labels, "dev": data["dev"]}),
        tmp_path / "cache",
        CONTEXT,
        also=also,
    )
    _, scores = tuner.fit(arguments_for(tmp_path / "run", loss="cross_entropy"))
    assert (scores["eval_f1_cross"] > 0.5) == taught
    assert scores["eval_f1_glad"] > 0.4


def test_the_targets_of_annotators_replace_labels(deep_encoder_folder, data, tmp_path):
    first = data["train"][0]["utterance_ids"][0]
    target = np.array([0.2, 0.3, 0.5], np.float32)
    tuner = Finetuner(
        str(deep_encoder_folder), data, tmp_path, CONTEXT, targets={first: target, "other": target}
    )
    found = tuner._conversations(data["train"], tuner.targets)
    np.testing.assert_array_equal(found[0].shares[0], target)
    for conversation, row in zip(found[1:], data["train"].select(range(1, 60)), strict=True):
        assert conversation.shares.argmax(1).tolist() == row["labels"]
        assert set(np.unique(conversation.shares)) <= {0, 1}


@pytest.mark.parametrize("corpora", [0, 1])
def test_an_interrupted_run_continues(deep_encoder_folder, data, tmp_path, corpora):
    also = [single_texts(("up", "down"), ("hello", "no"))][:corpora]

    def fit(folder, **changes):
        tuner = Finetuner(str(deep_encoder_folder), data, tmp_path / "cache", CONTEXT, also)
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
