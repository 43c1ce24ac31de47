"""What a report shows of a conversation: its utterances, shares of emotions and turning points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from synctva.answered import Answered, plain

UNCLEAR = "unclear"
"""In place of an emotion: an abstention, an answer that says little, or none."""

_NUMBER = re.compile(r" \(\d\.\d+\)$")
"""By which a caution of one utterance differs from that of another."""

MOST_TURNS = 5
"""Turning points of a speaker that are shown."""


@dataclass(frozen=True)
class Utterance:
    """An utterance and its place on the axis."""

    number: int
    speaker: str
    text: str
    begin: float
    end: float
    """On the axis: seconds, or else numbers of utterances."""
    answer: Answered

    @property
    def unread(self) -> bool:
        return "error" in self.answer

    @property
    def label(self) -> str | None:
        """The likeliest emotion; None for an abstention and an utterance that was not read."""
        label = self.answer.get("label")
        return None if self.unread or label is None else plain(label)

    @property
    def felt(self) -> str:
        """The emotion, or `UNCLEAR`."""
        return self.label if self.label and self.answer.get("informative", True) else UNCLEAR

    @property
    def score(self) -> float:
        return 0.0 if self.unread else float(self.answer["score"])

    @property
    def scores(self) -> dict[str, float]:
        """Probability by emotion, as far as it is known."""
        known = self.answer.get("scores")
        if known is None:
            return {self.label: self.score} if self.label else {}
        return {plain(label): float(score) for label, score in known.items()}


class Turn(NamedTuple):
    """Where the emotion of a speaker changes."""

    utterance: Utterance
    before: Utterance
    size: float
    """Total variation distance of the probabilities, in [0, 1]."""


@dataclass(frozen=True)
class Talk:
    """A conversation."""

    utterances: list[Utterance]
    timed: bool
    """Whether the axis has seconds."""

    @cached_property
    def length(self) -> float:
        return max(one.end for one in self.utterances)

    @cached_property
    def speakers(self) -> list[str]:
        """The speakers in order of appearance; "" stands for those whom nobody knows."""
        return list(dict.fromkeys(one.speaker for one in self.utterances))

    @cached_property
    def labels(self) -> list[str]:
        """All emotions, in alphabetical order."""
        own = {one.label for one in self.utterances if one.label}
        return sorted(own.union(*(one.scores for one in self.utterances)))

    def of(self, speaker: str) -> list[Utterance]:
        return [one for one in self.utterances if one.speaker == speaker]


def read_talk(answered: Sequence[Answered]) -> Talk:
    """Return the conversation in the order of time.

    The axis has seconds if every utterance has its times and there is one recording at most.
    """
    files = {item.get("file") for item in answered}
    timed = len(files) == 1 and all(
        item.get("start") is not None and item.get("end") is not None for item in answered
    )
    found = []
    for number, item in enumerate(answered):
        begin, end = (item["start"], item["end"]) if timed else (number, number + 1)
        found.append(
            Utterance(
                number,
                plain(item.get("speaker") or ""),
                plain(item.get("text") or ""),
                float(begin),
                max(float(end), float(begin) + 0.001),
                item,
            )
        )
    return Talk(sorted(found, key=lambda one: one.begin), timed)


def shares(utterances: Sequence[Utterance]) -> dict[str, float]:
    """Return the share of the time that each emotion has, the largest first, `UNCLEAR` last."""
    time: dict[str, float] = {}
    for one in utterances:
        time[one.felt] = time.get(one.felt, 0.0) + one.end - one.begin
    total = sum(time.values())
    order = sorted(time, key=lambda felt: (felt == UNCLEAR, -time[felt]))
    return {felt: time[felt] / total for felt in order}


def turning_points(utterances: Sequence[Utterance]) -> list[Turn]:
    """Return where the emotion of a speaker changes most, in order of time.

    Unclear answers are skipped: the utterance before is the last one with a clear emotion.
    """
    clear = [one for one in utterances if one.felt != UNCLEAR]
    turns = [
        Turn(after, before, _distance(before.scores, after.scores))
        for before, after in pairwise(clear)
        if before.felt != after.felt
    ]
    largest = sorted(turns, key=lambda turn: -turn.size)[:MOST_TURNS]
    return sorted(largest, key=lambda turn: turn.utterance.begin)


def _distance(before: dict[str, float], after: dict[str, float]) -> float:
    return sum(abs(before.get(k, 0.0) - after.get(k, 0.0)) for k in {*before, *after}) / 2


def doubts(utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    """Return what was not understood, and of which utterances, the most frequent first."""
    found: dict[str, list[Utterance]] = {}

    def add(reason: str, one: Utterance) -> None:
        found.setdefault(reason, []).append(one)

    for one in utterances:
        answer: Any = one.answer
        if one.unread:
            add(f"not read: {plain(answer['error'])}", one)
            continue
        if one.label is None:
            add("no emotion was likely enough to name one", one)
        for caution in answer.get("cautions") or []:
            add(_NUMBER.sub("", plain(caution)), one)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


__all__ = [
    "UNCLEAR",
    "Talk",
    "Turn",
    "Utterance",
    "doubts",
    "read_talk",
    "shares",
    "turning_points",
]
