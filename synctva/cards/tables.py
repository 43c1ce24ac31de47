"""Tables of the model card, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from synctva.results import CALIBRATION_SCORES, SCORES


def mean_and_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return the mean over seeds and half its Student-t interval (NaN for a single seed)."""
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        return float(numbers.mean()), float("nan")
    quantile = stats.t.ppf(0.5 + level / 2, len(numbers) - 1)
    return float(numbers.mean()), float(quantile * numbers.std(ddof=1) / np.sqrt(len(numbers)))


def _references(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    last = "test" if "test" in results else "dev"
    rows = {split: results[split] for split in ("dev", "test") if split in results}
    for title, key in (("majority class", "majority"), ("optimum", "bayes_optimal")):
        if key in results:
            rows[f"{title}, {last}"] = results[key]
    return rows


def score_table(results: Mapping[str, Any]) -> str:
    """Return the scores of each split, and of the references on the last split."""
    rows = [
        [title, str(scores["n"]), *(f"{scores[key]:.4f}" for key in SCORES)]
        for title, scores in _references(results).items()
    ]
    return _markdown(["split", "utterances", *SCORES.values()], rows)


def class_table(results: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Return F1 of each class, in the order of the labels."""
    references = _references(results)
    rows = [
        [label, *(f"{scores['per_class_f1'][label]:.4f}" for scores in references.values())]
        for label in labels
    ]
    return _markdown(["F1 of each class", *references], rows)


def seed_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return means over seeds with intervals, for the splits that all runs have."""
    rows = []
    for split in ("dev", "test"):
        if all(split in run for run in runs):
            cells = []
            for key in SCORES:
                mean, half = mean_and_interval([run[split][key] for run in runs])
                cells.append(f"{mean:.4f} ± {half:.4f}")
            rows.append([split, *cells])
    seeds = ", ".join(str(run["seed"]) for run in runs)
    return (
        f"Mean of seeds {seeds}, each selected on dev, with the 95% Student-t interval of the "
        f"mean:\n\n{_markdown(['split', *SCORES.values()], rows)}"
    )


def subset_table(results: Mapping[str, Any]) -> str:
    """Return the scores on test where modalities are missing from every utterance."""
    everything = {"+".join(results["modalities"]): results["test"]}
    rows = [
        [present, *(f"{scores[key]:.4f}" for key in SCORES)]
        for present, scores in (results["subsets"] | everything).items()
    ]
    return _markdown(["modalities", *SCORES.values()], rows)


def calibration_section(calibration: Mapping[str, Any], fitted_on: str | None) -> str:
    """Return what temperature, abstention and prediction sets do on test."""
    rows = [
        [when, *(f"{calibration[when][key]:.4f}" for key in CALIBRATION_SCORES)]
        for when in ("before", "after")
    ]
    sets = [
        [
            f"{float(asked):.0%}",
            f"{had['coverage_by_conversation']:.1%}",
            f"{had['coverage']:.1%}",
            f"{had['coverage_of_worst_class']:.1%}",
            f"{had['mean_size']:.2f}",
        ]
        for asked, had in calibration["prediction_sets"].items()
    ]
    curve = calibration["abstention"]
    points = zip(curve["abstain_below"], curve["coverage"], curve["risk"], strict=True)
    answered = [
        [f"{limit:.3f}", f"{coverage:.1%}", f"{1 - risk:.1%}"]
        for limit, coverage, risk in list(points)[::5]
    ]
    header = [
        "requested coverage",
        "by conversation",
        "by utterance",
        "of the worst class",
        "labels on average",
    ]
    return "\n\n".join(
        [
            "The pipeline divides the logits by a temperature, "
            f"{calibration['temperature']:.3f}, fitted on {fitted_on}, unless `calibrate=False` is "
            "given. On test:",
            _markdown(["", *CALIBRATION_SCORES.values()], rows),
            "![Accuracy by score, before and after calibration](calibration.png)",
            "With `abstain_below=0.6` it gives no label to utterances with a lower score:",
            _markdown(["abstain_below", "answered", "correct among them"], answered),
            "![Share of wrong answers by share of utterances answered](coverage_risk.png)",
            "With `prediction_set=0.9` it also gives a set of labels that contains the true one "
            "with at least this probability, for an utterance drawn at random from a conversation "
            f"that is like those of {fitted_on}. This does not hold for each single utterance or "
            "emotion, nor for other data. Coverage of the sets on test:",
            _markdown(header, sets),
        ]
    )


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


__all__ = [
    "calibration_section",
    "class_table",
    "mean_and_interval",
    "score_table",
    "seed_table",
    "subset_table",
]
