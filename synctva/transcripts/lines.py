"""Lines as people type them, and as whisper prints and Audacity exports them.

Ann: I got the job!                          the speaker is optional
0.0-2.5 Ann: I got the job!                  with times in a recording
[00:00.000 --> 00:02.500]  I got the job!    whisper and whisper.cpp in a terminal
[0:00] Ann: I got the job!                   only starts: an utterance ends as the next starts
0.0 <tab> 2.5 <tab> Ann: I got the job!      Audacity's labels
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .chats import is_message
from .line import (
    EXAMPLE,
    TIME,
    TIMED_EXAMPLE,
    Line,
    Transcript,
    TranscriptError,
    bare,
    listed,
    quoted,
    seconds,
    split_speaker,
    times,
    without_emotion,
)
from .subtitles import split_voice

_RANGE = re.compile(rf"[\[(]?({TIME})\s*(?:s\s*)?[-\u2013\u2014]\s*({TIME})\s*s?[\])]?(?:\s+(.*))?")
_TERMINAL = re.compile(rf"\[({TIME})\s*-->\s*({TIME})\]\s*(.*)")
# What whisper prints before its first line.
_PRINTED = re.compile(r"Detecting language using up to|Detected language[: ]")
# What services add, which nobody says.
_ADDED = re.compile(r"Transcribed by https?://\S+", re.IGNORECASE)
_BOLD = re.compile(r"^[ \t]*(\*\*|__)([^*:\n]{1,40})(?::\1|\1:)[ \t]+", re.MULTILINE)
"""A speaker in bold letters, in Markdown."""
# Above a message in a chat, as Discord copies it: a speaker, a dash and a date.
_DATED = re.compile(
    r".{1,40}\s[-\u2013\u2014]\s(?:Today at|Yesterday at|\d{1,4}[./-]\d{1,2}[./-]\d{2,4},?(?: at)?)"
    r"\s\d{1,2}:\d\d(?:\s?[AP]M)?",
    re.IGNORECASE,
)
_AUDACITY = re.compile(r"(-?\d+(?:[.,]\d+)?)\t(-?\d+(?:[.,]\d+)?)(?:\t(.*))?")

_CLOCK = r"(?:\d+:)?\d{1,2}:\d{2}(?:[.,]\d+)?"
_NAME = r"[^\[\](){}:!?;,]{1,40}?"
_START = re.compile(rf"(?:({_NAME})\s*)?[\[(]({_CLOCK})[\])]\s*:?\s*(.*)")
_BARE_START = re.compile(rf"()({_CLOCK})\s+(.*)")
# A line of its own above the text: `Ann (0:01)`, `[Ann] 0:01`, or `Ann  0:01` with two spaces.
_HEADING = re.compile(
    rf"(?:(?:({_NAME})(?:\s{{2,}}|\t|\s*(?=[\[(]))|\[([^\[\]]+)\]\s+))?"
    rf"[\[(]?({_CLOCK})[\])]?:?"
)
# Times that are no part of a sentence: in brackets, with hours or with fractions.
_STAMP = re.compile(
    rf"(?:{_NAME}\s*)?[\[(]\s*-?{_CLOCK}\s*(?:-+>?\s*-?{TIME}\s*)?[\])]"
    r"|-?\d+:\d\d(?::\d\d|[.,]\d)"
)


def is_audacity(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and _AUDACITY.fullmatch(lines[0].strip()) is not None


def read_audacity(text: str) -> Transcript:
    """Read labels that Audacity has exported. Lines with a backslash have frequencies.

    Raises:
        TranscriptError: a line is not a label, or its end is before its start.
    """
    labels = [
        (number, _AUDACITY.fullmatch(line.strip()), line)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.startswith("\\")
    ]
    lines, mistakes = [], []
    for number, label, line in labels:
        if not label:
            mistakes.append(
                f"line {number}, {quoted(line.strip())}: expected start, end and text, with tabs "
                "between"
            )
            continue
        # A label at a point in time has no length.
        start, end = label[1], None if label[1] == label[2] else label[2]
        try:
            lines.append(_line(number, without_emotion(label[3] or ""), start, end))
        except TranscriptError as mistake:
            mistakes.append(str(mistake))
    if mistakes:
        raise listed(mistakes)
    return Transcript([lines])


def read_lines(text: str, timed: bool = False) -> Transcript:
    """Read one utterance per line.

    Args:
        text: the lines. Empty ones are skipped.
        timed: whether each line needs its times. Otherwise times are read only if every line begins
            with them, because "10-20 people came" is a sentence.

    Raises:
        TranscriptError: a line lacks times that it needs, or has times that do not increase or
            that others lack, or has neither text nor times.
    """
    # Two spaces may separate a name from a time; more would only cost time.
    spaced = _BOLD.sub(r"\2: ", re.sub(r"[^\S\n]{2,}", "  ", text))
    lines = [
        (n, line.strip())
        for n, line in enumerate(spaced.split("\n"), 1)
        if line.strip() and not _ADDED.fullmatch(line.strip())
    ]
    if dated := [(n, line) for n, line in lines if _DATED.fullmatch(line)]:
        raise listed(
            [
                f"line {n}, {quoted(line)}: is the heading of a message: expected the speaker "
                f"before the words, such as {EXAMPLE!r}"
                for n, line in dated
            ]
        )
    if any(_TERMINAL.match(line) for _, line in lines):
        return _terminal(lines)
    if _all(_RANGE, lines):
        return _each(lines, _RANGE, timed)
    if starts := _starts(lines):
        return starts
    stamps = [(n, line) for n, line in lines if has_stamp(line)]
    if stamps and not timed:
        raise listed(
            [
                f"line {n}, {quoted(line)}: begins with a time, and others do not: expected times "
                f"on every line, such as {TIMED_EXAMPLE!r}, or on none"
                for n, line in stamps
            ]
        )
    return _each(lines, _RANGE if timed else None, timed)


def has_stamp(line: str) -> bool:
    """Return whether a line begins with a time that is no part of a sentence."""
    after = _RANGE.fullmatch(line)
    name = split_speaker(after[3])[0] if after and after[3] else None
    if name and not name[0].islower():  # "5-6 weeks: no more" is a sentence
        return True
    return bool(_STAMP.match(line)) or "-->" in line or is_message(line)


def _all(pattern: re.Pattern[str], lines: Sequence[tuple[int, str]]) -> bool:
    return all(pattern.fullmatch(line) for _, line in lines)


def _terminal(lines: Sequence[tuple[int, str]]) -> Transcript:
    spoken = [(n, line) for n, line in lines if not _PRINTED.match(line)]
    mistakes = [
        f"line {n}, {quoted(line)}: has no times: expected them, as on the other lines, such as "
        f"'[00:00.000 --> 00:02.500]  {EXAMPLE}'"
        for n, line in spoken
        if not _TERMINAL.fullmatch(line)
    ]
    if mistakes:
        raise listed(mistakes)
    return _each(spoken, _TERMINAL, False)


def _each(
    lines: Sequence[tuple[int, str]], pattern: re.Pattern[str] | None, timed: bool
) -> Transcript:
    """Read each line by itself; the groups of the pattern are start, end and words."""
    read, mistakes = [], []
    for number, line in lines:
        match = pattern.fullmatch(line) if pattern else None
        start, end, words = match.groups() if match else (None, None, line)
        try:
            if timed and start is None:
                raise TranscriptError(
                    f"line {number}, {quoted(line)}: has no times: expected its start and end in "
                    f"the recording in seconds before it, such as {TIMED_EXAMPLE!r}"
                )
            read.append(_line(number, words or "", start, end))
        except TranscriptError as mistake:
            mistakes.append(str(mistake))
    if mistakes:
        raise listed(mistakes)
    return Transcript([read])


def _line(number: int, words: str, start: str | None, end: str | None) -> Line:
    voice, said = split_voice(words.strip())
    speaker, text = (voice, said) if voice else split_speaker(said)
    begin, stop = times(f"line {number}", start, end)
    if begin is None and not text:
        raise TranscriptError(
            f"line {number}, {quoted(words)}: has no text: expected a sentence after the speaker, "
            f"such as {EXAMPLE!r}"
        )
    return Line(number, text, speaker, begin, stop)


def _starts(lines: Sequence[tuple[int, str]]) -> Transcript | None:
    """Read lines that have only starts, or return None if they have none."""
    found: list[tuple[int, str | None, str, str]] = []
    if len(lines) > 1 and _HEADING.fullmatch(lines[0][1]):
        for number, line in lines:
            match = _HEADING.fullmatch(line)
            if match:
                found.append((number, match[1] or match[2], match[3], ""))
            else:
                found[-1] = (*found[-1][:3], f"{found[-1][3]} {line}".strip())
    elif _all(_START, lines):
        found = [(n, *_groups(_START, line)) for n, line in lines]
    elif len(lines) > 1 and _all(_BARE_START, lines):
        found = [(n, *_groups(_BARE_START, line)) for n, line in lines]
    if not found:
        return None
    following = [start for _, _, start, _ in found[1:]]
    read = []
    for (number, name, start, words), after in zip(found, [*following, None], strict=True):
        end = after if after is not None and seconds(start) < seconds(after) else None
        utterance = _line(number, words, start, end)
        read.append(replace(utterance, speaker=bare(name.strip()) if name else utterance.speaker))
    return Transcript([read])


def _groups(pattern: re.Pattern[str], line: str) -> tuple[str | None, str, str]:
    match = pattern.fullmatch(line)
    assert match
    return match[1], match[2], match[3]


__all__ = ["has_stamp", "is_audacity", "read_audacity", "read_lines"]
