"""Data and trained folders that the tests of several commands read."""

import contextlib
import csv
import io
from types import SimpleNamespace

import pytest

from synctva.commands import finetune, train
from tests.support.quick_training import QUICK


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A folder that `synctva train` has written for simulated conversations."""
    folder = tmp_path_factory.mktemp("trained") / "synctva-simulated"
    train.main(["--max_train_conversations", "40", "--output_dir", str(folder), *QUICK])
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A CSV table with text and one measure of the voice."""
    path = tmp_path_factory.mktemp("table") / "own.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["dialogue_id", "utterance_id", "speaker", "text", "emotion", "split", "audio_loudness"]
        )
        for split, count in (("train", 12), ("dev", 4), ("test", 4)):
            for d in range(count):
                for t, word in enumerate(("good", "bad", "day")):
                    emotion = "glad" if word == "good" else "calm"
                    name = f"{split}{d}"
                    writer.writerow([name, f"{name}_{t}", "ann", word, emotion, split, d + t])
    return path


@pytest.fixture
def toy_text(toy_encoder_spec, monkeypatch, tmp_path):
    """Let the toy encoder be the default text encoder, with a cache of its own."""
    monkeypatch.setattr("synctva.trainer.recipes.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("synctva.trainer.preparation.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("synctva.commands.prepare.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return toy_encoder_spec


@pytest.fixture(scope="session")
def finetuned(table, deep_encoder_folder, tmp_path_factory):
    """What `synctva finetune` has written and printed for the table, and its options."""
    folder = tmp_path_factory.mktemp("finetuned")
    options = ["--dataset", "table", "--data_dir", str(table)]
    options += ["--encoder", str(deep_encoder_folder), "--frozen_layers", "1"]
    options += ["--num_train_epochs", "1", "--report_to", "none"]
    options += ["--output_dir", str(folder / "run"), "--cache_dir", str(folder / "cache")]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", folder / "datasets")
        with contextlib.redirect_stderr(io.StringIO()) as progress:
            finetune.main([*options, "--folds", "2"])
    return SimpleNamespace(
        folder=folder / "run",
        options=options,
        printed=out.getvalue(),
        progress=progress.getvalue(),
    )
