"""One utterance of a transcript, and what all forms share: speakers, times and mistakes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

EXAMPLE = "Ann: I got the job!"
TIMED_EXAMPLE = f"0.0-2.5 {EXAMPLE}"
FORMS = (
    f"lines such as {EXAMPLE!r}, JSON of a transcriber, JSON lines, SRT, WebVTT, CSV or TSV, a "
    "Praat TextGrid, an ELAN document, a chat from WhatsApp or Telegram, or Audacity's labels"
)
"""The forms that are read, for messages."""

SHOWN = 5
"""Mistakes, or numbers of lines, that a message lists."""

TIME = r"(?:(?:\d+:)?\d+:)?\d+(?:[.,]\d+)?"
"""Pattern of a time: seconds, minutes:seconds or hours:minutes:seconds."""

# A name is short and not part of a sentence. Chinese and Japanese use a wide colon without a space.
# After the plain colon, a space distinguishes a name from a time, an address or a smiley.
_SPEAKER = re.compile(r"([^:\uff1a!?;,]{0,40}?)\s*(?::(?=\s|$)|\uff1a)\s*(.*)", re.DOTALL)
_MOST_WORDS = 4
_LONGEST = 60
# What our own subtitles and labels have behind the words.
_EMOTION = re.compile(r"\[emotion: [^\[\]]*\]\s*$")
# Without a colon, only the names that diarization gives; "[laughs] No!" has no speaker.
_DIARIZED = re.compile(r"\s*[\[(]+(speaker[_ ](?:\d+|\?))[\])]+:?\s*(.*)", re.DOTALL | re.I)


class TranscriptError(ValueError):
    """A transcript cannot be read. The message lists the first lines with a mistake."""


@dataclass(frozen=True)
class Line:
    """One utterance."""

    number: int
    """Number of its line, from 1; in subtitles, of the line with the times; in JSON and ELAN, of
    the utterance."""
    text: str
    """May be empty if there are times: the recording has the words."""
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    """In s; None without times."""
    other: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the utterance: recordings and features."""

    def utterance(self) -> dict[str, Any]:
        """Return the utterance as the pipeline takes it, without the fields that are missing."""
        fields = {
            "text": self.text or None,
            "speaker": self.speaker,
            "start": self.start,
            "end": self.end,
            **self.other,
        }
        return {name: value for name, value in fields.items() if value is not None} or {"text": ""}


@dataclass(frozen=True)
class Transcript:
    """What was read from a text."""

    conversations: list[list[Line]]
    several: bool = False
    """Whether it is a list of conversations, which may have only one."""
    counted: str = "line"
    """What the numbers of the utterances count, for messages."""
    notes: Sequence[str] = ()
    """What was not read, and what else the user has to know."""


def split_speaker(words: str) -> tuple[str | None, str]:
    """Return the speaker, if the words begin with one, and the text.

    >>> split_speaker("[SPEAKER_00]: See: 10:30?")
    ('SPEAKER_00', 'See: 10:30?')
    """
    diarized, text = split_diarized(words)
    if text != words:
        return diarized, text
    match = _SPEAKER.fullmatch(words)
    if not match or len(match[1].split()) > _MOST_WORDS:
        return None, words
    return bare(match[1]) or None, match[2]


def split_diarized(words: str) -> tuple[str | None, str]:
    """Return the name that a program has put into brackets before the words, and the rest.

    whisper.cpp writes `(speaker ?)` if it does not know, and `[SPEAKER_TURN]` behind the words.
    """
    match = _DIARIZED.fullmatch(words)
    name, text = (match[1], match[2]) if match else (None, words)
    return None if name and name.endswith("?") else name, text.replace("[SPEAKER_TURN]", "").strip()


def emotion_mark(emotion: str | None) -> str:
    """Return what stands behind the words of an utterance to tell its emotion, if it has one.

    >>> emotion_mark("joy 72%")
    ' [emotion: joy 72%]'
    """
    inside = (emotion or "").replace("[", "(").replace("]", ")")
    return f" [emotion: {inside}]" if inside else ""


def without_emotion(words: str) -> str:
    """Return the words without an `emotion_mark`, which nobody has said."""
    mark = _EMOTION.search(words)
    return words[: mark.start()].rstrip() if mark else words


def quoted(words: str) -> str:
    """Return words between quotation marks for a message, shortened if they are long."""
    return repr(words if len(words) <= _LONGEST else f"{words[:_LONGEST]}...")


def bare(name: str) -> str:
    """Return a name without the brackets around it."""
    while name[:1] + name[-1:] in ("[]", "()", "<>", "{}"):
        name = name[1:-1].strip()
    return name


def seconds(time: str) -> float:
    """Return a time such as "1:02.5" in seconds, 62.5.

    Raises:
        ValueError: it is not such a time.
    """
    if not re.fullmatch(TIME, time.strip()):
        raise ValueError(f"time = {time!r}: expected seconds or hours:minutes:seconds")
    total = 0.0
    for part in time.replace(",", ".").split(":"):
        total = 60 * total + float(part)
    return total


def times(
    place: str, start: Any, end: Any, instants: bool = False
) -> tuple[float | None, float | None]:
    """Return start and end as numbers of seconds; None where they are missing.

    Args:
        place: where they are, for messages.
        start, end: numbers, or text as for `seconds`; None or "" if they are missing.
        instants: whether they may be equal.

    Raises:
        TranscriptError: they are not times, or not 0 <= start < end.
    """
    begin, stop = _number(place, "start", start), _number(place, "end", end)
    if begin is None or stop is None:
        return begin, stop
    if begin > stop or (begin == stop and not instants):
        raise TranscriptError(
            f"{place}, times {start} to {end}: expected the start before the end, in seconds or "
            "minutes:seconds"
        )
    return begin, stop


def _number(place: str, name: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    number = math.nan
    if isinstance(value, str):
        with suppress(ValueError):
            number = seconds(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    if not 0 <= number < math.inf:
        raise TranscriptError(
            f"{place}, {name} = {value!r}: expected a time of at least 0, in seconds or "
            "hours:minutes:seconds"
        )
    return number


def listed(mistakes: Sequence[str]) -> TranscriptError:
    """Return one error for all mistakes."""
    more = len(mistakes) - SHOWN
    return TranscriptError("\n".join([*mistakes[:SHOWN], *[f"... and {more} more."] * (more > 0)]))


def numbers(lines: Iterable[int], counted: str = "line") -> str:
    """Return the numbers of lines, or of what else is counted, in words.

    >>> numbers([3]), numbers(range(1, 9))
    ('line 3', 'lines 1, 2, 3, 4, 5 and 3 more')
    """
    found = list(lines)
    more = len(found) - SHOWN
    shown = ", ".join(map(str, found[:SHOWN]))
    return f"{counted}{'s' * (len(found) > 1)} {shown}" + f" and {more} more" * (more > 0)


__all__ = [
    "EXAMPLE",
    "FORMS",
    "SHOWN",
    "TIME",
    "TIMED_EXAMPLE",
    "Line",
    "Transcript",
    "TranscriptError",
    "bare",
    "emotion_mark",
    "listed",
    "numbers",
    "quoted",
    "seconds",
    "split_diarized",
    "split_speaker",
    "times",
    "without_emotion",
]
