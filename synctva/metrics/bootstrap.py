"""Bootstrap of the weighted F1, by conversations: an interval, and a paired test of two models."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-12
"""F1 differences that are equal in exact arithmetic may differ by less than this."""


class PairedDifference(NamedTuple):
    """Weighted F1 of one model minus another's, on the same utterances.

    Attributes:
        difference: on the utterances as they are.
        low, high: ends of its percentile interval.
        p_value: two-sided, of no difference; in (0, 1].
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
    """Percentile interval of the weighted F1 under resampling of whole conversations.

    Utterances of one conversation are not independent, so resampling utterances would give too
    narrow an interval. A model may come as several runs, whose scores are averaged on each
    resample: the interval of their mean over other conversations, not over other seeds.

    Args:
        predictions: (K,) predicted classes, or (S, K) of S runs.
        labels: (K,) true classes.
        conversation_ids: (K,) the conversation of each utterance.
        num_resamples: bootstrap samples.
        level: coverage, in (0, 1).
        seed: of the resampling.

    Returns:
        Lower and upper end, fractions.

    Raises:
        ValueError: shapes that disagree, no utterance or run, or an argument out of range.
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

    Both models are scored on every resample, so what makes a conversation hard for both cancels.
    A model may come as several runs, whose scores are averaged on each resample. The runs
    themselves are not resampled: the test is about other conversations, not about other seeds.

    p is the share of resamples whose difference d* lies as far from the observed d as d lies from
    0, |d* - d| >= |d|: under the null hypothesis d* - d has the distribution of d (Efron and
    Tibshirani, 1993, chapter 16). The observed sample counts as one, (r + 1) / (R + 1), so that p
    is never 0 (Davison and Hinkley, 1997, chapter 4).

    Args:
        predictions: (K,) predicted classes of one model, or (S, K) of its S runs.
        other_predictions: (K,) or (S', K) of the other.
        labels: (K,) true classes.
        conversation_ids: (K,) the conversation of each utterance.
        num_resamples: R.
        level: coverage of the interval, in (0, 1).
        seed: of the resampling.

    Raises:
        ValueError: shapes that disagree, no utterance or run, or an argument out of range.

    Example:
        >>> paired_bootstrap([0, 1, 1], [0, 0, 1], [0, 1, 1], ["a", "a", "b"]).difference > 0
        True
    """
    _check_resampling(level, num_resamples)
    true, conversation = _checked_truth(labels, conversation_ids)
    mine = _checked_runs("predictions", predictions, true)
    other = _checked_runs("other_predictions", other_predictions, true)
    count = int(conversation.max()) + 1
    # The first row is the sample itself.
    draws = np.concatenate([np.ones((1, count), dtype=int), _draw(count, num_resamples, seed)])
    differences = _mean_f1(draws, mine, true, conversation) - _mean_f1(
        draws, other, true, conversation
    )  # (R + 1,)
    observed, sampled = float(differences[0]), differences[1:]
    extreme = np.abs(sampled - observed) >= abs(observed) - ROUNDING
    p_value = (int(extreme.sum()) + 1) / (num_resamples + 1)
    return PairedDifference(observed, *_interval(sampled, level), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number, step-down (Holm, 1979), in the order given.

    The i-th smallest of m becomes max over j <= i of min(1, (m - j + 1) p_(j)). Rejecting what is
    at most some level keeps the chance of any false rejection at most that, however the tests
    depend.

    Raises:
        ValueError: a value outside [0, 1].

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
    """Weighted F1 of confusion matrices with a row a true class. (..., C, C) -> (...)"""
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)  # (..., C)
    support, predicted = matrices.sum(axis=-1), matrices.sum(axis=-2)
    # 2 TP / (2 TP + FP + FN); a class that is neither true nor predicted counts 0.
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    return (f1 * support).sum(axis=-1) / support.sum(axis=-1)


def _check_resampling(level: float, num_resamples: int) -> None:
    if not 0 < level < 1 or num_resamples < 1:
        raise ValueError(
            f"level = {level!r}, num_resamples = {num_resamples!r}: expected a level in (0, 1) "
            "and at least one resample"
        )


def _checked_truth(
    labels: ArrayLike, conversation_ids: Sequence[Hashable] | NDArray
) -> tuple[NDArray, NDArray[np.int64]]:
    """True classes (K,), and the conversations numbered by first appearance (K,)."""
    true = np.asarray(labels)
    if true.ndim != 1 or not len(true) or len(conversation_ids) != len(true):
        raise ValueError(
            f"labels have shape {true.shape} and conversation_ids length {len(conversation_ids)}: "
            "expected one of each an utterance, at least one"
        )
    numbers: dict[Hashable, int] = {}
    return true, np.array([numbers.setdefault(id_, len(numbers)) for id_ in conversation_ids])


def _checked_runs(name: str, predictions: ArrayLike, true: NDArray) -> NDArray:
    """Predictions of the runs, (S, K)."""
    runs = np.atleast_2d(np.asarray(predictions))
    if runs.ndim != 2 or not len(runs) or runs.shape[1] != len(true):
        raise ValueError(
            f"{name} have shape {runs.shape} and labels {true.shape}: expected (runs, utterances) "
            "and (utterances,), at least one run"
        )
    return runs


def _conversation_matrices(predicted: NDArray, true: NDArray, conversation: NDArray) -> NDArray:
    """The confusion matrix of each conversation. (K,) each -> (conversations, C, C)"""
    num_classes = int(max(predicted.max(), true.max())) + 1
    matrices = np.zeros((int(conversation.max()) + 1, num_classes, num_classes))
    np.add.at(matrices, (conversation, true, predicted), 1)
    return matrices


def _draw(conversations: int, num_resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each conversation is in each resample. (R, conversations)"""
    return np.random.default_rng(seed).multinomial(
        conversations, np.full(conversations, 1 / conversations), size=num_resamples
    )


def _mean_f1(draws: NDArray, runs: NDArray, true: NDArray, conversation: NDArray) -> NDArray:
    """Weighted F1 of each resample, averaged over the runs. (R, conversations), (S, K) -> (R,)"""
    return np.mean(
        [_resampled_f1(draws, _conversation_matrices(run, true, conversation)) for run in runs],
        axis=0,
    )


def _resampled_f1(draws: NDArray, matrices: NDArray) -> NDArray:
    """Weighted F1 of each resample, (R,).

    A resample's confusion matrix is a sum over its conversations: one product for all resamples.
    """
    count, classes, _ = matrices.shape
    return weighted_f1((draws @ matrices.reshape(count, -1)).reshape(-1, classes, classes))


def _interval(values: NDArray, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


__all__ = ["PairedDifference", "bootstrap_interval", "holm", "paired_bootstrap", "weighted_f1"]
