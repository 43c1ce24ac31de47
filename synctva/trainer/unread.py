"""What a data set has, compared with what will be read of it, before features are made."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from datasets import Dataset, DatasetDict
from transformers.utils import logging

from synctva.modeling_synctva.configuration_synctva import MODALITIES, counted

logger = logging.get_logger(__name__)


def require_splits(data: DatasetDict, required: Sequence[str]) -> None:
    """Check that a data set has the splits that a command needs, and labels to tell apart in train.

    Raises:
        ValueError: it lacks one, or train is required and has fewer than two labels.
    """
    missing = [split for split in required if split not in data]
    if missing:
        raise ValueError(
            f"splits of the data = {list(data)}: expected {' and '.join(required)}; "
            f"{' and '.join(missing)} can be a file of that name in the folder, or rows whose "
            "column 'split' says so"
        )
    if "train" in required:
        names = data["train"].features["labels"].feature.names
        if len(names) < 2:
            raise ValueError(f"labels of the data = {names}: expected at least two to train on")


def check_read(data: DatasetDict, modalities: Collection[str], reads_texts: bool) -> int:
    """Warn of texts and clips that are not read, and refuse data of which nothing is.

    Args:
        data: conversations, with the features that they came with.
        modalities: those to read.
        reads_texts: whether features or tokens will be made of the texts.

    Returns:
        The number of texts.

    Raises:
        ValueError: no utterance has anything that will be read; with a split train, none in it.
    """
    columns = next(iter(data.values())).column_names
    features = [name for name in MODALITIES if f"{name}_features" in columns]
    readable = {name for name in features if name in modalities}
    if "text" in modalities and reads_texts:
        readable.add("text")
    unread = []
    texts = count_entries(data, "texts")
    if texts and "text" in modalities and "text" not in readable:
        unread.append(
            f"{counted(texts, 'text')} not read: there are no text features, and no encoder that "
            "makes them; `synctva prepare --text_encoders` does"
        )
    clips = count_entries(data, "media_paths")
    lacking = [m for m in ("visual", "audio") if m in modalities and m not in features]
    if clips and lacking:
        unread.append(
            f"{counted(clips, 'file')} in media_path not read for {' and '.join(lacking)} "
            "features, of which `synctva extract` makes a feature set; --modalities without "
            f"{' and '.join(lacking)} says that they are not wanted"
        )
    learnt = [data["train"]] if "train" in data else list(data.values())
    if not any(_present(split, readable) for split in learnt):
        where = "train" if "train" in data else " or ".join(data)
        raise ValueError(
            f"no utterance of {where} has anything that is read: expected texts, or features of "
            + " or ".join([m for m in MODALITIES if m in modalities])
            + "".join(f"; {sentence}" for sentence in unread)
        )
    for sentence in unread:
        logger.warning(sentence)
    return texts


def count_entries(data: DatasetDict, column: str) -> int:
    """Count the entries of a column of strings that are not empty."""
    return sum(
        bool(entry and entry.strip())
        for split in data.values()
        if column in split.column_names
        for row in split[column]
        for entry in row
    )


def _present(split: Dataset, modalities: Collection[str]) -> bool:
    """Return whether any utterance of a split has one of the modalities."""
    columns = [MODALITIES.index(name) for name in modalities]
    return any(np.asarray(mask)[:, columns].any() for mask in split["modality_mask"])


__all__ = ["check_read", "count_entries", "require_splits"]
