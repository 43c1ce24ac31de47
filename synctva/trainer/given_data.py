"""What a data set gives, compared with what the model reads, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from transformers.utils import logging

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.trainer.streaming import blocks, columns_of

logger = logging.get_logger(__name__)


def columns_read(config: SyncTVAConfig) -> dict[str, str]:
    """Return the column in which the model reads each modality."""
    columns = {name: f"{name}_features" for name in MODALITIES}
    if config.text_backbone is not None:
        columns["text"] = "input_ids"
    return columns


def check_conversations(dataset: Any, config: SyncTVAConfig, name: str) -> set[str]:
    """Check that a model can read something of a data set, and warn of features that it cannot.

    Args:
        dataset: conversations, as the trainer accepts them.
        config: of the model.
        name: of the data set, for the messages.

    Returns:
        The modalities that at least one utterance has.

    Raises:
        TypeError: these are not conversations.
        ValueError: no utterance has features that the model reads, or the labels have other names
            than the model's.
    """
    check_kind(dataset, name)
    if not columns_of(dataset):
        raise ValueError(f"{name} is empty: expected at least one conversation")
    _check_label_names(dataset, config, name)
    reads = columns_read(config)
    found = columns_of(dataset)
    available = {m for m, column in reads.items() if column in found}
    given: set[str] = set()
    for rows in blocks(dataset, [*reads.values(), "modality_mask"]):
        given |= {m for m in available - given if any(_has(row, m, reads[m]) for row in rows)}
        if given == available:
            break
    if not given:
        present = [reads[m] for m in MODALITIES if m in available]
        if present:
            why = f"{', '.join(present)} are None, or modality_mask is False, everywhere"
        else:
            why = texts_unread(dataset, config) or f"expected any of {', '.join(reads.values())}"
        raise ValueError(
            f"{name}: no conversation has features of any modality that the model reads: {why}"
        )
    for column in sorted({c for c in found if c.endswith("_features")} - set(reads.values())):
        if not (column == "text_features" and "text" in given):  # made for another model
            logger.warning_once(
                f"{name}: {column} is not read: the model reads {', '.join(reads.values())}"
            )
    return given


def texts_unread(dataset: Any, config: SyncTVAConfig) -> str | None:
    """Return what is to be done with texts that the model cannot read; None if there are none."""
    found = columns_of(dataset)
    if columns_read(config)["text"] in found or "texts" not in found:
        return None
    texts = (row.get("texts") or () for rows in blocks(dataset, ["texts"]) for row in rows)
    if not any(map(any, texts)):
        return None
    if config.text_backbone is None:
        return "texts are there, add_text_features(data, encoder) makes text_features of them"
    return "texts are there, add_text_tokens(data, tokenizer, config) makes input_ids of them"


def check_kind(dataset: Any, name: str) -> None:
    """Check that these are rows, of a single split.

    Raises:
        TypeError: they are not.
    """
    kind = type(dataset).__name__
    if isinstance(dataset, Mapping):
        raise TypeError(
            f"{name} = {kind} of {list(dataset)}: expected the conversations of one split, such as "
            "data['train']"
        )
    if not (hasattr(dataset, "__getitem__") or hasattr(dataset, "__iter__")):
        remedy = "; data_collator is passed by its name" if callable(dataset) else ""
        raise TypeError(f"{name} = {kind}: expected conversations{remedy}")


def _check_label_names(dataset: Any, config: SyncTVAConfig, name: str) -> None:
    """Refuse labels whose numbers mean something else to the model."""
    features = getattr(dataset, "features", None) or {}
    labels = getattr(features.get("labels"), "feature", None)
    names = getattr(labels, "names", None)
    own = [config.id2label[index] for index in range(config.num_labels)]
    if names is None or list(names) == own:
        return
    if own == [f"LABEL_{index}" for index in range(len(names))]:
        logger.warning_once(
            f"config.id2label = {own}: the labels of the data are {list(names)}; give the config "
            "id2label=dict(enumerate(names)), so that the model's answers have these names"
        )
        return
    raise ValueError(
        f"{name}: its labels are {list(names)}: expected those of the model, {own}; "
        "load_table(..., label_names=...) loads a table with given labels, and "
        "from_pretrained(..., id2label=..., ignore_mismatched_sizes=True) starts a head for others"
    )


def _has(row: Mapping[str, Any], modality: str, column: str) -> bool:
    """Return whether any utterance of a conversation has the modality."""
    values, mask = row.get(column), row.get("modality_mask")
    if values is None:
        return False
    if mask is None:
        return any(value is not None for value in values)
    present = np.asarray(mask)[:, MODALITIES.index(modality)]
    return any(here and value is not None for here, value in zip(present, values, strict=False))


__all__ = ["check_conversations", "check_kind", "columns_read", "texts_unread"]
