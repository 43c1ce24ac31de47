"""The command from end to end, on a toy feature set instead of a corpus."""

import json
from dataclasses import replace

import numpy as np
import pytest
from datasets import DatasetDict

from benchmarks.accuracy.__main__ import main
from benchmarks.accuracy.answers import labelled_answers, read_truth
from benchmarks.accuracy.baselines import BASELINES
from benchmarks.accuracy.experiments import recipe_settings, run
from benchmarks.accuracy.runs import Variant, find_run, read_runs
from benchmarks.accuracy.trials import Settings, read_trials, settings_of
from synctva.features.feature_sets import load_feature_set, write_feature_set
from synctva.trainer.recipes import RECIPES
from tests.support.toy import LABELS, toy_dataset

EPOCHS = 2
ENCODERS = {"text": "toy text", "audio": "toy audio"}


@pytest.fixture(scope="module", autouse=True)
def few_epochs():
    recipe = RECIPES["meld"]
    with pytest.MonkeyPatch.context() as patch:
        training = {**recipe.training, "num_train_epochs": EPOCHS}
        patch.setitem(RECIPES, "meld", replace(recipe, training=training))
        yield


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    sizes = {"train": 24, "dev": 8, "test": 9}
    data = DatasetDict(
        {
            split: toy_dataset(size, seed, modalities=("text", "audio"))
            for seed, (split, size) in enumerate(sizes.items())
        }
    )
    folder = tmp_path_factory.mktemp("features") / "toy"
    write_feature_set(data, folder, encoders=ENCODERS, source="invented")
    return folder


@pytest.fixture(scope="module")
def result(features):
    return run("meld", None, Variant("synctva", "no-context"), 0, features)


def test_a_run_says_what_it_is_and_keeps_its_answers(features, result):
    json.dumps(result, allow_nan=False)
    expected = {"dataset": "meld", "model": "synctva", "ablation": "no-context", "seed": 0}
    assert expected.items() <= result.items()
    assert result["features"] == "toy" and result["encoders"] == ENCODERS
    assert result["loss"] == "class_weighted"  # MELD's recipe
    assert result["dev_curve"]["epoch"] == [float(epoch + 1) for epoch in range(EPOCHS)]
    best = max(result["dev_curve"]["weighted_f1"])
    assert result["dev"]["weighted_f1"] == pytest.approx(best, abs=1e-4)
    truth = read_truth("meld", None, features)
    for split in ("dev", "test"):
        answers = labelled_answers([result], split, truth[split])  # checked against the score
        accuracy = (answers[0] == truth[split].labels).mean()
        assert accuracy == pytest.approx(result[split]["accuracy"])
    matrix = np.array(result["confusion_matrix"])
    assert matrix.shape == (len(LABELS),) * 2
    assert matrix.trace() / matrix.sum() == pytest.approx(result["test"]["accuracy"])
    low, high = result["test_interval"]
    assert low <= result["test"]["weighted_f1"] <= high


def test_the_same_seed_makes_the_same_run(features, result):
    again = run("meld", None, Variant("synctva", "no-context"), 0, features)
    assert again["answers"] == result["answers"] and again["test"] == result["test"]


def test_the_whole_model_is_scored_without_each_of_its_modalities(features):
    whole = run("meld", None, Variant("synctva"), 0, features)
    assert whole["subsets"].keys() == {"text", "audio"}
    assert whole["subsets"]["text"]["accuracy"] != whole["subsets"]["audio"]["accuracy"]


def test_what_changes_nothing_is_not_run(features):
    for name in ("no-visual-audio", "loss-class-weighted"):
        assert run("meld", None, Variant("synctva", name), 0, features) is None


def test_the_command_runs_what_is_missing_and_writes_the_tables(features, tmp_path, capsys):
    document = tmp_path / "results.md"
    document.write_text("<!-- table: meld toy -->\n<!-- end -->\n")
    results = tmp_path / "runs"
    options = ["--dataset", "meld", "--features", str(features), "--results", str(results)]
    command = [*options, "--seeds", "0", "--models", "synctva", "late-fusion"]
    command += ["--ablations", "no-graph", "no-text-visual", "--write", str(document)]
    main(command)
    output = capsys.readouterr().out
    kept = results / "meld.jsonl"
    written = kept.stat().st_mtime_ns
    runs = read_runs(results, "meld", "toy")
    assert set(map(str, runs)) == {"late-fusion", "synctva", "synctva no-graph"}
    assert all([run["seed"] for run in these] == [0] for these in runs.values())
    assert "meld synctva no-text-visual seed 0: left out" in output
    text = document.read_text()
    for expected in ("| late-fusion | 1 |", "p (Holm)", "F1 on test", "| no-graph | 1 |"):
        assert expected in text and expected in output
    main(command)
    assert "p (Holm)" in capsys.readouterr().out
    assert kept.stat().st_mtime_ns == written
    # With only the name, it prints the tables that need no truth.
    main([*options[:2], "--features", "toy", *options[4:]])
    assert "p (Holm)" not in capsys.readouterr().out


