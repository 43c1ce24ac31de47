"""`synctva finetune`, and a model trained on the features that it writes."""

import csv

import numpy as np
import pytest

from synctva.commands import finetune, predict, train
from synctva.datasets_scripts import MELD_LABELS
from synctva.datasets_scripts.corpora.labelled_text.annotators import (
    SECOND_FILE,
    VOTES,
    VOTES_FILE,
)
from synctva.finetuning import FinetuningArguments
from tests.support.corpora import meld_row, write_csv, write_meld
from tests.support.quick_training import QUICK


def test_a_model_is_trained_on_the_features(finetuned, tmp_path, capsys):
    assert "dev: accuracy" in finetuned.printed
    features, model = finetuned.folder / "features", str(tmp_path / "model")
    assert "cross-fitted in 2 folds" in (features / "README.md").read_text()
    options = ["--dataset", "features", "--data_dir", str(features), "--output_dir", model]
    train.main([*options, *QUICK])
    predict.main(["--model", model, "--text", "good", "day"])
    assert len(capsys.readouterr().out.splitlines()) > 2


def test_the_results_are_printed_without_dictionaries(finetuned):
    lines = finetuned.printed.splitlines()
    assert len(lines) == 2 and lines[1].startswith("Train on it: ")
    titled = [line for line in finetuned.progress.splitlines() if "dev weighted F1" in line]
    assert len(titled) == 3  # the encoder, and one for each fold
    assert "{'" not in finetuned.progress


@pytest.mark.parametrize(
    ("metric", "greater"), [("weighted_f1", True), ("nll", False), ("eval_loss", False)]
)
def test_whether_greater_is_better_follows_from_the_metric(metric, greater, tmp_path):
    arguments = FinetuningArguments(str(tmp_path), metric_for_best_model=metric)
    assert arguments.greater_is_better is greater


def test_dev_is_required_before_the_encoder_is_loaded(finetuned, table, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune, "Finetuner", None)
    rows = [row for row in csv.reader(table.read_text().splitlines()) if row[5] != "dev"]
    without = write_csv(tmp_path / "own.csv", rows[0], rows[1:])
    options = [*finetuned.options, "--output_dir", str(tmp_path / "new"), "--data_dir"]
    with pytest.raises(ValueError, match="expected train and dev; dev can be a file"):
        finetune.main([*options, str(without)])


def test_one_fold_is_refused(finetuned):
    with pytest.raises(SystemExit, match="--folds = 1: expected 0, or at least 2"):
        finetune.main([*finetuned.options, "--folds", "1"])


def test_existing_features_are_refused_before_hours_of_training(finetuned, monkeypatch):
    monkeypatch.setattr(finetune, "Finetuner", None)
    with pytest.raises(FileExistsError, match="features already exists"):
        finetune.main(finetuned.options)


def test_further_corpora_and_annotators_are_checked(finetuned, tmp_path):
    options = [*finetuned.options, "--output_dir", str(tmp_path / "new")]
    with pytest.raises(ValueError, match="--also = 'friends': expected name=folder"):
        finetune.main([*options, "--also", "friends"])
    with pytest.raises(ValueError, match="corpus = 'friend': expected one of"):
        finetune.main([*options, "--also", f"friend={tmp_path}"])
    with pytest.raises(FileNotFoundError, match="has no ecf2_eval_new_friends"):
        finetune.main([*options, "--also", f"friends={tmp_path}"])
    with pytest.raises(SystemExit, match=r"--annotators = 2\.0: expected a number from 0 to 1"):
        finetune.main([*options, "--annotators", "2"])
    with pytest.raises(SystemExit, match="--dataset = table: expected meld, with --annotators"):
        finetune.main([*options, "--annotators", "0.3"])


def test_meld_with_annotators_and_another_corpus(deep_encoder_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    (tmp_path / "meld").mkdir()
    rows = [meld_row(i, 0, "good day", emotion=name) for i, name in enumerate(MELD_LABELS)]
    write_meld(tmp_path / "meld", rows)
    header = ["Dialogue_ID", "Utterance_ID"]
    write_csv(tmp_path / "meld" / VOTES_FILE, [*header, VOTES], [[0, 0, "0500000"]])
    write_csv(tmp_path / "meld" / SECOND_FILE, [*header, "ecf_emotion"], [[0, 0, "joy"]])
    (tmp_path / "go").mkdir()
    (tmp_path / "go/labels.txt").write_text("up\ndown\n")
    (tmp_path / "go/train.tsv").write_text("hello\t0\ta\nbad day\t0,1\tb\n")
    options = ["--dataset", "meld", "--data_dir", str(tmp_path / "meld"), "--annotators", "0.4"]
    options += ["--also", f"goemotions={tmp_path / 'go'}", "--frozen_layers", "1"]
    options += ["--encoder", str(deep_encoder_folder), "--num_train_epochs", "1", "--use_cpu"]
    options += ["--report_to", "none", "--cache_dir", str(tmp_path / "cache")]
    targets = {}
    seen = finetune.Finetuner
    monkeypatch.setattr(
        finetune, "Finetuner", lambda *a, **k: targets.update(k["targets"]) or seen(*a, **k)
    )
    finetune.main([*options, "--output_dir", str(tmp_path / "run")])
    joy = MELD_LABELS.index("joy")
    assert list(targets) == ["dia0_utt0"]
    np.testing.assert_allclose(targets["dia0_utt0"][[0, joy]], [0.6, 0.4], atol=1e-6)
    assert "fine-tuned on meld, goemotions" in (tmp_path / "run/features/README.md").read_text()
