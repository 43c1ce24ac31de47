"""The report of a cross-validation: the scores of each fold, their mean, and all answers together.

The deviation is the sample's, over the folds. `pooled` are the scores of all held-out answers
together, each given by a model that has not seen the conversation.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synctva import metrics
from synctva.csv_output import as_text, write_csv
from synctva.files import write_whole
from synctva.results import (
    SCORES,
    note_on_absent_classes,
    read_results,
    score_text,
    write_results,
)

ANSWERS_FILE = "answers.csv"
REPORT_FILE = "report.md"

SCORES_FROM = "p_"
"""How the columns of `ANSWERS_FILE` begin that have the probability of a label."""

_SHARED = (
    "dataset",
    "seed",
    "selected_on",
    "modalities",
    "commit",
    "uncommitted_changes",
    "versions",
)


def make_report(folder: Path, folds: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Put the results of all folds together.

    Args:
        folder: of the cross-validation, with the folders of its folds.
        folds: their number.
        facts: further entries.

    Returns:
        See `cross_validate`.
    """
    results = [read_results(folder / f"fold-{number}") for number in range(1, folds + 1)]
    names = list(results[0]["test"]["per_class_f1"])
    labels, scores = _pool_answers(folder, folds, names)
    values = {key: np.array([fold["test"][key] for fold in results]) for key in SCORES}
    majority = {key: np.mean([fold["majority"][key] for fold in results]) for key in SCORES}
    calibrations = [fold["calibration"] for fold in results if "calibration" in fold]
    calibrated = [fold for fold in calibrations if fold["temperature"] != 1]
    return {
        **{name: results[0][name] for name in _SHARED if name in results[0]},
        **facts,
        "folds": [
            {
                "fold": fold["fold"],
                "conversations": fold["conversations"],
                "train_conversations": fold["train_conversations"],
                "training_seconds": fold["training_seconds"],
                **{key: fold["test"][key] for key in ("n", *SCORES)},
            }
            for fold in results
        ],
        "mean": {key: float(value.mean()) for key, value in values.items()},
        "deviation": {key: float(value.std(ddof=1)) for key, value in values.items()},
        "pooled": metrics.compute(np.log(scores), labels, names),
        "majority": {key: float(value) for key, value in majority.items()},
        "calibration": {
            "folds": len(calibrated),
            **{
                when: {
                    key: float(np.mean([fold[when][key] for fold in calibrated]))
                    for key in ("nll", "ece")
                }
                for when in ("before", "after")
                if calibrated
            },
        },
    }


def _pool_answers(
    folder: Path, folds: int, label_names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Write the answers of all folds into one file; return labels (K,) and probabilities (K, C)."""
    rows: list[dict[str, str]] = []
    for number in range(1, folds + 1):
        with (folder / f"fold-{number}" / ANSWERS_FILE).open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    write_answers(folder, rows)
    written = [as_text(name) for name in label_names]
    labels = np.array([written.index(row["label"]) for row in rows])
    scores = [[float(row[f"{SCORES_FROM}{name}"]) for name in label_names] for row in rows]
    return labels, np.array(scores)


def write_answers(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a row for each held-out answer, with the same columns."""
    text = io.StringIO()
    write_csv(text, list(rows[0]), rows)
    write_whole(folder / ANSWERS_FILE, text.getvalue())


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write `results.json` and `report.md`."""
    write_results(folder, report)
    write_whole(folder / REPORT_FILE, f"# Cross-validation\n\n{cross_validation_table(report)}\n")


def cross_validation_table(report: Mapping[str, Any]) -> str:
    """Return a report in Markdown that is aligned, to be read in a terminal too."""
    about = [report["dataset"], f"seed {report['seed']}", *report["modalities"]]
    folds = report["folds"]
    kind = f"{len(folds)} folds of conversations"
    if "leave_one_out" in report:
        kind = f"one {report['leave_one_out']} left out at a time, {len(folds)} folds"
    rows = [
        [str(fold["fold"]), str(fold["conversations"]), str(fold["n"]), *_cells(fold)]
        for fold in folds
    ]
    for name in ("mean", "deviation", "pooled"):
        counts = [str(sum(fold[key] for fold in folds)) for key in ("conversations", "n")]
        counts = counts if name == "pooled" else ["", ""]
        rows.append([name, *counts, *_cells(report[name])])
    rows.append(["lower bound: majority class", "", "", *_cells(report["majority"])])
    pooled = report["pooled"]
    names = list(pooled["per_class_f1"])
    matrix = pooled["confusion_matrix"]
    classes = [
        [
            name,
            str(pooled["support"][name]),
            score_text(pooled["per_class_f1"][name]),
            *map(str, row),
        ]
        for name, row in zip(names, matrix, strict=True)
    ]
    return "\n\n".join(
        filter(
            None,
            [
                f"{', '.join(about)}: {kind}. In each, a tenth of the other conversations is dev, "
                "which chooses the epoch. The deviation is that between folds; *pooled* are all "
                "held-out answers together.",
                _aligned(["held out", "conversations", "n", *SCORES.values()], rows),
                "Pooled, F1 of each class, and the answers to the utterances of each class:",
                _aligned(["class", "n", "F1", *(f"as {name}" for name in names)], classes),
                note_on_absent_classes(pooled, "the data"),
                _calibration(report["calibration"], len(folds)),
                _filled(report.get("filled", ())),
            ],
        )
    )


def _cells(scores: Mapping[str, Any]) -> list[str]:
    return [score_text(scores[key]) for key in SCORES]


def _calibration(calibration: Mapping[str, Any], folds: int) -> str:
    if not calibration["folds"]:
        return "No fold is calibrated: its dev was too small, or a temperature did not help on it."
    before, after = calibration["before"], calibration["after"]
    changes = ", ".join(
        f"{SCORES[key]} {before[key]:.4f} to {after[key]:.4f}" for key in ("nll", "ece")
    )
    return f"Calibrated on dev in {calibration['folds']} of {folds} folds: {changes} (their mean)."


def _filled(notes: Sequence[str]) -> str | None:
    """Say that the data has cells with a mean that was not that of a fold's training data."""
    if not notes:
        return None
    return (
        f"When the data was loaded: {'; '.join(notes)}. That mean is the one thing that a fold "
        "shares with what it holds out."
    )


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    lines = []
    for first, *others in (header, rule, *rows):
        numbers = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        lines.append(f"| {' | '.join([f'{first:{widths[0]}}', *numbers])} |")
    return "\n".join(lines)


__all__ = ["ANSWERS_FILE", "REPORT_FILE", "cross_validation_table", "make_report", "write_report"]
