"""SRT and WebVTT, in which the emotion stands behind the words.

00:00:01,000 --> 00:00:02,500
Ann: I got the job! [emotion: joy 72%]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from synctva.answered import Answered
from synctva.transcripts.line import emotion_mark

from .spans import spans

# SRT has no escapes of its own. Players that know HTML's tags mostly know its entities; others show
# them, which does no harm. A "&" is left alone where it begins nothing.
_OVERRIDE = "{\\", "&#123;\\"
"""How a command of SubStation Alpha begins, which many players obey in any subtitles."""
_ACTIVE = (("<", "&lt;"), ("-->", "--&gt;"), _OVERRIDE)
_ENTITY = re.compile(r"&(?=#?\w+;)")


def srt(answered: Sequence[Answered]) -> str:
    """Return the utterances as SRT."""
    blocks = []
    for number, span in enumerate(spans(answered), 1):
        words = _ENTITY.sub("&amp;", span.line + emotion_mark(span.emotion))
        for active, escaped in _ACTIVE:
            words = words.replace(active, escaped)
        times = f"{_clock(span.start)} --> {_clock(span.end)}".replace(".", ",")
        blocks.append(f"{number}\n{times}\n{words}".strip() + "\n")
    return "\n".join(blocks)


def web_vtt(answered: Sequence[Answered]) -> str:
    """Return the utterances as WebVTT."""
    blocks = ["WEBVTT\n"]
    for number, span in enumerate(spans(answered), 1):
        words = _escaped(span.words)
        mark = _escaped(emotion_mark(span.emotion).strip())
        words += f" <i>{mark}</i>" if mark else ""
        if span.speaker:
            words = f"<v {_escaped(span.speaker)}>{words}</v>"
        blocks.append(f"{number}\n{_clock(span.start)} --> {_clock(span.end)}\n{words}\n")
    return "\n".join(blocks)


def _escaped(words: str) -> str:
    return escape(words, quote=False).replace(*_OVERRIDE)


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"


__all__ = ["srt", "web_vtt"]
