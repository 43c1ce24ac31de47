"""Word and diarisation error rates, as `benchmarks/speech.py` prints them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

COLLAR = 0.25
"""Seconds around the true start and end of each turn that do not count, NIST's usual collar."""

STEP = 0.01
"""Resolution of the diarisation error rate in s."""

Turns = Sequence[tuple[str, float, float]]
"""Who speaks from when to when, in s; turns of different speakers may overlap."""


def words_of(text: str) -> list[str]:
    """Return the words without case and punctuation."""
    return re.sub(r"[^a-z' ]", "", text.lower().replace("-", " ")).split()


def word_error_rate(true: Sequence[str], found: Sequence[str]) -> float:
    """Return substitutions, deletions and insertions per true word (Levenshtein's distance)."""
    distances = np.arange(len(found) + 1)
    for i, word in enumerate(true, 1):
        last, distances[0] = distances[0], i
        for j, other in enumerate(found, 1):
            best = min(distances[j] + 1, distances[j - 1] + 1, last + (word != other))
            last, distances[j] = distances[j], best
    return float(distances[-1] / len(true))


def diarisation_error_rate(true: Turns, found: Turns) -> float:
    """Return missed, false and confused speech per second of true speech.

    Speakers are matched one to one so that the error is smallest. Overlapping speech counts once
    per speaker.
    """
    length = round(max(end for *_, end in (*true, *found)) / STEP) + 1
    real, guessed = _activity(true, length), _activity(found, length)
    counted = np.ones(length, dtype=bool)
    for _, *edges in true:
        for edge in edges:
            counted[max(0, round((edge - COLLAR) / STEP)) : round((edge + COLLAR) / STEP)] = False
    real, guessed = real[:, counted], guessed[:, counted]
    matches = real.astype(int) @ guessed.T.astype(int)
    correct = matches[linear_sum_assignment(-matches)].sum()
    speakers = np.maximum(real.sum(0), guessed.sum(0)).sum()
    return float((speakers - correct) / real.sum())


def _activity(turns: Turns, length: int) -> np.ndarray:
    """Return (speakers, steps), True where a speaker speaks."""
    names = sorted({name for name, *_ in turns})
    active = np.zeros((len(names), length), dtype=bool)
    for name, start, end in turns:
        active[names.index(name), round(start / STEP) : round(end / STEP)] = True
    return active


def cut_right(true: Turns, found: Turns, tolerance: float = 0.5) -> float:
    """Return the share of found utterances that begin and end where a true one does, within s."""
    starts = np.array([start for _, start, _ in true])
    ends = np.array([end for *_, end in true])
    right = [
        np.abs(starts - start).min() <= tolerance and np.abs(ends - end).min() <= tolerance
        for _, start, end in found
    ]
    return float(np.mean(right))


__all__ = ["cut_right", "diarisation_error_rate", "word_error_rate", "words_of"]
