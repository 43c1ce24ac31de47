"""Who speaks: parts of a recording → a number for each speaker, by the likeness of their voices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from synctva.speech.voice_encoder import SAMPLE_RATE, embed_voice

LONG_ENOUGH = 1.0
"""Seconds of a part from which its voice is described well enough to form clusters."""

UNLIKE, UNLIKE_SHORT = 0.18, 0.25
"""Two clusters of voices are two speakers from a mean distance (1 - similarity) of UNLIKE +
UNLIKE_SHORT / (mean length of the parts in s): the shorter the parts, the more the vectors of one
voice differ. Chosen on five of EmoDB's speakers and on synthetic voices, see docs/media.md."""

LEAST = 3.0
"""Seconds that somebody has to speak to count as a speaker if the number is not given."""

MOST_SPEAKERS = 8
"""Largest number of speakers that is estimated."""


def assign_speakers(
    samples: np.ndarray,
    parts: Sequence[tuple[float, float]],
    number: int | None = None,
    embed: Callable[[np.ndarray], np.ndarray] | None = None,
) -> list[int]:
    """Cluster the parts by voice.

    Clusters are joined, those with the most similar voices on average first, until `number` are
    left or all differ enough, see `UNLIKE`. Short parts, whose voices are described badly, join the
    nearest cluster at the end.

    Args:
        samples: (N,) float32 at 16 kHz.
        parts: start and end in s of each part, in which one person speaks.
        number: of speakers; None to estimate it.
        embed: describes a voice by a vector of length 1, in place of `embed_voice`. The number has
            to be given then: how unlike the voices of two speakers are differs between networks.

    Returns:
        A speaker for each part, numbered from 0 in order of appearance.

    Raises:
        ValueError: number is less than 1.
    """
    if number is not None and number < 1:
        raise ValueError(f"speakers = {number}: expected at least 1, or None to estimate it")
    if number == 1 or len(parts) < 2:
        return [0] * len(parts)
    lengths = np.array([end - start for start, end in parts])
    embed = embed or embed_voice
    voices = np.stack([embed(cut(samples, *part)) for part in parts])
    chosen = np.flatnonzero(lengths >= LONG_ENOUGH)
    if len(chosen) < max(2, number or 2):
        chosen = np.arange(len(parts))
    tree = linkage(voices[chosen], method="average", metric="cosine")
    if number is None:
        unlike = UNLIKE + UNLIKE_SHORT / lengths[chosen].mean()
        found = fcluster(tree, unlike, criterion="distance")
        if found.max() > MOST_SPEAKERS:
            found = fcluster(tree, MOST_SPEAKERS, criterion="maxclust")
        found = _without_small(found, lengths[chosen])
    else:
        found = fcluster(tree, number, criterion="maxclust")
    names = np.unique(found[found > 0])
    centres = np.stack([voices[chosen][found == name].mean(0) for name in names])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    nearest = names[(voices @ centres.T).argmax(1)]
    nearest[chosen] = np.where(found > 0, found, nearest[chosen])
    order = {name: i for i, name in enumerate(dict.fromkeys(nearest.tolist()))}
    return [order[name] for name in nearest.tolist()]


def _without_small(clusters: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the clusters that speak long enough, and the longest if none does; 0 elsewhere."""
    totals = {name: lengths[clusters == name].sum() for name in np.unique(clusters)}
    kept = [name for name, total in totals.items() if total >= LEAST]
    kept = kept or [max(totals, key=lambda name: totals[name])]
    return np.where(np.isin(clusters, kept), clusters, 0)


def cut(samples: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the samples between two times in s, at least one."""
    first = min(max(0, round(start * SAMPLE_RATE)), len(samples) - 1)
    return samples[first : max(first + 1, round(end * SAMPLE_RATE))]


__all__ = ["assign_speakers", "cut"]
