"""Scores of emotion recognition, as in `results.json`, and their uncertainty.

The same scores are available as an `evaluate` module at `METRIC_PATH`. It is not imported here,
because it imports `evaluate`, which is slow and otherwise not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synctva.modeling_synctva.objective import IGNORE_INDEX

from .bootstrap import bootstrap_interval
from .scores import score

METRIC_PATH = Path(__file__).with_name("emotion_metrics.py")
"""For `evaluate.load(str(METRIC_PATH))`."""


def compute(logits: ArrayLike, labels: ArrayLike, label_names: Sequence[str]) -> dict[str, Any]:
    """Return the scores of labelled utterances, with the keys of `results.json`.

    Args:
        logits: (K, C) logits or log-probabilities.
        labels: (K,) true classes in [0, C), without the unlabelled utterances.
        label_names: C names in the order of the classes.

    Returns:
        See `scores.score`.

    Raises:
        ValueError: the shapes disagree, there is no utterance, a logit is NaN or +Inf, or a label
            is outside the classes.
    """
    return score(logits, labels, label_names)


def confusion_matrix(
    logits: ArrayLike, labels: ArrayLike, label_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return counts (C, C), with a row per true class; arguments as for `compute`."""
    return np.array(score(logits, labels, label_names)["confusion_matrix"])


def log_scores(logits: NDArray, labels: NDArray, label_names: Sequence[str]) -> dict[str, float]:
    """Return flat scores for a Trainer's log, with F1 of each class that occurs as `f1_<name>`.

    Args:
        logits: (..., C).
        labels: (...), with `IGNORE_INDEX` for unlabelled utterances. If all are, the result is {}.
        label_names: C names in the order of the classes.
    """
    labelled = labels != IGNORE_INDEX
    if not labelled.any():
        return {}
    scores = compute(logits[labelled], labels[labelled], label_names)
    by_class = scores["per_class_f1"]
    flat = {name: value for name, value in scores.items() if isinstance(value, (int, float))}
    return {**flat, **{f"f1_{name}": f1 for name, f1 in by_class.items() if f1 is not None}}


__all__ = ["METRIC_PATH", "bootstrap_interval", "compute", "confusion_matrix", "log_scores"]
