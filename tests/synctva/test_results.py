"""`results.json`: its content, and the table made from it."""

import json

import numpy as np
import pytest
from datasets import DatasetDict

from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.results import (
    collect_results,
    majority_scores,
    read_results,
    results_table,
    strength_auc,
    write_results,
)
from tests.support.toy import LABELS, toy_dataset
from tests.support.training_program import toy_trainer

SCORES = {
    "n", "accuracy", "uar", "weighted_f1", "macro_f1", "per_class_f1", "support", "nll", "ece",
    "confusion_matrix",
}  # fmt: skip


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    trainer = toy_trainer(tmp_path_factory.mktemp("results"))
    data = DatasetDict(
        {"train": trainer.train_dataset, "dev": trainer.eval_dataset, "test": toy_dataset(9, 2)}
    )
    results = collect_results(
        trainer, data, dataset="table", training_seconds=1.25, command="synctva train"
    )
    return trainer, data, results


def test_content_of_the_results(collected):
    trainer, data, results = collected
    assert results["dataset"] == "table"
    assert results["seed"] == 5
    assert results["selected_on"] == "dev"
    assert results["modalities"] == ["text", "visual", "audio"]
    assert results["train_conversations"] == 32
    assert results["training_seconds"] == 1.2
    for split in ("dev", "test", "majority"):
        assert results[split].keys() | {"confusion_matrix"} == SCORES
        assert list(results[split]["per_class_f1"]) == list(LABELS)
        assert list(results[split]["support"]) == list(LABELS)
    assert results["test"] == trainer.score(data["test"])
    assert np.sum(results["test"]["confusion_matrix"]) == results["test"]["n"]
    assert "confusion_matrix" not in results["majority"]
    assert "bayes_optimal" not in results


def test_a_calibrated_model_has_scores_before_and_after(tmp_path):
    trainer = toy_trainer(tmp_path, num_train_epochs=1)
    data = DatasetDict({"dev": toy_dataset(40, 1), "test": toy_dataset(9, 2)})
    before = collect_results(trainer, data, dataset="table")
    assert "calibration" not in before
    trainer.calibrate(data["dev"])
    after = collect_results(trainer, data, dataset="table")
    calibration = after.pop("calibration")
    assert after["test"] == before["test"]  # of the uncalibrated logits
    assert calibration["temperature"] == trainer.config.calibration_temperature != 1
    for key in ("nll", "ece"):
        assert calibration["before"][key] == pytest.approx(after["test"][key])
    table = results_table({**after, "calibration": calibration})
    assert f"ECE {calibration['before']['ece']:.4f} to {calibration['after']['ece']:.4f}" in table
    assert "prediction sets for 90%: " in table
    write_results(tmp_path, {**after, "calibration": calibration})  # it can be written as JSON
    only_dev = collect_results(trainer, DatasetDict({"dev": data["dev"]}), dataset="table")
    assert "calibration" not in only_dev  # not measured on the split that it was fitted on


def test_written_and_read_back(tmp_path, collected):
    results = collected[2]
    path = write_results(tmp_path / "model", results)
    assert path.name == "results.json"
    assert read_results(tmp_path / "model") == results
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]
    with pytest.raises(ValueError, match="JSON"):
        write_results(tmp_path / "model", {"nll": float("nan")})
    assert json.loads(path.read_text()) == results  # the earlier file is unchanged
    with pytest.raises(FileNotFoundError):
        read_results(tmp_path)


def test_the_table_has_every_score(collected):
    results = dict(collected[2])
    table = results_table(results)
    for split in ("dev", "test"):
        line = next(row for row in table.splitlines() if row.startswith(f"Sync-TVA ({split})"))
        assert f"{results[split]['weighted_f1']:.4f}" in line
        assert f"{results[split]['accuracy']:.4f}" in line
    for name, value in results["test"]["per_class_f1"].items():
        assert any(row.startswith(name) and f"{value:.4f}" in row for row in table.splitlines())
    assert "lower bound: majority class (test)" in table
    assert "optimum" not in table and "upper bound" not in table
    results |= {"bayes_optimal": results["test"], "of_optimum": 0.925}
    results["strength_auc"] = {"text": 0.8, "visual": None, "audio": 0.75}
    results["yardsticks"] = {"no_context": results["dev"]}
    lines = (table := results_table(results)).splitlines()
    assert "92.5% of the optimum" in table
    for name, scores in (("Bayes optimum", results["test"]), ("no context", results["dev"])):
        row = next(row for row in lines if row.startswith(f"upper bound: {name} (test)"))
        assert f"{scores['accuracy']:.4f}" in row
    assert any(
        row.split() == ["F1", "(test)", "n", "Sync-TVA", "lower", "bound", "upper", "bound"]
        for row in lines
    )
    assert "text 0.800, audio 0.750" in table


def test_a_class_without_utterances_is_shown_as_a_dash_with_a_note(collected):
    trainer, data, _ = collected
    test = data["test"].map(
        lambda row: {"labels": [IGNORE_INDEX if label == 1 else label for label in row["labels"]]},
        load_from_cache_file=False,
    )
    results = collect_results(trainer, DatasetDict(data | {"test": test}), dataset="table")
    assert results["test"]["per_class_f1"]["glad"] is None
    lines = results_table(results).splitlines()
    row = next(line for line in lines if line.startswith("glad"))
    assert row.split() == ["glad", "0", "-", "-"]
    note = (
        "No utterance in test is labelled glad: macro F1 and UAR are means over the other classes."
    )
    assert lines.count(note) == 1
    assert not any("in dev is labelled" in line for line in lines)


def test_results_of_older_versions_are_shown_without_the_newer_scores(collected):
    newer = ("uar", "support", "confusion_matrix")
    older = {
        key: {k: v for k, v in value.items() if k not in newer}
        if key in ("dev", "test", "majority") else value
        for key, value in collected[2].items()
    }  # fmt: skip
    table = results_table(older)
    assert "UAR" not in table
    assert table.splitlines()[2].split() == [
        "n",
        "accuracy",
        "weighted",
        "F1",
        "macro",
        "F1",
        "NLL",
        "ECE",
    ]
    value = older["test"]["per_class_f1"]["glad"]
    assert any(line.startswith("glad") and f"{value:.4f}" in line for line in table.splitlines())


def test_majority_is_the_most_frequent_class_of_the_training_set():
    labels = np.array([0, 0, 1, 2])
    scores = majority_scores(np.array([5, 90, 0]), labels, LABELS)
    assert scores["accuracy"] == 0.25
    prior = np.array([6, 91, 1]) / 98
    assert scores["nll"] == pytest.approx(-np.log(prior[labels]).mean())


def test_strength_auc_counts_only_present_modalities():
    reliability = [[[True, False, True], [False, False, True], [True, True, True]]]
    mask = [[[True, True, True], [True, False, True], [False, True, True]]]
    dataset = toy_dataset(1).remove_columns(["modality_mask"]).select([0])
    dataset = dataset.add_column("modality_mask", mask).add_column("reliability", reliability)
    # text: the unreliable one is stronger; visual: the reliable one is; audio: always reliable.
    strengths = np.array([[[0.2, 0.1, 0.5], [0.7, 0.9, 0.5], [0.0, 0.6, 0.5], [-100.0] * 3]])
    auc = strength_auc(dataset, strengths)
    assert auc == {"text": 0.0, "visual": 1.0, "audio": None}


def test_a_split_is_needed(collected):
    trainer, data, _ = collected
    with pytest.raises(ValueError, match="expected dev or test"):
        collect_results(trainer, DatasetDict({"train": data["train"]}), dataset="table")
