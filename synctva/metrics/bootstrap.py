"""Bootstrap of the weighted F1 over conversations: intervals, and a paired test of two models."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-12
"""Differences of F1 that are equal in exact arithmetic may differ by less than this."""


class PairedDifference(NamedTuple):
    """Weighted F1 of one model minus another's, on the same utterances.

    Attributes:
        difference: on the original utterances.
        low, high: ends of its percentile interval.
        p_value: two-sided, for the null hypothesis of no difference; in (0, 1].
    """

    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_interval(
    predictions: ArrayLike,
    labels: ArrayLike,
    conversation_ids: Sequence[Hashable] | NDArray,
    num_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of the weighted F1, resampling whole conversations.

    Utterances of a conversation are not independent, so that resampling utterances would give too
    narrow an interval. The scores of several runs of a model are averaged on each resample: the
    interval of their mean covers other conversations, not other seeds.

    Args:
        predictions: (K,) predicted classes, or (S, K) those of S runs.
        labels: (K,) true classes.
        conversation_ids: (K,) the conversation of each utterance.
        num_resamples: number of bootstrap samples.
        level: coverage, in (0, 1).
        seed: of the resampling.

    Returns:
        Lower and upper end, as fractions.

    Raises:
        ValueError: the shapes disagree, there is no utterance or run, or an argument is out of
            range.
    """
    _check_resampling(level, num_resamples)
    true, conversation = _checked_truth(labels, conversation_ids)
    runs = _checked_runs("predictions", predictions, true)
    draws = _draw(int(conversation.max()) + 1, num_resamples, seed)
    return _interval(_mean_f1(draws, runs, true, conversation), level)


