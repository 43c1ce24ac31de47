"""Tables of the model card, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from synctva.results import (
    SCORES,
    note_on_absent_classes,
    score_text,
    shown_scores,
)


def mean_and_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Return the mean over seeds and half its Student-t interval (NaN for a single seed)."""
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        return float(numbers.mean()), float("nan")
    quantile = stats.t.ppf(0.5 + level / 2, len(numbers) - 1)
    return float(numbers.mean()), float(quantile * numbers.std(ddof=1) / np.sqrt(len(numbers)))


def _splits(results: Mapping[str, Any]) -> list[str]:
    return [split for split in ("dev", "test") if split in results]


def _references(results: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    rows = {split: results[split] for split in _splits(results)}
    last = _splits(results)[-1]
    for title, key in (("majority class", "majority"), ("optimum", "bayes_optimal")):
        if key in results:
            rows[f"{title}, {last}"] = results[key]
    return rows


def score_table(results: Mapping[str, Any]) -> str:
    """Return the scores of each split, and of the references on the last split."""
    references = _references(results)
    columns = shown_scores(references.values())
    rows = [
        [title, str(scores["n"]), *(score_text(scores.get(key)) for key in columns)]
        for title, scores in references.items()
    ]
    return markdown(["split", "utterances", *columns.values()], rows)


def class_table(results: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Return F1 of each class, in the order of the labels, and what is left out of the means."""
    references = _references(results)
    rows = [
        [label, *(score_text(scores["per_class_f1"][label]) for scores in references.values())]
        for label in labels
    ]
    notes = [note_on_absent_classes(results[split], split) for split in _splits(results)]
    return "\n\n".join(filter(None, [markdown(["F1 of each class", *references], rows), *notes]))


def confusion_table(results: Mapping[str, Any], labels: Sequence[str]) -> str | None:
    """Return the counts of answers by true class on the last split; None for older results."""
    last = _splits(results)[-1]
    matrix = results[last].get("confusion_matrix")
    if matrix is None:
        return None
    rows = [
        [label, *map(str, counts), str(sum(counts))]
        for label, counts in zip(labels, matrix, strict=True)
    ]
    return (
        f"Answers on {last}, a row for each true class; all of its utterances are in the last "
        f"column:\n\n{markdown(['true, answered', *labels, 'all'], rows)}"
    )


def split_table(splits: Mapping[str, Mapping[str, Any]], labels: Sequence[str]) -> str:
    """Return the numbers of conversations, utterances and labels, with a column per split.

    Args:
        splits: from `split_size`, by name.
        labels: names, in their order.
    """
    rows = [
        [kind, *(f"{split[kind]:,}" for split in splits.values())]
        for kind in ("conversations", "utterances")
    ]
    rows += [
        [label, *(f"{split['label_counts'][label]:,}" for split in splits.values())]
        for label in labels
    ]
    return markdown(["", *splits], rows)


def seed_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return means over seeds with intervals, for the splits that all runs have."""
    rows = []
    splits = [split for split in ("dev", "test") if all(split in run for run in runs)]
    columns = {
        key: name
        for key, name in SCORES.items()
        if all(key in run[split] for split in splits for run in runs)
    }
    for split in splits:
        cells = []
        for key in columns:
            mean, half = mean_and_interval([run[split][key] for run in runs])
            cells.append(f"{mean:.4f} ± {half:.4f}")
        rows.append([split, *cells])
    seeds = ", ".join(str(run["seed"]) for run in runs)
    return (
        f"Mean of seeds {seeds}, each selected on dev, with the 95% Student-t interval of the "
        f"mean:\n\n{markdown(['split', *columns.values()], rows)}"
    )


def subset_table(results: Mapping[str, Any]) -> str:
    """Return the scores on test where modalities are missing from every utterance."""
    everything = {"+".join(results["modalities"]): results["test"]}
    subsets = results["subsets"] | everything
    columns = shown_scores(subsets.values())
    rows = [
        [present, *(score_text(scores.get(key)) for key in columns)]
        for present, scores in subsets.items()
    ]
    return markdown(["modalities", *columns.values()], rows)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


__all__ = [
    "class_table",
    "confusion_table",
    "markdown",
    "mean_and_interval",
    "score_table",
    "seed_table",
    "split_table",
    "subset_table",
]
