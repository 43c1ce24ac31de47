"""SRT and WebVTT, also as Zoom and Teams write it.

    00:01.000 --> 00:02.500 align:start        times, then settings
    <v Ann>I got the <i>job</i>!</v>           an utterance; or `Ann: I got the job!`

A line that begins with a dash begins another utterance with the same times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from .line import (
    TIME,
    Line,
    Transcript,
    TranscriptError,
    listed,
    quoted,
    split_speaker,
    times,
    without_emotion,
)

CUE = re.compile(rf"[ \t]*({TIME})\s*-->\s*({TIME})(?:[ \t].*)?", re.DOTALL)
_HEADER = "WEBVTT"
_NOT_CUES = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^<>]*)>")
_DEEPEST = 4
"""Tags inside the brackets of others that are removed."""
# Also a time inside a cue (<00:19.000>), and the overrides of SubStation Alpha ({\an8}).
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|</?>|<\d[\d:.]*>|\{\\[^{}]*\}")
_SUBTITLE_TAG = re.compile(
    r"</?(?:[bcisuv]|font|lang|ruby|rt)(?:[.\s][^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE
)
_ENTITY = re.compile(r"&#?\w+;")
# A word with its time, as in captions that roll up: each cue repeats the line of the one before.
_ROLLING = re.compile(r"<\d[\d:.]*><c[.>]")
_TURN = re.compile(r"\s*(?:[-\u2010-\u2015\u2212](?=\D)|>>)\s*")


def is_subtitles(text: str) -> bool:
    return text.startswith(_HEADER) or any(CUE.fullmatch(line) for line in text.split("\n"))


def read_subtitles(text: str) -> Transcript:
    """Read subtitles.

    Raises:
        TranscriptError: a line is neither in a cue nor the name of one, or times do not increase.
    """
    mistakes: list[str] = []
    lines: list[Line] = []
    above = "" if _ROLLING.search(text) else None
    for number, start, end, words in _cues(text):
        if above is not None and any(words):
            shown, before = [line for line in words if line], above
            above = without_tags(shown[-1])
            words = [line for line in shown if line != before]
            if not words:
                continue
        try:
            begin, stop = times(f"line {number}", start, end)
        except TranscriptError as mistake:
            mistakes.append(str(mistake))
            continue
        turns = list(_turns(words)) or [(None, "")]
        lines += [Line(number, said, speaker, begin, stop) for speaker, said in turns]
    if mistakes:
        raise listed(mistakes)
    return Transcript([lines])


def _cues(text: str) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield (number of the line with the times, start, end, lines of text) of each cue."""
    lines = text.split("\n")
    web = lines[0].startswith(_HEADER)
    number = 0
    while number < len(lines):
        first = number
        # In WebVTT a line of spaces is no empty line; the captions of videos on the web begin so.
        while number < len(lines) and (
            lines[number].strip()
            or (web and lines[number] and number > first and CUE.fullmatch(lines[number - 1]))
        ):
            number += 1
        block = [" ".join(line.split()) for line in lines[first:number]]
        number += 1
        if web and (first == 0 or (block and _NOT_CUES.match(block[0]))):
            continue
        places = [place for place, line in enumerate(block) if CUE.fullmatch(line)]
        names = block[: places[0]] if places else block
        if len(names) > 1 or (names and not (web and places) and not names[0].isdecimal()):
            raise TranscriptError(
                f"line {first + 1}, {quoted(block[0])}: expected the number or the times of a "
                "subtitle, as in '00:00:01,000 --> 00:00:02,500', above its text"
            )
        for place, after in zip(places, [*places, len(block)][1:], strict=True):
            words = block[place + 1 : after]
            if after < len(block) and words and words[-1].isdecimal():
                words.pop()  # The number of the next cue, without an empty line before it.
            match = CUE.fullmatch(block[place])
            assert match
            yield first + place + 1, match[1], match[2], words


def _turns(words: list[str]) -> Iterator[tuple[str | None, str]]:
    """Yield (speaker, text) of each utterance of a cue."""
    # Before each voice there is the name of the one before; at first, none.
    parts = _VOICE.split("\n".join(words))
    for voice, part in zip([None, *parts[1::2]], parts[::2], strict=True):
        turns: list[list[str]] = []
        lines = [without_emotion(line) for line in without_tags(part).split("\n")]
        lines = [line for line in lines if line.strip()]
        named = [split_speaker(line)[0] for line in lines]
        every = all(name and name[0] == name[0].upper() for name in named)
        for line in lines:
            dash = _TURN.match(line)
            if not turns or dash or every:
                turns.append([])
            turns[-1].append(line[dash.end() if dash else 0 :].strip())
        for turn in turns:
            speaker, said = split_speaker(" ".join(turn)) if voice is None else (None, None)
            text = " ".join(turn) if said is None else said
            if text:
                name = without_tags(voice).strip() if voice else speaker
                yield name or None, text


def split_voice(words: str) -> tuple[str | None, str]:
    """Return the speaker whom a tag names before the words, and the words without tags.

    Only the tags of subtitles are removed, because people type other things in brackets.
    """
    match = _VOICE.match(words)
    return match and without_tags(match[1]).strip(), without_tags(words, _SUBTITLE_TAG)


def without_tags(text: str, tag: re.Pattern[str] = _TAG) -> str:
    """Return text without tags, and with characters in place of entities."""
    for _ in range(_DEEPEST):
        text = tag.sub("", text)  # <<i>b> becomes <b>
    return _ENTITY.sub(lambda entity: unescape(entity[0]), text).replace("\xa0", " ")


__all__ = ["CUE", "is_subtitles", "read_subtitles", "split_voice"]
