"""The timeline as SVG: a lane for each speaker. All places are shares of the width, to zoom in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from synctva.answered import emotion

from .talk import UNCLEAR, Talk, Utterance

BAR, LANE = 36, 54
"""Height in px of a bar of probability 1, and of a lane with the letters below the bars."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Distances between marks on the axis."""

MOST_MARKS = 6
"""On the axis as the page opens."""

FINEST = 64
"""How far one can zoom in."""


def lanes(talk: Talk, letter: dict[str, str]) -> str:
    """Return the lanes and the axis as HTML."""
    named = talk.speakers != [""]
    parts = [
        (f'<div class="name"><bdi>{escape(speaker or "unknown speaker")}</bdi></div>' * named)
        + f'<svg class="lane" height="{LANE}" aria-hidden="true">'
        + "".join(_block(one, talk, letter) for one in talk.of(speaker))
        + "</svg>"
        for speaker in talk.speakers
    ]
    return "".join(parts) + _axis(talk)


def clock(seconds: float, tenths: bool = False) -> str:
    """Return a time such as 1:02, or 1:02.5.

    >>> clock(62.54), clock(3600, tenths=True)
    ('1:02', '1:00:00.0')
    """
    rounded = round(seconds, 1) if tenths else int(seconds)
    minutes, rest = divmod(rounded, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{rest:04.1f}" if tenths else f"{rest:02}"
    return f"{hours}:{minutes:02}:{shown}" if hours else f"{minutes}:{shown}"


def place(talk: Talk, one: Utterance) -> str:
    """Return when or where an utterance is, in words."""
    if talk.timed:
        return f"{clock(one.begin, True)}\N{EN DASH}{clock(one.end, True)}"
    return f"no. {one.number + 1}"


def _block(one: Utterance, talk: Talk, letter: dict[str, str]) -> str:
    left, width = _share(one.begin, talk), _share(one.end - one.begin, talk)
    middle = _share((one.begin + one.end) / 2, talk)
    span = f'x="{left}%" width="{width}%"'
    height = max(round(BAR * one.score, 1), 2)
    bar = ""
    if one.label:
        bar = f'<rect class="bar" {span} y="{round(BAR - height, 1)}" height="{height}"/>'
    kind = "unclear" if one.felt == UNCLEAR else "clear"
    sign = "\N{MULTIPLICATION SIGN}" if one.unread else letter.get(one.label or "", "?")
    sign += "?" * (kind == "unclear" and one.label is not None)
    number = talk.labels.index(one.label) if one.label else -1
    title = f"{place(talk, one)} {one.speaker}: {emotion(one.answer)}"
    return (
        f'<g class="{kind} e{number}" data-i="{one.number}"><title>{escape(title)}</title>'
        f'{bar}<rect class="all" {span} y="0" height="{BAR}"/>'
        f'<text x="{middle}%" y="{LANE - 4}">{escape(sign)}</text></g>'
    )


def _share(value: float, talk: Talk) -> str:
    return f"{100 * value / talk.length:.4f}".rstrip("0").rstrip(".")


def _axis(talk: Talk) -> str:
    """Return the marks of the axis, each with the zoom from which on it is shown."""
    found: dict[int, int] = {}
    zoom = 1
    while zoom <= FINEST:
        step = next((s for s in _STEPS if talk.length / s <= MOST_MARKS * zoom), _STEPS[-1])
        for mark in range(0, int(talk.length) + 1, step):
            found.setdefault(mark, zoom)
        zoom *= 2
    if not talk.timed:
        # The first utterance is number 1, and has its number at its middle.
        found = {mark: zoom for mark, zoom in found.items() if mark < talk.length}
    marks = "".join(
        f'<g data-zoom="{found[mark]}"><line x1="{_share(at, talk)}%" x2="{_share(at, talk)}%" '
        f'y1="0" y2="5"/><text x="{_share(at, talk)}%" y="17">{text}</text></g>'
        for mark, at, text in _texts(talk, sorted(found))
    )
    return f'<svg class="axis" height="20" aria-hidden="true">{marks}</svg>'


def _texts(talk: Talk, marks: Sequence[int]) -> list[tuple[int, float, str]]:
    if talk.timed:
        return [(mark, mark, clock(mark)) for mark in marks]
    return [(mark, mark + 0.5, str(mark + 1)) for mark in marks]


__all__ = ["BAR", "FINEST", "LANE", "clock", "lanes", "place"]
