"""Intervals of runs and differences between them, by resampling a split's conversations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from synctva.metrics import bootstrap_interval
from synctva.metrics.bootstrap import PairedDifference, paired_bootstrap

from .answers import Truth, labelled_answers


def mean_interval(runs: Iterable[dict[str, Any]], truth: Truth) -> tuple[float, float] | None:
    """Return the 95% interval of the runs' mean weighted F1, over the conversations of test.

    None if one of the runs kept no answers.
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
    """Return the weighted F1 of some runs minus that of others, on the seeds that both have.

    None if they have no seed in common, or if one of the runs kept no answers.
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
    """Return the runs of each side whose seeds both have."""
    mine, other = list(mine), list(other)
    seeds = {run["seed"] for run in mine} & {run["seed"] for run in other}
    first, second = ([run for run in these if run["seed"] in seeds] for these in (mine, other))
    return first, second


__all__ = ["in_common", "lead", "mean_interval"]
