"""Transcripts as people write them → utterances with speakers, sentences and times.

    Ann: I got the job!                one utterance per line; the speaker is optional
    0.0-2.5 Ann: I got the job!        the same with its times in a recording
    1:02.5 - 1:04 Ann: Wonderful!      minutes and hours are understood as well

SRT subtitles are read as well, each as one utterance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

EXAMPLE = "Ann: I got the job!"
TIMED_EXAMPLE = f"0.0-2.5 {EXAMPLE}"
SHOWN_MISTAKES = 5

_TIME = r"(?:(?:\d+:)?\d+:)?\d+(?:[.,]\d+)?"
_SUBTITLE_TIMES = re.compile(rf"({_TIME})\s*-->\s*({_TIME})")
_TIMED = re.compile(rf"[\[(]?({_TIME})\s*s?\s*[-\u2013\u2014]\s*({_TIME})\s*s?[\])]?(?:\s+(.*))?")
# A name is short and not part of a sentence. Chinese and Japanese use a wide colon without a space.
# After the plain colon, a space distinguishes a name from a time, an address or a smiley.
_SPEAKER = re.compile(r"([^:\uff1a!?;,]{0,40}?)\s*(?::(?=\s|$)|\uff1a)\s*(.*)")
_MOST_WORDS = 4


class TranscriptError(ValueError):
    """A transcript cannot be read. The message lists the first lines with a mistake."""


@dataclass(frozen=True)
class Line:
    """One utterance."""

    number: int
    """Number of its line, from 1; in subtitles, of the line with the times."""
    text: str
    """May be empty if there are times: the recording has the words."""
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    """In s; None without times."""


def parse_transcript(transcript: str, timed: bool = False) -> list[Line]:
    """Read a conversation with one utterance per line.

    The words before the first colon are the speaker if a space follows the colon and they are at
    most four, without a comma or the end of a sentence. A colon at the beginning of a line means
    that it has no speaker: `: Note: no speaker`. Empty lines are skipped.

    Args:
        transcript: the lines, or SRT subtitles.
        timed: whether each line needs its times. Otherwise times are read only if every line begins
            with them, because "10-20 people came" is a sentence.

    Raises:
        TranscriptError: there is no utterance; or a line lacks times that it needs, has times that
            do not increase, or has neither text nor times.

    Example:
        >>> [(line.speaker, line.text) for line in parse_transcript("Ann: Hi!\\n\\nSee: 10:30?")]
        [('Ann', 'Hi!'), ('See', '10:30?')]
    """
    lines = [(n, line.strip()) for n, line in enumerate(transcript.strip("\ufeff").split("\n"), 1)]
    if any(_SUBTITLE_TIMES.match(line) for _, line in lines):
        found = _subtitles(lines)
    else:
        spoken = [(n, line) for n, line in lines if line]
        times = [_TIMED.fullmatch(line) for _, line in spoken]
        read = timed or all(times)
        found = [
            (n, *((match[1], match[2], match[3] or "") if match and read else (None, None, line)))
            for (n, line), match in zip(spoken, times, strict=True)
        ]
    mistakes: list[str] = []
    utterances: list[Line] = []
    for n, start, end, words in found:
        try:
            utterances.append(_utterance(n, start, end, words, timed))
        except TranscriptError as mistake:
            mistakes.append(str(mistake))
    if mistakes:
        more = len(mistakes) - SHOWN_MISTAKES
        shown = mistakes[:SHOWN_MISTAKES] + [f"... and {more} more."] * (more > 0)
        raise TranscriptError("\n".join(shown))
    if not utterances:
        example = TIMED_EXAMPLE if timed else EXAMPLE
        raise TranscriptError(f"there is no utterance: expected lines such as {example!r}")
    return utterances


def _subtitles(lines: list[tuple[int, str]]) -> list[tuple[int, str, str, str]]:
    """Return (number, start, end, text) of each subtitle; its text ends at an empty line.

    Raises:
        TranscriptError: a line between them is neither empty nor the number of a subtitle.
    """
    found: list[tuple[int, str, str, str]] = []
    inside = False
    for n, line in lines:
        times = _SUBTITLE_TIMES.match(line)
        if times:
            found.append((n, times[1], times[2], ""))
            inside = True
        elif not line:
            inside = False
        elif inside:
            found[-1] = (*found[-1][:3], f"{found[-1][3]} {line}".strip())
        elif not line.isdecimal():
            raise TranscriptError(
                f"line {n}, {line!r}: expected the number or the times of a subtitle, as in "
                "'00:00:01,000 --> 00:00:02,500', above its text"
            )
    return found


def _utterance(n: int, start: str | None, end: str | None, words: str, timed: bool) -> Line:
    match = _SPEAKER.fullmatch(words)
    speaker, text = None, words
    if match and len(match[1].split()) <= _MOST_WORDS:
        speaker, text = match[1] or None, match[2]
    if start is None or end is None:
        if timed:
            raise TranscriptError(
                f"line {n}, {words!r}: has no times: expected its start and end in the recording "
                f"in seconds before it, such as {TIMED_EXAMPLE!r}"
            )
        if not text:
            raise TranscriptError(
                f"line {n}, {words!r}: has no text: expected a sentence after the speaker, "
                f"such as {EXAMPLE!r}"
            )
        return Line(n, text, speaker)
    begin, stop = _seconds(start), _seconds(end)
    if begin >= stop:
        raise TranscriptError(
            f"line {n}, times {start} to {end}: expected the start before the end, in seconds or "
            "minutes:seconds"
        )
    return Line(n, text, speaker, begin, stop)


def _seconds(time: str) -> float:
    """Return a time such as "1:02.5" in seconds, 62.5."""
    seconds = 0.0
    for part in time.replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


__all__ = ["EXAMPLE", "TIMED_EXAMPLE", "Line", "TranscriptError", "parse_transcript"]
