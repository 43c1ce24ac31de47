"""Measures of probabilities: calibration error, abstention, coverage of prediction sets.

This module measures. `synctva/calibration_fitting.py` fits the calibration on dev, and
`modeling_synctva/calibration.py` applies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15
"""Confidence bins of equal width, for the calibration plot and the calibration error."""

ANSWERED = tuple(round(0.05 * step, 2) for step in range(20, 0, -1))
"""Shares of answered utterances at which the coverage-risk curve is measured."""


HARDLY_SMALLER = 0.9
"""Share of the `blind_size` above which prediction sets are said to say nothing."""

NEARLY_ALL = 0.8
"""Share of the labels from which, as a mean size, prediction sets are said to say nothing."""


def calibration_bins(
    confidence: NDArray, correct: NDArray, num_bins: int = NUM_BINS
) -> dict[str, list]:
    """Return how often answers are correct, by confidence: the data of a reliability diagram.

    Args:
        confidence: (K,) probability of the predicted class.
        correct: (K,) bool.
        num_bins: bins ((b - 1) / num_bins, b / num_bins] of equal width.

    Returns:
        For each bin: n, confidence (mean), accuracy. The last two are None for an empty bin.
    """
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)

    def means(values: NDArray) -> list[float | None]:
        sums = np.bincount(bins, weights=values, minlength=num_bins)
        return [float(total / n) if n else None for total, n in zip(sums, counts, strict=True)]

    return {"n": counts.tolist(), "confidence": means(confidence), "accuracy": means(correct)}


def expected_calibration_error(
    confidence: NDArray, correct: NDArray, num_bins: int = NUM_BINS
) -> float:
    """Return the sum over the bins of |B| / K * |accuracy(B) - mean confidence(B)|.

    Arguments as for `calibration_bins`. Source: Guo et al., 2017.
    """
    bins = calibration_bins(confidence, correct, num_bins)
    gaps = [
        n * abs(accuracy - mean)
        for n, mean, accuracy in zip(bins["n"], bins["confidence"], bins["accuracy"], strict=True)
        if n
    ]
    return float(sum(gaps) / len(confidence))


def brier_score(probabilities: NDArray, labels: NDArray) -> float:
    """Return the mean of sum_c (p_c - [c is true])^2, in [0, 2] (Brier, 1950). (K, C), (K,)"""
    truth = np.eye(probabilities.shape[1])[labels]  # (K, C)
    return float(((probabilities - truth) ** 2).sum(-1).mean())


def coverage_risk(confidence: NDArray, correct: NDArray) -> dict[str, Any]:
    """Return the error of the answers if the least confident ones are withheld.

    Source: Geifman and El-Yaniv, 2017.

    Args:
        confidence: (K,) probability of the predicted class.
        correct: (K,) bool.

    Returns:
        For each share in `ANSWERED`: `abstain_below`, the highest limit that answers this many;
        `coverage`, the share answered, slightly more if scores are equal; `risk`, the share of
        wrong answers among them. And `area`: the mean risk over all numbers of answers.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, wrong = confidence[order], ~np.asarray(correct, dtype=bool)[order]  # (K,)
    risks = wrong.cumsum() / np.arange(1, len(wrong) + 1)
    limits = [float(ranked[int(np.ceil(share * len(ranked) - 1e-9)) - 1]) for share in ANSWERED]
    answered = [int((confidence >= limit).sum()) for limit in limits]
    return {
        "abstain_below": limits,
        "coverage": [n / len(ranked) for n in answered],
        "risk": [float(risks[n - 1]) for n in answered],
        "area": float(risks.mean()),
    }


def set_coverage(members: NDArray, labels: NDArray, conversations: NDArray) -> dict[str, float]:
    """Return how often prediction sets contain the true label, and how large they are.

    Args:
        members: (K, C) bool.
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance.

    Returns:
        `coverage` over utterances; `coverage_by_conversation`, the mean over conversations of the
        coverage in each, which is what the guarantee is about; `coverage_of_worst_class`, over the
        utterances of the class that is covered least; `mean_size` of the sets; `blind_size`, the
        least mean size of sets that have the same coverage over utterances without reading them:
        they hold the most frequent classes, and the last of these only as often as is needed;
        `labels`, the number of classes.
    """
    held = members[np.arange(len(labels)), labels]  # (K,)
    shares = np.sort(np.unique(labels, return_counts=True)[1] / len(labels))[::-1]

    def covered(groups: NDArray) -> NDArray:
        _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
        return np.bincount(inverse, weights=held) / counts

    return {
        "coverage": float(held.mean()),
        "coverage_by_conversation": float(covered(conversations).mean()),
        "coverage_of_worst_class": float(covered(labels).min()),
        "mean_size": float(members.sum(-1).mean()),
        "labels": members.shape[1],
        "blind_size": float(np.interp(held.mean(), [0, *shares.cumsum()], range(len(shares) + 1))),
    }


def says_nothing(sets: Mapping[str, float]) -> bool:
    """Return whether prediction sets have nearly all labels, or are hardly smaller than blind ones.

    Args:
        sets: from `set_coverage`. Those of older versions lack `blind_size` or `labels`, and are
            not judged by what they lack.
    """
    size = sets["mean_size"]
    blind, labels = sets.get("blind_size", np.inf), sets.get("labels", np.inf)
    return size > HARDLY_SMALLER * blind or size >= NEARLY_ALL * labels


__all__ = [
    "brier_score",
    "calibration_bins",
    "coverage_risk",
    "expected_calibration_error",
    "says_nothing",
    "set_coverage",
]
