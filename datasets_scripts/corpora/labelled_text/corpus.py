"""A corpus of labelled text: conversations whose utterances have shares of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class LabelledTexts(NamedTuple):
    """A conversation, or a single text.

    Attributes:
        texts: N texts.
        speakers: N names, None where there is none.
        shares: (N, C) float32, the share of each label in an utterance's target: rows sum to 1, and
            are 0 for utterances without a label.
    """

    texts: list[str]
    speakers: list[str | None]
    shares: np.ndarray


class TextCorpus(NamedTuple):
    """Conversations with labels of one set.

    Attributes:
        name: of the corpus.
        label_names: C names; corpora with the same names in the same order share one classifier.
        conversations: in the order of the file.
    """

    name: str
    label_names: tuple[str, ...]
    conversations: list[LabelledTexts]


def equal_shares(labels: Sequence[Sequence[int]], num_labels: int) -> np.ndarray:
    """Return shares that are equal among each utterance's labels. -> (N, C)

    Args:
        labels: ids of each utterance's labels; none where it is not labelled.
        num_labels: C.
    """
    shares = np.zeros((len(labels), num_labels), np.float32)
    for row, own in zip(shares, labels, strict=True):
        row[list(own)] = 1 / max(len(own), 1)
    return shares


__all__ = ["LabelledTexts", "TextCorpus", "equal_shares"]
