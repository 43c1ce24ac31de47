"""Utterances with times, as the forms of files that have a line of time share them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synctva.answered import Answered, emotion, plain
from synctva.transcripts.line import split_speaker


@dataclass(frozen=True)
class Span:
    """An utterance: its words in one line, and whole milliseconds."""

    speaker: str
    """Empty if nobody knows."""
    text: str
    start: int
    end: int
    """Later than the start."""
    emotion: str | None
    """See `synctva.answered.emotion`."""

    @property
    def words(self) -> str:
        """The text, behind a colon where its beginning would be read as the name of a speaker."""
        unnamed = not self.speaker and split_speaker(self.text)[0] is not None
        return f": {self.text}" if unnamed else self.text

    @property
    def line(self) -> str:
        """The words behind the speaker, if there is one."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.words


def spans(answered: Iterable[Answered]) -> list[Span]:
    """Return the utterances in the order of their starts."""
    found = []
    for item in answered:
        start = round(float(item["start"]) * 1000)
        end = max(round(float(item["end"]) * 1000), start + 1)
        speaker, text = plain(item.get("speaker") or ""), plain(item.get("text") or "")
        felt = emotion(item)
        found.append(Span(speaker, text, start, end, felt))
    return sorted(found, key=lambda span: (span.start, span.end))


def rows_without_overlap(spans: Sequence[Span]) -> list[tuple[str, list[Span]]]:
    """Return rows of utterances, a speaker's in one row, or in several where they overlap.

    Returns:
        The speaker and the utterances of each row, speakers in order of appearance.
    """
    rows: list[tuple[str, list[Span]]] = []
    for speaker in dict.fromkeys(span.speaker for span in spans):
        own: list[list[Span]] = []
        for span in (span for span in spans if span.speaker == speaker):
            free = next((row for row in own if row[-1].end <= span.start), None)
            if free is None:
                own.append([span])
            else:
                free.append(span)
        rows += [(speaker, row) for row in own]
    return rows


def unique(names: Iterable[str]) -> list[str]:
    """Return the names, with a number behind those that are taken.

    >>> unique(["Ann", "Bo", "Ann"])
    ['Ann', 'Bo', 'Ann 2']
    """
    taken: dict[str, None] = {}
    for name in names:
        number, tried = 1, name
        while tried in taken:
            number += 1
            tried = f"{name} {number}"
        taken[tried] = None
    return list(taken)


__all__ = ["Span", "rows_without_overlap", "spans", "unique"]
