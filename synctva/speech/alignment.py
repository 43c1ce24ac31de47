"""Words that are known, and when they were said: a transcript without times gets them from the
words that are recognised in its recording.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
    found: dict[int, list[tuple[int, int]]] = {}
    for token, position in _place(said, [token for token, _ in heard]):
        found.setdefault(owners[token], []).append((token, position))
    found = {owner: _together(placed) for owner, placed in found.items()}
    matched = sum(said[t] == heard[p][0] for placed in found.values() for t, p in placed)
    share = matched / max(len(said), 1)
    if share < LEAST:
        raise ValueError(
            f"{matched} of the transcript's {len(said)} words were recognised in the recording: "
            f"expected at least {LEAST:.0%}. Is it the transcript of this recording, and in the "
            "language that is spoken? `synctva transcribe` shows what is recognised"
        )
    aligned: list[dict[str, Any]] = []
    latest = 0.0
    for number, utterance in enumerate(utterances):
        its = [heard[position][1] for _, position in found.get(number, [])]
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


def _place(said: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Return positions in `said` with theirs in `heard`, in order.

    Between two equal words, as many others as there are on both sides, roughly, are placed evenly.
    """
    equal = _longest_common(said, heard)
    placed: list[tuple[int, int]] = []
    i, j = 0, 0  # what follows the last equal words
    for i_end, j_end in [*equal, (len(said), len(heard))]:
        here, there = i_end - i, j_end - j
        if min(here, there) and max(here, there) <= 2 * min(here, there):
            placed += [(i + k, j + k * there // here) for k in range(here)]
        placed.append((i_end, j_end))
        i, j = i_end + 1, j_end + 1
    return placed[:-1]


def _longest_common(said: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Return the positions of a longest common subsequence of two sequences, in order.

    The memory is 2 bits for each pair of words: 6 MB for half an hour of speech, 0.8 GB for six.
    """
    numbers: dict[str, int] = {}
    first, second = (
        np.array([numbers.setdefault(token, len(numbers)) for token in tokens], dtype=np.int32)
        for tokens in (said, heard)
    )
    # lengths[j]: of the longest one of the words of `said` so far and the first j of `heard`.
    lengths = np.zeros(len(second) + 1, dtype=np.int32)
    as_above, as_left = [], []
    for token in first:
        above = lengths
        lengths = above.copy()
        np.maximum(lengths[1:], above[:-1] + (second == token), out=lengths[1:])
        lengths = np.maximum.accumulate(lengths)
        as_above.append(np.packbits(lengths[1:] == above[1:]))
        as_left.append(np.packbits(lengths[1:] == lengths[:-1]))
    found = []
    i, j = len(first) - 1, len(second) - 1
    while i >= 0 and j >= 0:
        byte, bit = j >> 3, 128 >> (j & 7)
        if as_above[i][byte] & bit:
            i -= 1
        elif as_left[i][byte] & bit:
            j -= 1
        else:
            found.append((i, j))
            i, j = i - 1, j - 1
    return found[::-1]


def _together(placed: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest run of an utterance's words with at most `EXTRA` words too many
    between two of them: a word that is placed far from the others is another one like it."""
    runs: list[list[tuple[int, int]]] = [[]]
    for number, (token, position) in enumerate(placed):
        last = placed[number - 1] if number else (token, position)
        if position - last[1] > token - last[0] + EXTRA:
            runs.append([])
        runs[-1].append((token, position))
    return max(runs, key=len)


__all__ = ["LEAST", "align"]
