"""Cut recognised words into utterances: at pauses, at ends of sentences and between speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from synctva.speech.recognition import Word

SENTENCE_ENDS = (".", "?", "!", "…", "。", "\uff1f", "\uff01", "؟", "।")
"""Also those of Chinese and Japanese (wide), Arabic and Hindi."""


class Limits(NamedTuple):
    """Where utterances are cut; all in s but `words`.

    Attributes:
        pause: silence between two words that always cuts.
        breath: silence that cuts at the end of a sentence, and between two parts whose speakers are
            told apart.
        words: an utterance of fewer words is joined to its speaker's one before or after it, if
            the pause between them is shorter than `pause`: it is too short for a judgement.
        longest: an utterance is cut at the longest pause between its words, if there is one of
            `breath`, until it is not longer than this.
    """

    pause: float = 0.8
    breath: float = 0.2
    words: int = 3
    longest: float = 15.0


class Part(NamedTuple):
    """Words of one speaker, in order; `speaker`, a number or a name, is None if it is not known."""

    words: list[Word]
    speaker: int | str | None = None

    @property
    def start(self) -> float:
        """When its first word begins, in s."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """When its last word ends, in s."""
        return max(word.end for word in self.words)

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """Mean of the words' confidence, in [0, 1]."""
        return sum(word.confidence for word in self.words) / len(self.words)


def phrases(words: Sequence[Word], limits: Limits) -> list[Part]:
    """Cut words into the smallest parts, within which the speaker does not change.

    These end at a pause of `limits.breath` and at the end of a sentence.
    """
    return _cut(
        words,
        lambda last, word: (
            word.start - last.end >= limits.breath or last.text.endswith(SENTENCE_ENDS)
        ),
    )


def utterances(parts: Sequence[Part], limits: Limits) -> list[Part]:
    """Join phrases into utterances.

    Args:
        parts: phrases in order of time, with speakers.
        limits: where to cut.
    """
    whole: list[Part] = []
    for part in parts:
        last = whole[-1] if whole else None
        if last is not None and last.speaker == part.speaker and not _ends(last, part, limits):
            whole[-1] = Part([*last.words, *part.words], part.speaker)
        else:
            whole.append(part)
    whole = _without_short(whole, limits)
    return [piece for part in whole for piece in _not_too_long(part, limits)]


def _ends(last: Part, following: Part, limits: Limits) -> bool:
    gap = following.start - last.end
    sentence = last.words[-1].text.endswith(SENTENCE_ENDS)
    return gap >= limits.pause or (sentence and gap >= limits.breath)


def _without_short(parts: list[Part], limits: Limits) -> list[Part]:
    """Join parts that are too short to their neighbours of the same speaker."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.speaker == part.speaker
            and part.start - last.end < limits.pause
            and min(len(last.words), len(part.words)) < limits.words
        ):
            joined[-1] = Part([*last.words, *part.words], part.speaker)
        else:
            joined.append(part)
    return joined


def _not_too_long(part: Part, limits: Limits) -> list[Part]:
    """Cut a part at its longest pauses."""
    gaps = [after.start - before.end for before, after in pairwise(part.words)]
    if part.end - part.start <= limits.longest or not gaps or max(gaps) < limits.breath:
        return [part]
    at = gaps.index(max(gaps)) + 1
    halves = (Part(part.words[:at], part.speaker), Part(part.words[at:], part.speaker))
    return [piece for half in halves for piece in _not_too_long(half, limits)]


def as_utterance(part: Part) -> dict[str, Any]:
    """Return a part as a dictionary for the pipeline; a speaker's number becomes a name."""
    name = f"Speaker {part.speaker + 1}" if isinstance(part.speaker, int) else part.speaker
    return {
        "speaker": name,
        "text": part.text,
        "start": round(part.start, 3),
        "end": round(part.end, 3),
        "confidence": round(part.confidence, 4),
    }


def _cut(words: Sequence[Word], between: Callable[[Word, Word], bool]) -> list[Part]:
    parts: list[Part] = []
    for word in words:
        if parts and not between(parts[-1].words[-1], word):
            parts[-1].words.append(word)
        else:
            parts.append(Part([word]))
    return parts


__all__ = ["Limits", "Part", "as_utterance", "phrases", "utterances"]
