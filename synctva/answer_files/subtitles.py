"""SRT and WebVTT, in which the emotion stands behind the words.

00:00:01,000 --> 00:00:02,500
Ann: I got the job! [emotion: joy 72%]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from synctva.answered import Answered
from synctva.transcripts.line import emotion_mark, split_speaker

from .spans import Span, spans

# SRT has no escapes of its own. Players that know HTML's tags mostly know its entities; others show
# them, which does no harm. A "&" is left alone where it begins nothing.
_ACTIVE = {"<": "&lt;", "-->": "--&gt;", "{\\": "&#123;\\"}
_ENTITY = re.compile(r"&(?=#?\w+;)")


def srt(answered: Sequence[Answered]) -> str:
    """Return the utterances as SRT."""
    blocks = []
    for number, span in enumerate(spans(answered), 1):
        words = _inert(_with_speaker(span))
        times = f"{_clock(span.start)} --> {_clock(span.end)}".replace(".", ",")
        blocks.append(f"{number}\n{times}\n{words}{emotion_mark(span.emotion)}".strip() + "\n")
    return "\n".join(blocks)


def web_vtt(answered: Sequence[Answered]) -> str:
    """Return the utterances as WebVTT."""
    blocks = ["WEBVTT\n"]
    for number, span in enumerate(spans(answered), 1):
        words = escape(span.text if span.speaker else _with_speaker(span), quote=False)
        mark = escape(emotion_mark(span.emotion).strip(), quote=False)
        words += f" <i>{mark}</i>" if mark else ""
        if span.speaker:
            words = f"<v {escape(span.speaker, quote=False)}>{words}</v>"
        blocks.append(f"{number}\n{_clock(span.start)} --> {_clock(span.end)}\n{words}\n")
    return "\n".join(blocks)


def _with_speaker(span: Span) -> str:
    if span.speaker:
        return f"{span.speaker}: {span.text}"
    # Without a speaker, what stands before a colon would be read as one.
    return span.text if split_speaker(span.text)[0] is None else f": {span.text}"


def _inert(words: str) -> str:
    words = _ENTITY.sub("&amp;", words)
    for active, escaped in _ACTIVE.items():
        words = words.replace(active, escaped)
    return words


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"


__all__ = ["srt", "web_vtt"]
