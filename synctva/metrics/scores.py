"""Scores of emotion recognition: the inputs are checked, then scikit-learn computes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from .confidence import expected_calibration_error


def score(logits: ArrayLike, labels: ArrayLike, label_names: Sequence[str]) -> dict[str, Any]:
    """Return all scores of labelled utterances.

    Args:
        logits: (K, C) logits or log-probabilities; -Inf for a class of probability 0.
        labels: (K,) true classes in [0, C).
        label_names: C names in the order of the classes.

    Returns:
        n (int); accuracy, uar, weighted_f1, macro_f1, nll (nats), ece: Python floats, fractions and
        not percent; per_class_f1 and support (labelled utterances), by name; confusion_matrix: C
        lists of C counts, one list per true class.

        uar, the unweighted average recall, and macro F1 are means over the classes with support.
        A class without support has no recall: its F1 is None, and it is left out of both means. An
        answer with such a class is an error that lowers the recall of the true class.

    Raises:
        ValueError: the shapes disagree, there is no utterance, a logit is NaN or +Inf, or a label
            is outside the classes.
    """
    names = list(label_names)
    checked, true = _checked(logits, labels, len(names))
    classes = list(range(len(names)))
    support = np.bincount(true, minlength=len(names))  # (C,)
    supported = np.flatnonzero(support)
    # The softmax does not change log-probabilities.
    log_probabilities = log_softmax(checked, axis=-1)  # (K, C)
    predicted = log_probabilities.argmax(axis=-1)  # (K,)
    log_true = np.take_along_axis(log_probabilities, true[:, None], axis=-1)  # (K, 1)
    confidence = np.exp(log_probabilities.max(axis=-1))  # (K,)

    def average(measure: Callable[..., Any], over: str | None) -> Any:
        return measure(true, predicted, labels=supported, average=over, zero_division=0.0)

    by_class = dict(zip(supported, average(f1_score, None), strict=True))
    return {
        "n": len(true),
        "accuracy": float(accuracy_score(true, predicted)),
        "uar": float(average(recall_score, "macro")),
        "weighted_f1": float(average(f1_score, "weighted")),
        "macro_f1": float(average(f1_score, "macro")),
        "per_class_f1": {
            name: float(by_class[c]) if c in by_class else None for c, name in enumerate(names)
        },
        "support": dict(zip(names, support.tolist(), strict=True)),
        "nll": float(-log_true.mean()),
        "ece": expected_calibration_error(confidence, predicted == true),
        "confusion_matrix": confusion_matrix(true, predicted, labels=classes).tolist(),
    }


def _checked(
    logits: ArrayLike, labels: ArrayLike, num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if values.ndim != 2 or values.shape[1] != num_classes:
        raise ValueError(
            f"logits.shape = {values.shape}: expected (utterances, {num_classes}), for "
            f"{num_classes} label_names"
        )
    if true.shape != values.shape[:1] or not np.issubdtype(true.dtype, np.integer):
        raise ValueError(
            f"labels.shape = {true.shape}, labels.dtype = {true.dtype}: expected "
            f"{values.shape[:1]} integers, one for each row of the logits"
        )
    if not len(true):
        raise ValueError("there is no labelled utterance: expected at least one")
    outside = (true < 0) | (true >= num_classes)
    if outside.any():
        raise ValueError(
            f"labels contain {sorted(set(true[outside].tolist()))}: expected classes in "
            f"[0, {num_classes})"
        )
    bad = ~np.isfinite(values.max(axis=1))  # NaN, +Inf, or nothing but -Inf
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"logits[{row}] = {values[row].tolist()}: expected no NaN, no +Inf and a finite value "
            f"({int(bad.sum())} of {len(bad)} rows are wrong)"
        )
    return values, true.astype(np.int64)
