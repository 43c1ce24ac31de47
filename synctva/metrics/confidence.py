"""How far probabilities can be trusted: calibration, abstention, prediction sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15
"""Equal-width confidence bins of the reliability diagram and of the calibration error."""

ANSWERED = tuple(round(0.05 * step, 2) for step in range(20, 0, -1))
"""Shares of the utterances to answer at which the coverage-risk curve is taken."""


def reliability(confidence: NDArray, correct: NDArray, num_bins: int = NUM_BINS) -> dict[str, list]:
    """The reliability diagram: how often answers of each confidence are right.

    Args:
        confidence: (K,) probability of the predicted class.
        correct: (K,) bool.
        num_bins: bins ((b - 1) / num_bins, b / num_bins] of equal width.

    Returns:
        By bin: n, confidence (mean), accuracy; None where there is no item.
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
    """Guo et al. 2017: sum over the bins of |B| / K * |accuracy(B) - mean confidence(B)|.

    Arguments as for `reliability`.
    """
    bins = reliability(confidence, correct, num_bins)
    gaps = [
        n * abs(right - sure)
        for n, sure, right in zip(bins["n"], bins["confidence"], bins["accuracy"], strict=True)
        if n
    ]
    return float(sum(gaps) / len(confidence))


def brier_score(probabilities: NDArray, labels: NDArray) -> float:
    """Brier 1950: mean of sum_c (p_c - [c is true])^2, in [0, 2]. (K, C), (K,)"""
    truth = np.eye(probabilities.shape[1])[labels]  # (K, C)
    return float(((probabilities - truth) ** 2).sum(-1).mean())


def coverage_risk(confidence: NDArray, correct: NDArray) -> dict[str, Any]:
    """What abstaining from the least confident answers buys (Geifman and El-Yaniv, 2017).

    Args:
        confidence: (K,) probability of the predicted class.
        correct: (K,) bool.

    Returns:
        For each share of `ANSWERED`: `abstain_below`, the highest limit that answers so many;
        `coverage`, the share answered, a little more where scores are equal; `risk`, the share of
        wrong ones among them. And `area`: the mean risk over all numbers of answers.
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
    """How often prediction sets hold the true label, and how large they are.

    Args:
        members: (K, C) bool.
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance.

    Returns:
        `coverage` over utterances; `coverage_by_conversation`, the mean of each conversation's,
        which is what the guarantee is about; `coverage_of_worst_class`, over the utterances of
        the class that is covered least; `mean_size` of the sets.
    """
    held = members[np.arange(len(labels)), labels]  # (K,)

    def covered(groups: NDArray) -> NDArray:
        _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
        return np.bincount(inverse, weights=held) / counts

    return {
        "coverage": float(held.mean()),
        "coverage_by_conversation": float(covered(conversations).mean()),
        "coverage_of_worst_class": float(covered(labels).min()),
        "mean_size": float(members.sum(-1).mean()),
    }


__all__ = [
    "brier_score",
    "coverage_risk",
    "expected_calibration_error",
    "reliability",
    "set_coverage",
]
