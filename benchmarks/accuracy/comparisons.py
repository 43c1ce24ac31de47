"""Runs against each other and against chance, on the conversations of a split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from synctva.metrics import bootstrap_interval
from synctva.metrics.bootstrap import PairedDifference, paired_bootstrap

from .runs import Truth, labelled_answers


def mean_interval(runs: Iterable[dict[str, Any]], truth: Truth) -> tuple[float, float] | None:
    """95% interval over the conversations of test of the runs' mean weighted F1.

    None where a run was made without keeping its answers.
    """
    answers = labelled_answers(runs, "test", truth)
    if answers is None:
        return None
    labelled = truth.labels >= 0
    return bootstrap_interval(answers, truth.labels[labelled], truth.conversations[labelled])


def lead(
    mine: Iterable[dict[str, Any]],
    other: Iterable[dict[str, Any]],
    truth: Truth,
    split: str,
    num_resamples: int = 10_000,
) -> PairedDifference | None:
    """Weighted F1 of the first runs minus the second's, on the seeds that both have.

    None where they have none in common, or a run was made without keeping its answers.
    """
    first, second = in_common(mine, other)
    if not first:
        return None
    answers = labelled_answers(first, split, truth)
    others = labelled_answers(second, split, truth)
    if answers is None or others is None:
        return None
    labelled = truth.labels >= 0
    return paired_bootstrap(
        answers,
        others,
        truth.labels[labelled],
        truth.conversations[labelled],
        num_resamples=num_resamples,
    )


def in_common(
    mine: Iterable[dict[str, Any]], other: Iterable[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The runs of each whose seeds both have."""
    mine, other = list(mine), list(other)
    seeds = {run["seed"] for run in mine} & {run["seed"] for run in other}
    first, second = ([run for run in these if run["seed"] in seeds] for these in (mine, other))
    return first, second


__all__ = ["in_common", "lead", "mean_interval"]
