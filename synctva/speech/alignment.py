"""Words that are known, and when they were said: a transcript without times gets them from the
words that are recognised in its recording.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from synctva.speech.recognition import Word

LEAST = 0.3
"""Share of the transcript's words that has to be recognised: below it, they are likely to be those
of another recording or language."""

EXTRA = 3
"""Words between two of an utterance that were recognised, but are not in the transcript."""

# A word; in scripts without spaces between words (Thai, Lao, Burmese, Khmer, Chinese and Japanese)
# a character, because nobody divides such text in the same way.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_APOSTROPHE = re.compile("(?<=\\w)['\u2019](?=\\w)")


def align(
    utterances: Sequence[Mapping[str, Any]], words: Sequence[Word]
) -> tuple[list[dict[str, Any]], float]:
    """Give utterances the times of the recognised words that they match.

    Words are compared without case and punctuation, and both sequences are matched as a whole, so
    that the order stays. What the recogniser misheard between two matches is placed between them.
    Nothing is placed where much more, or much less, was recognised than the transcript has.

    Args:
        utterances: with `text`, in the order in which they were said.
        words: recognised in the recording, in order of time.

    Returns:
        The utterances with `start` and `end` in s, unless nothing of them was recognised, and
        otherwise unchanged; and the share of the transcript's words that was recognised. No
        utterance starts before the one above it.

    Raises:
        ValueError: fewer words than `LEAST` were recognised.
    """
    texts = [_tokens(str(utterance.get("text") or "")) for utterance in utterances]
    owners = [number for number, tokens in enumerate(texts) for _ in tokens]
    heard = [(token, word) for word in words for token in _tokens(word.text)]
    said = [token for tokens in texts for token in tokens]
    placed, matched = _place(said, [token for token, _ in heard])
    share = matched / max(len(said), 1)
    if share < LEAST:
        raise ValueError(
            f"{matched} of the transcript's {len(said)} words were recognised in the recording: "
            f"expected at least {LEAST:.0%}. Is it the transcript of this recording, and in the "
            "language that is spoken? `synctva transcribe` shows what is recognised"
        )
    found: dict[int, list[tuple[int, int]]] = {}
    for token, position in placed:
        found.setdefault(owners[token], []).append((token, position))
    aligned: list[dict[str, Any]] = []
    latest = 0.0
    for number, utterance in enumerate(utterances):
        its = [heard[position][1] for position in _together(found.get(number, []))]
        start = max(latest, min((word.start for word in its), default=0.0))
        end = max((word.end for word in its), default=0.0)
        times = {}
        if start < end:
            times = {"start": round(start, 3), "end": round(end, 3)}
            latest = start
        aligned.append({**utterance, **times})
    return aligned, share


def _tokens(text: str) -> list[str]:
    """Return the words to compare.

    >>> _tokens("Don't go, Well-Known!")
    ['dont', 'go', 'well', 'known']
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    return _TOKEN.findall(_APOSTROPHE.sub("", text))


def _place(said: Sequence[str], heard: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Return positions in `said` with theirs in `heard`, in order, and how many are equal."""
    placed: list[tuple[int, int]] = []
    matched = 0
    matcher = SequenceMatcher(None, said, heard, autojunk=False)
    for what, i, i_end, j, j_end in matcher.get_opcodes():
        here, there = i_end - i, j_end - j
        if what == "equal":
            matched += here
        if min(here, there) and max(here, there) <= 2 * min(here, there):
            placed += [(i + k, j + k * there // here) for k in range(here)]
    return placed, matched


def _together(placed: Sequence[tuple[int, int]]) -> list[int]:
    """Return the longest run of an utterance's positions with at most `EXTRA` words too many
    between two of them: a word that is placed far from the others is another one like it."""
    runs: list[list[int]] = [[]]
    for number, (token, position) in enumerate(placed):
        last = placed[number - 1] if number else (token, position)
        if position - last[1] > token - last[0] + EXTRA:
            runs.append([])
        runs[-1].append(position)
    return max(runs, key=len)


__all__ = ["LEAST", "align"]