def paired_bootstrap(
    predictions: ArrayLike,
    other_predictions: ArrayLike,
    labels: ArrayLike,
    conversation_ids: Sequence[Hashable] | NDArray,
    num_resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Test the difference of two models' weighted F1 by resampling whole conversations.

    Both models are scored on each resample, so that the difficulty that a conversation has for both
    cancels. The scores of several runs of a model are averaged on each resample. The runs are not
    resampled: the test is about other conversations, not about other seeds.

    p is the share of resamples whose difference d* is at least as far from the observed d as d is
    from 0, |d* - d| >= |d|: under the null hypothesis d* - d has the distribution of d (Efron and
    Tibshirani, 1993, chapter 16). The observed sample counts as one, (r + 1) / (R + 1), so that p
    is never 0 (Davison and Hinkley, 1997, chapter 4).

    Args:
        predictions: (K,) predicted classes of the first model, or (S, K) those of its S runs.
        other_predictions: (K,) or (S', K) those of the second.
        labels: (K,) true classes.
        conversation_ids: (K,) the conversation of each utterance.
        num_resamples: number of bootstrap samples, R.
        level: coverage of the interval, in (0, 1).
        seed: of the resampling.

    Raises:
        ValueError: the shapes disagree, there is no utterance or run, or an argument is out of
            range.

    Example:
        >>> paired_bootstrap([0, 1, 1], [0, 0, 1], [0, 1, 1], ["a", "a", "b"]).difference > 0
        True
    """
    _check_resampling(level, num_resamples)
    true, conversation = _checked_truth(labels, conversation_ids)
    mine = _checked_runs("predictions", predictions, true)
    other = _checked_runs("other_predictions", other_predictions, true)
    count = int(conversation.max()) + 1
    # The first row is the original sample.
    draws = np.concatenate([np.ones((1, count), dtype=int), _draw(count, num_resamples, seed)])
    differences = _mean_f1(draws, mine, true, conversation) - _mean_f1(
        draws, other, true, conversation
    )  # (R + 1,)
    observed, sampled = float(differences[0]), differences[1:]
    extreme = np.abs(sampled - observed) >= abs(observed) - ROUNDING
    p_value = (int(extreme.sum()) + 1) / (num_resamples + 1)
    return PairedDifference(observed, *_interval(sampled, level), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests (Holm, 1979), in the order of the arguments.

    The i-th smallest of m becomes max over j <= i of min(1, (m - j + 1) p_(j)). If the hypotheses
    with an adjusted p-value of at most alpha are rejected, the probability of any false rejection
    is at most alpha, whether or not the tests are independent.

    Raises:
        ValueError: a value is outside [0, 1].

    Example:
        >>> holm([0.5, 0.01])
        [0.5, 0.02]
    """
    values = np.asarray(p_values, dtype=np.float64)
    for index, value in enumerate(values):
        if not 0 <= value <= 1:
            raise ValueError(f"p_values[{index}] = {value}: expected a number in [0, 1]")
    order = values.argsort(kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(np.minimum(factors * values[order], 1.0))
    return adjusted.tolist()


def weighted_f1(matrices: NDArray) -> NDArray:
    """Return the weighted F1 of confusion matrices, (..., C, C) -> (...), rows are true classes."""
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)  # (..., C)
    support, predicted = matrices.sum(axis=-1), matrices.sum(axis=-2)
    # 2 TP / (2 TP + FP + FN); 0 for a class that is neither true nor predicted.
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    return (f1 * support).sum(axis=-1) / support.sum(axis=-1)


def _check_resampling(level: float, num_resamples: int) -> None:
    if not 0 < level < 1 or num_resamples < 1:
        raise ValueError(
            f"level = {level!r}, num_resamples = {num_resamples!r}: expected a level in (0, 1) and "
            "at least one resample"
        )


def _checked_truth(
    labels: ArrayLike, conversation_ids: Sequence[Hashable] | NDArray
) -> tuple[NDArray, NDArray[np.int64]]:
    """Return true classes (K,), and conversations numbered by first appearance (K,)."""
    true = np.asarray(labels)
    if true.ndim != 1 or not len(true) or len(conversation_ids) != len(true):
        raise ValueError(
            f"labels.shape = {true.shape}, len(conversation_ids) = {len(conversation_ids)}: "
            "expected a label and a conversation for each utterance, and at least one utterance"
        )
    numbers: dict[Hashable, int] = {}
    return true, np.array([numbers.setdefault(id_, len(numbers)) for id_ in conversation_ids])


def _checked_runs(name: str, predictions: ArrayLike, true: NDArray) -> NDArray:
    """Return the predictions as runs, (S, K)."""
    runs = np.atleast_2d(np.asarray(predictions))
    if runs.ndim != 2 or not len(runs) or runs.shape[1] != len(true):
        raise ValueError(
            f"{name}.shape = {runs.shape}, labels.shape = {true.shape}: expected "
            "(runs, utterances) and (utterances,), with at least one run"
        )
    return runs


def _conversation_matrices(predicted: NDArray, true: NDArray, conversation: NDArray) -> NDArray:
    """Return the confusion matrix of each conversation. (K,) each -> (conversations, C, C)"""
    num_classes = int(max(predicted.max(), true.max())) + 1
    matrices = np.zeros((int(conversation.max()) + 1, num_classes, num_classes))
    np.add.at(matrices, (conversation, true, predicted), 1)
    return matrices


def _draw(conversations: int, num_resamples: int, seed: int) -> NDArray[np.int64]:
    """Draw how often each conversation is in each resample. (R, conversations)"""
    return np.random.default_rng(seed).multinomial(
        conversations, np.full(conversations, 1 / conversations), size=num_resamples
    )


def _mean_f1(draws: NDArray, runs: NDArray, true: NDArray, conversation: NDArray) -> NDArray:
    """Return the weighted F1 of each resample, (R,), averaged over the runs."""
    return np.mean(
        [_resampled_f1(draws, _conversation_matrices(run, true, conversation)) for run in runs],
        axis=0,
    )


def _resampled_f1(draws: NDArray, matrices: NDArray) -> NDArray:
    """Return the weighted F1 of each resample, (R,).

    The confusion matrix of a resample is a sum over its conversations, so that one matrix product
    gives those of all resamples.
    """
    count, classes, _ = matrices.shape
    return weighted_f1((draws @ matrices.reshape(count, -1)).reshape(-1, classes, classes))


def _interval(values: NDArray, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


__all__ = ["PairedDifference", "bootstrap_interval", "holm", "paired_bootstrap", "weighted_f1"]
