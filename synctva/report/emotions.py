"""Colour and letters of each emotion, and an answer in words that everybody understands."""

from __future__ import annotations

from collections.abc import Sequence

# Okabe and Ito's colours, which people with a colour vision deficiency can tell apart
# (https://jfly.uni-koeln.de/color/).
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#999999"

_KNOWN = {
    **dict.fromkeys(("neutral", "calm"), GREY),
    **dict.fromkeys(("joy", "happy", "happiness"), ORANGE),
    **dict.fromkeys(("sadness", "sad"), BLUE),
    **dict.fromkeys(("anger", "angry"), VERMILLION),
    **dict.fromkeys(("fear", "fearful", "frustrated", "frustration"), PURPLE),
    **dict.fromkeys(("surprise", "surprised"), SKY),
    **dict.fromkeys(("disgust", "disgusted"), GREEN),
    **dict.fromkeys(("excited", "excitement"), YELLOW),
}
_OTHERS = (ORANGE, BLUE, VERMILLION, SKY, GREEN, PURPLE, YELLOW, GREY)


def colours(labels: Sequence[str]) -> list[str]:
    """Return a colour for each label, different ones as long as there are any."""
    taken = {_KNOWN[label] for label in labels if label in _KNOWN}
    free = [colour for colour in _OTHERS if colour not in taken] or list(_OTHERS)
    others = [label for label in labels if label not in _KNOWN]
    given = {label: free[number % len(free)] for number, label in enumerate(others)}
    return [_KNOWN.get(label) or given[label] for label in labels]


def ink(colour: str) -> str:
    """Return the colour of letters that can be read on a colour: black, or white."""
    return "#fff" if colour == BLUE else "#000"


def letters(labels: Sequence[str]) -> list[str]:
    """Return the shortest beginning of each label that no other label has.

    >>> letters(["joy", "sadness", "surprise"])
    ['J', 'Sa', 'Su']
    """
    found = []
    for label in labels:
        others = [other.lower() for other in labels if other != label]
        lengths = range(1, len(label) + 1)
        start = next(
            (n for n in lengths if not any(o.startswith(label[:n].lower()) for o in others)),
            len(label),
        )
        found.append(label[:start].capitalize())
    return found


def sureness(score: float) -> str:
    """Return in words how sure an answer with this score is."""
    return "quite sure" if score >= 0.75 else "rather sure" if score >= 0.5 else "not very sure"


__all__ = ["colours", "ink", "letters", "sureness"]
