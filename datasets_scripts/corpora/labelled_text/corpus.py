"""A corpus of labelled text: conversations whose utterances have shares of labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from datasets import Dataset, DatasetDict

from synctva.datasets_scripts.builder import data_folder
from synctva.datasets_scripts.labels import SPLITS
from synctva.datasets_scripts.schema import (
    Conversation,
    conversation_features,
    validate_conversation,
)


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


def one_label_each(
    name: str, label_names: Sequence[str], conversations: Sequence[Conversation]
) -> TextCorpus:
    """Return conversations whose utterances all have a label as a corpus."""
    labelled = [
        LabelledTexts(
            conversation["texts"],
            [speaker or None for speaker in conversation["speakers"]],
            equal_shares([[label] for label in conversation["labels"]], len(label_names)),
        )
        for conversation in conversations
    ]
    return TextCorpus(name, tuple(label_names), labelled)


def load_splits(
    read: Callable[[Path, str], list[Conversation]],
    data_dir: str | Path,
    label_names: Sequence[str],
) -> DatasetDict:
    """Load train, dev and test with a function that reads one of them from a folder."""
    folder, features = data_folder(data_dir), conversation_features(label_names)
    splits = DatasetDict()
    for split in SPLITS:
        conversations = read(folder, split)
        for conversation in conversations:
            validate_conversation(conversation, label_names)
        splits[split] = Dataset.from_list(conversations, features=features)
    return splits


__all__ = ["LabelledTexts", "TextCorpus", "equal_shares", "load_splits", "one_label_each"]
