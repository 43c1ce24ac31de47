"""Timing that other work on the machine disturbs as little as possible."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from statistics import median
from typing import Any, TypeVar

import torch

Key = TypeVar("Key", bound=Hashable)

WARM_UP = 1
LEAST_ROUNDS = 3
BUDGET = 8.0
"""Seconds of processor time after which no new round starts."""


def thread_seconds(run: Callable[[], Any]) -> float:
    """Return this thread's processor time during a call; torch must run on one thread."""
    started = time.thread_time()
    run()
    return time.thread_time() - started


def interleaved(subjects: Mapping[Key, Callable[[], Any]], rounds: int) -> dict[Key, list[float]]:
    """Return seconds of every subject in every round: A B C, B C A, C A B, ...

    Whatever slows the machine for a while slows all of them, and no subject always follows the
    same other one. Rounds end after `BUDGET`, but not before `LEAST_ROUNDS`.
    """
    torch.set_num_threads(1)
    for run in subjects.values():
        for _ in range(WARM_UP):
            run()
    seconds: dict[Key, list[float]] = {name: [] for name in subjects}
    names = list(subjects)
    for turn in range(rounds):
        if turn >= LEAST_ROUNDS and sum(map(sum, seconds.values())) > BUDGET:
            break
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            seconds[name].append(thread_seconds(subjects[name]))
    return seconds


def medians(seconds: Mapping[Key, list[float]]) -> dict[Key, float]:
    """Return the median seconds of each subject."""
    return {name: median(values) for name, values in seconds.items()}


def quantile(values: list[float], share: float) -> float:
    """Return the one of the values below which this share of them lies."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


__all__ = ["interleaved", "medians", "quantile", "thread_seconds"]