def test_fewer_conversations_are_runs_of_their_own(features, tmp_path, capsys):
    options = ["--dataset", "meld", "--features", str(features), "--results", str(tmp_path)]
    options += ["--models", "concat-mlp", "--seeds", "0"]
    main(options)
    main([*options, "--train_conversations", "8"])
    assert "toy, 8 conversations" in capsys.readouterr().out
    mlp, names = Variant("concat-mlp"), ("toy, 8 conversations", "toy")
    few, whole = (find_run(tmp_path, "meld", name, mlp, 0) for name in names)
    assert few["features"] == "toy, 8 conversations"
    assert few["answers"] != whole["answers"]


def test_a_tuned_model_runs_with_the_best_of_its_trials(features, tmp_path, capsys, monkeypatch):
    better, worse = Settings(1e-3, 0.3), Settings(1e-6, 0.5)
    recipe = RECIPES["meld"]
    training = {**recipe.training, "learning_rate": 1e-6}  # learns next to nothing
    monkeypatch.setitem(RECIPES, "meld", replace(recipe, training=training))
    monkeypatch.setattr("benchmarks.accuracy.experiments.TRIALS", (better, worse))
    options = ["--dataset", "meld", "--features", str(features), "--results", str(tmp_path)]
    command = [*options, "--models", "concat-mlp", "--seeds", "0"]
    mlp = Variant("concat-mlp")
    main(command)
    run = find_run(tmp_path, "meld", "toy", mlp, 0)
    untuned = settings_of(run)
    assert untuned == recipe_settings("meld") == Settings(1e-6, 0.3)
    score = run["dev"]["weighted_f1"]

    main([*command, "--tune"])
    output = capsys.readouterr().out
    assert "best on dev with 0.001, 0.3" in output and "| concat-mlp |" in output
    trials = read_trials(tmp_path, "meld", "toy")["concat-mlp"]
    assert {key: len(found) for key, found in trials.scores.items()} == {
        untuned: 5,
        better: 5,
        worse: 2,
    }
    assert trials.scores[untuned][0] == score  # that of the run, not found again
    assert trials.best() == better
    # A run with other settings than the best is made again, and is what the trial was.
    run = find_run(tmp_path, "meld", "toy", mlp, 0)
    assert settings_of(run) == better
    again = run["dev"]["weighted_f1"]
    assert again == pytest.approx(trials.scores[better][0], abs=1e-12)

    kept = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.jsonl")}
    main([*command, "--tune"])
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.jsonl")} == kept
    assert len(kept) == 2


def test_iemocap_is_tuned_on_sessions_left_out(features, tmp_path, capsys, monkeypatch):
    better, worse = Settings(1e-3, 0.3), Settings(1e-6, 0.5)
    recipe = RECIPES["iemocap"]
    training = {**recipe.training, "num_train_epochs": EPOCHS, "learning_rate": 1e-6}
    monkeypatch.setitem(RECIPES, "iemocap", replace(recipe, training=training))
    monkeypatch.setattr("benchmarks.accuracy.experiments.TRIALS", (better, worse))
    data = load_feature_set(features)
    for split in ("train", "dev"):
        names = [f"Ses0{i % 4 + 1}_{split}_{i}" for i in range(len(data[split]))]
        data[split] = data[split].remove_columns("dialogue_id").add_column("dialogue_id", names)
    write_feature_set(data, tmp_path / "sessions", encoders=ENCODERS, source="invented")
    options = ["--dataset", "iemocap", "--features", str(tmp_path / "sessions")]
    options += ["--results", str(tmp_path / "runs"), "--models", "concat-mlp", "--seeds", "0"]
    main([*options, "--tune"])
    assert "best on sessions left out with 0.001, 0.3" in capsys.readouterr().out
    trials = read_trials(tmp_path / "runs", "iemocap", "sessions")["concat-mlp"]
    recipe_key = recipe_settings("iemocap")
    lengths = {key: len(found) for key, found in trials.scores.items()}
    assert lengths == {recipe_key: 8, better: 8, worse: 4}
    # A trial is a run on the other sessions, not one on dev as it is.
    run = find_run(tmp_path / "runs", "iemocap", "sessions", Variant("concat-mlp"), 0)
    assert run["dev"]["weighted_f1"] not in trials.scores[better]


def test_nothing_to_print_is_said(tmp_path):
    with pytest.raises(SystemExit, match="no run on meld with frozen MiniLM"):
        main(["--dataset", "meld", "--results", str(tmp_path)])


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_trains(features, name):
    result = run("meld", None, Variant(name), 0, features)
    assert result["model"] == name and result["ablation"] is None
    first, last = result["dev_curve"]["nll"]
    assert last < first
