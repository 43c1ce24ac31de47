"""RTTM: who speaks when in a recording, without words.

    SPEAKER meeting 1 0.00 2.50 <NA> <NA> Ann <NA> <NA>

Type, recording, channel, start and duration in seconds, and in the eighth column the speaker.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from .line import Line, TranscriptError, numbers, quoted, times

_OTHER = (
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT"),
    *("IP", "SU", "CB", "A/P", "SPKR-INFO"),
)
"""Types that do not say who speaks when."""
_FIRST = re.compile(r"(SPEAKER|SPKR-INFO)\s+\S+\s+\S+\s+\S+\s+\S+\s")


def is_rttm(text: str) -> bool:
    lines = (line.strip() for line in text.split("\n"))
    return _FIRST.match(next((line for line in lines if line and line[0] != ";"), "")) is not None


def read_turns(text: str, recording: str) -> list[Line]:
    """Read an RTTM. -> turns with speakers and times, in the order of their starts.

    Args:
        text: the RTTM.
        recording: whose turns to read, if the RTTM has those of several.

    Raises:
        TranscriptError: a line is not RTTM, there is no turn, or it has several other recordings.
    """
    turns: dict[str, list[Line]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        cells = line.split()
        if not cells or cells[0].startswith(";") or cells[0] in _OTHER:
            continue
        try:
            if cells[0] != "SPEAKER":
                raise ValueError
            start, length = float(cells[3]), float(cells[4])
            speaker = None if cells[7] == "<NA>" else cells[7]
        except (ValueError, IndexError):
            raise TranscriptError(
                f"line {number}, {quoted(line.strip())}: expected RTTM, such as "
                "'SPEAKER meeting 1 0.00 2.50 <NA> <NA> Ann <NA> <NA>'"
            ) from None
        begin, end = times(f"line {number}", start, start + length)
        turns.setdefault(cells[1], []).append(Line(number, "", speaker, begin, end))
    if not turns:
        raise TranscriptError("there is no turn: expected lines that begin with SPEAKER")
    found = turns.get(recording) or (next(iter(turns.values())) if len(turns) == 1 else None)
    if found is None:
        raise TranscriptError(
            f"has the recordings {', '.join(map(repr, list(turns)[:5]))}: expected one of the name "
            f"{recording!r}, or only one"
        )
    return sorted(found, key=lambda turn: turn.start or 0.0)


def assign_speakers(
    lines: Sequence[Line], turns: Sequence[Line], counted: str
) -> tuple[list[Line], list[str]]:
    """Give each utterance the speaker whose turns overlap it most. -> utterances, notes.

    Args:
        lines: the utterances.
        turns: those of `read_turns`.
        counted: what the numbers of the utterances count, for messages.

    Raises:
        TranscriptError: an utterance has no times.
    """
    found: list[Line] = []
    for line in lines:
        if line.start is None or line.end is None:
            raise TranscriptError(
                f"{counted} {line.number}: has no times: expected start and end on every "
                "utterance, to find its speaker in the RTTM"
            )
        overlaps: dict[str, float] = {}
        for turn in turns:
            if (turn.start or 0.0) >= line.end:
                break
            shared = min(line.end, turn.end or math.inf) - max(line.start, turn.start or 0.0)
            if shared > 0 and turn.speaker:
                overlaps[turn.speaker] = overlaps.get(turn.speaker, 0.0) + shared
        speaker = max(overlaps, key=overlaps.__getitem__) if overlaps else None
        found.append(replace(line, speaker=speaker))
    alone = [line.number for line in found if line.speaker is None]
    notes = [f"{numbers(alone, counted)}: nobody speaks then, by the RTTM"] if alone else []
    return found, notes


__all__ = ["assign_speakers", "is_rttm", "read_turns"]
