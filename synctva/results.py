"""`results.json`: the scores of a trained model, the data, and how it was made."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.metrics import roc_auc_score

from synctva import metrics
from synctva.calibration_fitting import calibration_report, why_not_calibrated
from synctva.files import write_whole
from synctva.metrics.confidence import says_nothing
from synctva.metrics.missing_modalities import columns_of_modalities
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.provenance import provenance

RESULTS_FILE = "results.json"
SCORES = {
    "accuracy": "accuracy",
    "uar": "UAR",
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "nll": "NLL",
    "ece": "ECE",
}
"""Scores of a split, and their names in tables. Files of older versions have no `uar`."""

CALIBRATION_SCORES = {"nll": "NLL", "ece": "ECE", "brier": "Brier score"}
"""Scores before and after calibration, and their names in tables."""


def collect_results(
    trainer: Any,
    data: DatasetDict,
    *,
    dataset: str,
    training_seconds: float | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """Evaluate a trained model and return the content of its `results.json`.

    Args:
        trainer: a `SyncTVATrainer`.
        data: splits, of which dev and test are evaluated.
        dataset: name of the data set.
        training_seconds: duration of the training.
        command: the command that trains the model again.

    Returns:
        dataset, seed, commit, selected_on and similar facts; `modalities`: those that the model
        reads and the data has; and scores (fractions and nats):
        `dev`, `test`: see `synctva.metrics.scores.score`;
        `majority`: the same on test, for answering with the training set's class frequencies, but
        without a confusion matrix;
        `bayes_optimal` (this and the next three for simulated data): the same for the exact
        posterior; `yardsticks`: for weaker references; `of_optimum`: the accuracy as a share of the
        optimal accuracy; `strength_auc`: for each modality, how well the strengths tell whether a
        present modality is reliable;
        `calibration` (for a calibrated model with a test split): see
        `synctva.calibration_fitting.calibration_report`. All other scores are of the uncalibrated
        logits.

    Raises:
        ValueError: there is neither dev nor test.
    """
    from synctva.trainer.statistics import class_counts, conversation_lengths

    last = next((split for split in ("test", "dev") if split in data), None)
    if last is None:
        raise ValueError(f"splits of data = {list(data)}: expected dev or test")
    names = trainer.label_names_in_order
    results: dict[str, Any] = {
        "dataset": dataset,
        "seed": trainer.args.seed,
        "selected_on": "dev" if "dev" in data else None,
        "modalities": list(columns_of_modalities(data[last], trainer.config)),
        **provenance(),
    }
    if training_seconds is not None:
        results["training_seconds"] = round(training_seconds, 1)
    if command is not None:
        results["command"] = command
    for split in ("dev", "test"):
        if split not in data:
            continue
        # Only simulated data knows the reliability, and not every model has strengths.
        hidden = "reliability" in data[split].column_names and trainer.config.use_enhancement
        fields = ("logits", "strengths") if hidden else ("logits",)
        output = trainer.predict_fields(data[split], fields)
        labelled = output["labels"] != IGNORE_INDEX  # (conversations, N)
        results[split] = metrics.compute(
            output["logits"][labelled], output["labels"][labelled], names
        )
        if split == "test" and trainer.config.conformal_thresholds is not None:
            results["calibration"] = calibration_report(
                trainer.config,
                output["logits"][labelled],
                output["labels"][labelled],
                labelled.nonzero()[0],
            )
        if split == last:
            true = output["labels"][labelled]
            if hidden:
                results["strength_auc"] = strength_auc(data[split], output["strengths"])
    train = data.get("train", trainer.train_dataset)  # a stream is not in `data`
    if train is not None:
        results["train_conversations"] = len(conversation_lengths(train))
        results["majority"] = majority_scores(class_counts(train, len(names)), true, names)
    if dataset == "simulated":
        from synctva.datasets_scripts.corpora.simulated_optimum import yardsticks

        references = yardsticks(data[last])
        results["bayes_optimal"] = references.pop("bayes_optimal")
        references.pop("majority", None)
        results["yardsticks"] = references
        results["of_optimum"] = results[last]["accuracy"] / results["bayes_optimal"]["accuracy"]
    return results


def majority_scores(
    counts: np.ndarray, labels: np.ndarray, label_names: Sequence[str]
) -> dict[str, Any]:
    """Return the scores of answering every utterance with the training set's class frequencies.

    Args:
        counts: (C,) training utterances of each class.
        labels: (K,) true classes.
        label_names: C names.
    """
    # A class without training utterances keeps a probability above 0.
    log_prior = np.log((counts + 1) / (counts + 1).sum())
    scores = metrics.compute(np.tile(log_prior, (len(labels), 1)), labels, label_names)
    del scores["confusion_matrix"]
    return scores


def strength_auc(dataset: Dataset, strengths: np.ndarray) -> dict[str, float | None]:
    """Return the area under the ROC curve of the strengths against the true reliability.

    Args:
        dataset: conversations with a `reliability` column (N, 3).
        strengths: (conversations, N, 3), padded.

    Returns:
        The area by modality; None if the modality is never present, or if all or none of its
        present features are reliable.
    """
    columns = dataset.select_columns(["reliability", "modality_mask"]).with_format("numpy")
    rows = [columns[i] for i in range(len(columns))]
    reliable = np.concatenate([row["reliability"] for row in rows])  # (T, 3)
    present = np.concatenate([row["modality_mask"] for row in rows])
    values = np.concatenate([strengths[i, : len(row["reliability"])] for i, row in enumerate(rows)])
    result: dict[str, float | None] = {}
    for m, name in enumerate(MODALITIES):
        chosen = present[:, m] & (f"{name}_features" in dataset.column_names)
        truth = reliable[chosen, m]
        both = len(np.unique(truth)) == 2
        result[name] = float(roc_auc_score(truth, values[chosen, m])) if both else None
    return result


def write_results(folder: str | os.PathLike, results: Mapping[str, Any]) -> Path:
    """Write `results.json` into a model folder and return its path.

    Args:
        folder: created if it is missing.
        results: from `collect_results`.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot represent.
    """
    directory = Path(folder)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return write_whole(directory / RESULTS_FILE, text)


def read_results(folder: str | os.PathLike) -> dict[str, Any]:
    """Read `results.json` of a model folder.

    Args:
        folder: of the model.

    Returns:
        The content, as described in `collect_results`.

    Raises:
        FileNotFoundError: the folder has none.
    """
    return json.loads((Path(folder) / RESULTS_FILE).read_text(encoding="utf-8"))


def results_table(results: Mapping[str, Any]) -> str:
    """Return results as text: the scores of each split, and F1 of each class, with bounds.

    The simulator's yardsticks are exact posteriors: no model can be expected to do better from the
    same input, without context or from one modality.
    """
    last = "test" if "test" in results else "dev"
    rows = {f"Sync-TVA ({split})": results[split] for split in ("dev", "test") if split in results}
    references = {}
    if "majority" in results:
        references[f"lower bound: majority class ({last})"] = results["majority"]
    for name, scores in results.get("yardsticks", {}).items():
        references[f"upper bound: {name.replace('_', ' ')} ({last})"] = scores
    if "bayes_optimal" in results:
        references[f"upper bound: Bayes optimum ({last})"] = results["bayes_optimal"]
    width = max(len(name) for name in (*rows, *references))
    columns = shown_scores((rows | references).values())
    about = [results["dataset"], f"seed {results['seed']}", *results.get("modalities", MODALITIES)]
    lines = [
        ", ".join([*about, f"selected on {results['selected_on']}"]),
        "",
        f"{'':{width}} {'n':>6}" + "".join(f"{name:>13}" for name in columns.values()),
    ]
    for name, scores in (rows | references).items():
        values = "".join(f"{score_text(scores.get(key)):>13}" for key in columns)
        lines.append(f"{name:{width}} {scores['n']:6d}{values}")

    models = {"Sync-TVA": results[last]}
    for title, key in (("lower bound", "majority"), ("upper bound", "bayes_optimal")):
        if key in results:
            models[title] = results[key]
    by_class = {title: scores["per_class_f1"] for title, scores in models.items()}
    support = results[last].get("support", {})
    longest = max(len(name) for name in ("F1 (test)", *by_class["Sync-TVA"]))
    counts = f"{'n':>7}" if support else ""
    header = "".join(f"{title:>13}" for title in by_class)
    lines += ["", f"{f'F1 ({last})':{longest}}{counts}{header}"]
    for emotion in by_class["Sync-TVA"]:
        count = f"{support[emotion]:7d}" if support else ""
        values = "".join(f"{score_text(scores[emotion]):>13}" for scores in by_class.values())
        lines.append(f"{emotion:{longest}}{count}{values}")
    notes = [note_on_absent_classes(results[s], s) for s in ("dev", "test") if s in results]
    lines += filter(None, notes)
    if "calibration" in results:
        lines += ["", *calibration_lines(results["calibration"], results.get("held_out_nll"))]
    if "of_optimum" in results:
        lines += ["", f"accuracy is {results['of_optimum']:.1%} of the optimum"]
    if "strength_auc" in results:
        areas = ", ".join(
            f"{name} {area:.3f}"
            for name, area in results["strength_auc"].items()
            if area is not None
        )
        lines.append(f"AUC of the strengths against the true reliability: {areas}")
    return "\n".join(lines)


def shown_scores(splits: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return those of `SCORES` that any of the splits has, with their names."""
    known = set().union(*splits)
    return {key: name for key, name in SCORES.items() if key in known}


