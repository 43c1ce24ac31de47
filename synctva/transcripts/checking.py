"""What every transcript is checked for, whatever its form."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from .line import EXAMPLE, TIMED_EXAMPLE, Line, Transcript, TranscriptError, listed, numbers, quoted
from .lines import has_stamp

_SOUND = re.compile(r"\[[^\[\]]*\]|[\u266a-\u266c\s]+")


def checked(transcript: Transcript, timed: bool) -> Transcript:
    """Return the transcript with its utterances in order, and only those.

    Raises:
        TranscriptError: there is no utterance, or one lacks times that it needs or has a time among
            its words.
    """
    notes = list(transcript.notes)

    def noted(lines: list[Line], found: str) -> None:
        if lines:
            notes.append(f"{numbers((line.number for line in lines), transcript.counted)}: {found}")

    conversations = []
    for lines in transcript.conversations:
        if timed:
            _require_times(lines, transcript.counted)
        noted([*filter(_is_sound, lines)], "sounds in brackets are not read")
        lines = [line for line in lines if not _is_sound(line)]
        noted([*filter(_is_instant, lines)], "start and end are equal: the times are not read")
        lines = [replace(x, start=None, end=None) if _is_instant(x) else x for x in lines]
        mixed = [x for x in lines if x.start is not None and has_stamp(x.text)]
        if mixed:
            raise listed(
                [
                    f"{transcript.counted} {x.number}, {quoted(x.text)}: has a time among its "
                    "words: expected one form of transcript"
                    for x in mixed
                ]
            )
        if all(line.start is not None for line in lines):
            back = [after for line, after in pairwise(lines) if _start(after) < _start(line)]
            noted(back, "starts before the utterance above: sorted by their starts")
            lines = sorted(lines, key=_start)
        if lines:
            conversations.append(lines)
    found = [line for lines in conversations for line in lines]
    if not found:
        raise nothing(timed)
    if not any(line.text or line.other or (timed and line.start is not None) for line in found):
        unread = "; ".join(["", *notes])
        raise TranscriptError(
            f"no utterance has a text{unread}: expected text, or times and the recording"
        )
    return replace(transcript, conversations=conversations, notes=notes)


def nothing(timed: bool) -> TranscriptError:
    example = TIMED_EXAMPLE if timed else EXAMPLE
    return TranscriptError(f"there is no utterance: expected lines such as {example!r}")


def _is_sound(line: Line) -> bool:
    return line.start is not None and _SOUND.fullmatch(line.text) is not None


def _is_instant(line: Line) -> bool:
    return line.start is not None and line.start == line.end


def _start(line: Line) -> float:
    return 0.0 if line.start is None else line.start


def _require_times(lines: list[Line], counted: str) -> None:
    """Raise a TranscriptError if an utterance lacks its times; the last may have no end."""
    missing = [n for n in lines if n.start is None or (n.end is None and n is not lines[-1])]
    if missing:
        raise listed(
            [
                f"{counted} {n.number}, {quoted(n.text)}: has no times: expected its start and end "
                f"in the recording in seconds, such as {TIMED_EXAMPLE!r}"
                for n in missing
            ]
        )


__all__ = ["checked", "nothing"]
