"""The parts of the report in words: summary, people, transcript, and what was not understood."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from synctva.answered import emotion, plain

from .talk import UNCLEAR, Talk, Turn, Utterance, doubts, shares, turning_points
from .timeline import clock, place

MOST_JUMPS = 12
"""Utterances that a reason lists; the others are counted."""


def summary(talk: Talk) -> str:
    """Return the conversation in a sentence or two."""
    count = len(talk.utterances)
    names = [name for name in talk.speakers if name]
    parts = [f"{count} utterance{'s' * (count != 1)}"]
    if names:
        parts.append(f"by {len(names)} speaker{'s' * (len(names) != 1)}")
    if talk.timed:
        parts.append(f"in {clock(talk.length)}")
    most = [f"{felt} ({share:.0%})" for felt, share in shares(talk.utterances).items()]
    what = "the time that somebody speaks" if talk.timed else "the utterances"
    return (
        f'<p class="soft">{" ".join(parts)}. Emotions by their share of {what}: '
        f"{escape(', '.join(most))}.</p>"
    )


def people(talk: Talk, letter: dict[str, str]) -> str:
    """Return each speaker's shares of emotions and turning points."""
    cards = "".join(_person(talk, speaker, letter) for speaker in talk.speakers)
    return (
        '<section aria-labelledby="people-title"><h2 id="people-title">Speakers</h2>'
        f'<div class="people">{cards}</div></section>'
    )


def _person(talk: Talk, speaker: str, letter: dict[str, str]) -> str:
    own = talk.of(speaker)
    name = f"<bdi>{escape(speaker)}</bdi>" if speaker else "Unknown speaker"
    time = sum(one.end - one.begin for one in own)
    spoken = f"{clock(time)}, " if talk.timed else ""
    left, bars, words = 0.0, "", ""
    for felt, share in shares(own).items():
        kind = "unclear" if felt == UNCLEAR else f"e{talk.labels.index(felt)}"
        bars += (
            f'<rect class="{kind}" x="{100 * left:.2f}%" width="{100 * share:.2f}%" height="22"/>'
        )
        sign = escape(letter.get(felt, "?"))
        words += (
            f'<li><span class="sign {kind}" aria-hidden="true">{sign}</span> '
            f"{escape(felt)} {share:.0%}</li>"
        )
        left += share
    turns = turning_points(own)
    listed = "".join(f"<li>{_turn(talk, turn)}</li>" for turn in turns)
    changes = (
        f"<p>Largest changes</p><ul>{listed}</ul>" if turns else "<p>No change of emotion.</p>"
    )
    return (
        f'<article class="card"><h3>{name}</h3><p class="soft">{spoken}{len(own)} '
        f"utterance{'s' * (len(own) != 1)}</p>"
        f'<div class="shares"><svg aria-hidden="true">{bars}</svg></div>'
        f'<ul class="legend">{words}</ul>{changes}</article>'
    )


def _turn(talk: Talk, turn: Turn) -> str:
    after, before = turn.utterance, turn.before
    new = after.felt
    rise = f"{before.scores.get(new, 0.0):.0%} to {after.scores.get(new, 0.0):.0%}"
    return (
        f"{_jump(talk, after)} {escape(before.felt)} \N{RIGHTWARDS ARROW} {escape(new)} "
        f'<span class="note">{escape(new)} from {rise}; change {turn.size:.2f} of 1</span>'
    )


def _jump(talk: Talk, one: Utterance) -> str:
    """Return a button that plays an utterance."""
    shown = clock(one.begin) if talk.timed else str(one.number + 1)
    return f'<button type="button" class="jump" data-i="{one.number}">{shown}</button>'


def transcript(talk: Talk, letter: dict[str, str]) -> str:
    """Return the utterances with their emotions, each a button."""
    rows = "".join(_row(talk, one, letter) for one in talk.utterances)
    return (
        '<section aria-labelledby="transcript-title"><h2 id="transcript-title">Transcript</h2>'
        f'<ol id="transcript">{rows}</ol></section>'
    )


def _row(talk: Talk, one: Utterance, letter: dict[str, str]) -> str:
    who = f'<bdi class="who">{escape(one.speaker)}</bdi>' if one.speaker else ""
    number = talk.labels.index(one.label) if one.label else -1
    kind = f"e{number}" if one.felt != UNCLEAR else "unclear"
    sign = "\N{MULTIPLICATION SIGN}" if one.unread else letter.get(one.label or "", "?")
    words = f'<bdi class="words">{escape(one.text)}</bdi>'
    if not one.text:
        words = '<i class="words">(no words)</i>'
    cautions = one.answer.get("cautions") or []
    note = f'<span class="note">{escape(plain(cautions[0]))}</span>' if cautions else ""
    if one.unread:
        note = f'<span class="note">{escape(plain(one.answer["error"]))}</span>'
    return (
        f'<li><button type="button" class="row" data-i="{one.number}" tabindex="-1">'
        f'<span class="when">{place(talk, one)}</span>'
        f'<span class="emotion"><span class="sign {kind}" aria-hidden="true">{escape(sign)}</span> '
        f"{escape(emotion(one.answer) or '')}</span>"
        f'<span class="said">{who}{words}{note}</span></button></li>'
    )


def not_understood(talk: Talk) -> str:
    """Return what was not understood, with the utterances."""
    found = doubts(talk.utterances)
    items = "".join(f"<li>{_doubt(talk, why, which)}</li>" for why, which in found.items())
    body = f'<ul class="doubts">{items}</ul>' if items else "<p>Nothing was noted.</p>"
    return (
        '<section aria-labelledby="doubts-title"><h2 id="doubts-title">What was not understood</h2>'
        f"{body}</section>"
    )


def _doubt(talk: Talk, why: str, which: Sequence[Utterance]) -> str:
    jumps = " ".join(_jump(talk, one) for one in which[:MOST_JUMPS])
    more = f" and {len(which) - MOST_JUMPS} more" if len(which) > MOST_JUMPS else ""
    return f"{escape(why[:1].upper() + why[1:])}: {jumps}{more}"


__all__ = ["not_understood", "people", "summary", "transcript"]
