"""Undo what corpora do to text before they publish it: tokens apart, contractions written out."""

from __future__ import annotations

import re

_BEFORE_WORD = r"(?= (?!not\b)[a-z])"

# A form is contracted only before another word: "Yes, I am." stays.
_CONTRACTIONS = [
    (re.compile(rf"\b{words}{_BEFORE_WORD}", re.IGNORECASE), short)
    for words, short in (
        (r"(can) ?not", r"\1't"),
        (r"(w)ill not", r"\1on't"),
        (r"(do|does|did|is|are|was|were|have|has|had|would|could|should|must) not", r"\1n't"),
        (r"(let) us", r"\1's"),
        (r"(i) am", r"\1'm"),
        (r"(you|we|they) are", r"\1're"),
        (r"(i|you|we|they) have", r"\1've"),
        (r"(i|you|he|she|it|we|they|that) will", r"\1'll"),
        (r"(i|you|he|she|we|they) would", r"\1'd"),
        (r"(he|she|it|that|there|here|what|who|where|how) is", r"\1's"),
    )
]
_AFTER_OPENING = re.compile(r"([(\[]) ")
_BEFORE_CLOSING = re.compile(r" ([.,!?;:%)\]]+|\.\.\.|n't\b|'(?:s|m|re|ve|ll|d)\b)")
_QUOTED = re.compile(r'" ([^"]*) "')


def as_spoken(text: str) -> str:
    """Return a text in tokens as it is usually written, with contractions.

    Which forms were contracted in the first place is not known: all are that can be.

    >>> as_spoken('Well , I am not sure . " Do not " , he said !')
    'Well, I\\'m not sure. "Do not", he said!'
    """
    for pattern, short in _CONTRACTIONS:
        text = pattern.sub(short, text)
    text = _QUOTED.sub(r'"\1"', text)
    return _AFTER_OPENING.sub(r"\1", _BEFORE_CLOSING.sub(r"\1", text)).strip()


__all__ = ["as_spoken"]