def score_text(score: float | None) -> str:
    """Return a score as tables show it: "-" if it is missing or there is nothing to score."""
    return "-" if score is None else f"{score:.4f}"


def note_on_absent_classes(scores: Mapping[str, Any], split: str) -> str | None:
    """Return a sentence on the classes without utterances, None if there are none."""
    absent = [name for name, value in scores["per_class_f1"].items() if value is None]
    if not absent:
        return None
    return (
        f"No utterance in {split} is labelled {', '.join(absent)}: macro F1 and UAR are means over "
        "the other classes."
    )


def calibration_lines(
    calibration: Mapping[str, Any], held_out: Mapping[str, float] | None = None
) -> list[str]:
    """Return what calibration changed on test, as lines of text.

    Args:
        calibration: from `synctva.calibration_fitting.calibration_report`.
        held_out: from `synctva.calibration_fitting.held_out_nll`, which says why it is not applied.
    """
    before, after = calibration["before"], calibration["after"]
    changes = ", ".join(
        f"{title} {before[key]:.4f} to {after[key]:.4f}"
        for key, title in CALIBRATION_SCORES.items()
    )
    lines = [f"calibrated with temperature {calibration['temperature']:.3f}: {changes} (test)"]
    if calibration["temperature"] == 1:
        lines = [f"not calibrated{f': {why_not_calibrated(held_out)}' if held_out else ''}"]
    for asked, had in calibration["prediction_sets"].items():
        lines.append(
            f"prediction sets for {float(asked):.0%}: {had['coverage']:.1%} of the utterances, "
            f"{had['coverage_by_conversation']:.1%} averaged over conversations, "
            f"{had['mean_size']:.2f} labels on average"
            + (", which says next to nothing" if says_nothing(had) else "")
        )
    return lines


__all__ = [
    "CALIBRATION_SCORES",
    "RESULTS_FILE",
    "calibration_lines",
    "collect_results",
    "majority_scores",
    "note_on_absent_classes",
    "read_results",
    "results_table",
    "score_text",
    "shown_scores",
    "strength_auc",
    "write_results",
]
