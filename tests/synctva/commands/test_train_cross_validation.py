"""`synctva train` with --folds and --leave_one_out."""

import csv

import pytest

from synctva.commands import train
from synctva.features import text
from synctva.results import read_results
from synctva.trainer import recipes
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.corpora import write_csv
from tests.support.quick_training import QUICK


@pytest.fixture
def options(table, toy_text, tmp_path):
    return [
        "--dataset", "table", "--data_dir", str(table), "--output_dir", str(tmp_path / "run"),
        "--disable_tqdm", "true", *QUICK,
    ]  # fmt: skip


def test_texts_are_embedded_once_and_finished_folds_are_kept(
    options, tmp_path, monkeypatch, capsys
):
    embedded = []
    add = text.add_text_features
    monkeypatch.setattr(
        recipes, "add_text_features", lambda *given: embedded.append(given) or add(*given)
    )
    train.main([*options, "--folds", "2"])
    printed = capsys.readouterr()
    assert len(embedded) == 1
    results = read_results(tmp_path / "run")
    assert results["folds"][0]["conversations"] + results["folds"][1]["conversations"] == 20
    assert results["pooled"]["n"] == 60
    assert results["command"].startswith("synctva train --dataset table --data_dir own.csv")
    assert "| held out" in printed.out and "| pooled" in printed.out
    assert "fold 2 of 2: 10 conversations held out" in printed.err

    monkeypatch.setattr(SyncTVATrainer, "train", None)
    train.main([*options, "--folds", "2"])
    assert capsys.readouterr().out == printed.out
    with pytest.raises(SystemExit, match="there is a cross-validation: expected another"):
        train.main(options)
    with pytest.raises(TypeError):  # trained anew
        train.main([*options, "--folds", "2", "--overwrite_output_dir"])


@pytest.mark.slow
def test_sessions_are_a_column_of_the_table_and_a_checkpoint_is_started_from(
    options, table, tmp_path, capsys
):
    train.main([*options[:4], *options[6:], "--output_dir", str(tmp_path / "parent")])
    header, *rows = csv.reader(table.read_text().splitlines())
    rows = [[*row, f"S{number // 3 % 2}"] for number, row in enumerate(rows)]
    own = write_csv(tmp_path / "sessions.csv", [*header, "session"], rows)
    given = ["--dataset", "table", "--data_dir", str(own), "--output_dir", str(tmp_path / "run")]
    given += ["--model", str(tmp_path / "parent"), "--num_train_epochs", "1", "--use_cpu"]
    train.main([*given, "--report_to", "none", "--leave_one_out", "session"])
    results = read_results(tmp_path / "run")
    assert [fold["fold"] for fold in results["folds"]] == ["S0", "S1"]
    assert results["parent"]["name"] == "parent" and results["parent"]["statistics"] == "kept"
    assert "one session left out at a time, 2 folds" in capsys.readouterr().out


def test_the_folder_is_named_after_the_folds():
    given = ["--dataset", "meld", "--seed", "2"]
    folders = [
        train.parse_arguments([*given, *more])[1].output_dir
        for more in (["--folds", "5"], ["--leave_one_out", "speaker"])
    ]
    assert folders == ["runs/meld-seed2-5-folds", "runs/meld-seed2-each-speaker"]


@pytest.mark.parametrize(
    "other", [["--streaming"], ["--max_train_conversations", "3"], ["--search_trials", "2"]]
)
def test_what_needs_one_training_set_is_refused(options, other):
    with pytest.raises(SystemExit, match=f"--folds: expected no {other[0]}"):
        train.main([*options, "--folds", "2", *other])
