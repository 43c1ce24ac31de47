"""The schema of a conversation. Every data set here has one conversation per row.

Columns, for a conversation of N utterances in order::

    dialogue_id      str
    utterance_ids    N different strings
    speakers         N strings
    texts            N strings, "" where there is no text
    starts, ends     N times in seconds from the start of the recording, None where unknown
    labels           N class labels, -1 where an utterance has none
    modality_mask    (N, 3) bool: text, visual, audio; False where an utterance lacks the modality
    text_features, visual_features, audio_features
                     (N, D) float32, zeros where masked; only for modalities that have features
    media_paths      N strings, None where there is no clip
    channels         N numbers of a channel of the clip, None for all of its channels; only where a
                     table has the column channel
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import ClassLabel, Features, List, Value

from synctva.modeling_synctva.configuration_synctva import MODALITIES

UNLABELLED = -1
"""Label of an utterance that has none, in a data set: `datasets.ClassLabel` reserves -1 for this.

Not `IGNORE_INDEX`, which torch's losses skip: the collator puts it in place of `UNLABELLED` in the
batches that it makes.
"""

Conversation = dict[str, Any]
"""One conversation: the columns above, with features as arrays."""

PER_UTTERANCE = ("speakers", "texts", "starts", "ends", "labels", "modality_mask", "media_paths")


def conversation_features(
    label_names: Sequence[str],
    *,
    text_dim: int | None = None,
    visual_dim: int | None = None,
    audio_dim: int | None = None,
    channels: bool = False,
) -> Features:
    """Return the `datasets.Features` of a conversation.

    Args:
        label_names: class names in their order.
        text_dim, visual_dim, audio_dim: number of features of that modality; None leaves its column
            out.
        channels: whether there is the column channels.

    Feature columns have a fixed width because `datasets` reads and writes them several times faster
    than lists of unknown length.
    """
    features: dict[str, Any] = {
        "dialogue_id": Value("string"),
        "utterance_ids": List(Value("string")),
        "speakers": List(Value("string")),
        "texts": List(Value("string")),
        "starts": List(Value("float32")),
        "ends": List(Value("float32")),
        "labels": List(ClassLabel(names=list(label_names))),
        "modality_mask": List(List(Value("bool"), length=len(MODALITIES))),
        "media_paths": List(Value("string")),
    }
    for modality, width in zip(MODALITIES, (text_dim, visual_dim, audio_dim), strict=True):
        if width is not None:
            features[f"{modality}_features"] = List(List(Value("float32"), length=width))
    if channels:
        features["channels"] = List(Value("int32"))
    return Features(features)


def new_conversation(
    dialogue_id: str,
    utterance_ids: Sequence[str],
    speakers: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[int],
) -> Conversation:
    """Return a conversation that has only text: no other modality, no times, no media."""
    mask = np.zeros((len(utterance_ids), len(MODALITIES)), dtype=bool)  # (N, 3)
    mask[:, 0] = [bool(text.strip()) for text in texts]
    unknown = [None] * len(utterance_ids)
    return {
        "dialogue_id": dialogue_id,
        "utterance_ids": list(utterance_ids),
        "speakers": list(speakers),
        "texts": list(texts),
        "starts": unknown,
        "ends": unknown,
        "labels": list(labels),
        "modality_mask": mask,
        "media_paths": unknown,
    }


def validate_conversation(
    conversation: Mapping[str, Any],
    label_names: Sequence[str],
    *,
    text_dim: int | None = None,
    visual_dim: int | None = None,
    audio_dim: int | None = None,
) -> None:
    """Check one conversation against the schema.

    Args:
        conversation: the columns of the schema; labels as ids or as names.
        label_names, text_dim, visual_dim, audio_dim: as in `conversation_features`.

    Raises:
        ValueError: the conversation has no utterance or two with the same id, a label is unknown, a
            column has the wrong number of entries or features, or a feature that is not masked is
            not finite.
    """
    name = f"conversation {conversation.get('dialogue_id')!r}"
    ids = list(conversation["utterance_ids"])
    if not ids:
        raise ValueError(f"{name} is empty: expected at least one utterance")
    twice = [utterance for utterance, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f"{name} has two utterances {twice[0]!r}: expected different ids")
    for column in PER_UTTERANCE:
        if column not in conversation:
            raise ValueError(f"{name} has no {column}: expected {', '.join(PER_UTTERANCE)}")
        if len(conversation[column]) != len(ids):
            raise ValueError(
                f"{name}, {column} has {len(conversation[column])} entries: expected {len(ids)}, "
                "one per utterance"
            )
    for utterance, label in zip(ids, conversation["labels"], strict=True):
        known = (
            label in label_names
            if isinstance(label, str)
            else UNLABELLED <= label < len(label_names)
        )
        if not known:
            raise ValueError(
                f"{name}, utterance {utterance!r}, label = {label!r}: expected one of "
                f"{', '.join(label_names)}"
            )
    mask = np.asarray(conversation["modality_mask"], dtype=bool)
    if mask.shape != (len(ids), len(MODALITIES)):
        raise ValueError(
            f"{name}, modality_mask has shape {mask.shape}: expected "
            f"{(len(ids), len(MODALITIES))}, utterances by {', '.join(MODALITIES)}"
        )
    for m, width in enumerate((text_dim, visual_dim, audio_dim)):
        _validate_features(name, ids, conversation, f"{MODALITIES[m]}_features", width, mask[:, m])


def _validate_features(
    name: str,
    ids: list[str],
    conversation: Mapping[str, Any],
    column: str,
    width: int | None,
    present: np.ndarray,
) -> None:
    if width is None:
        if column in conversation:
            raise ValueError(f"{name} has {column}: expected none, as its declared width is None")
        return
    if column not in conversation:
        raise ValueError(f"{name} has no {column}: expected {width} features per utterance")
    values = np.asarray(conversation[column], dtype=np.float32)
    if values.shape != (len(ids), width):
        raise ValueError(
            f"{name}, {column} has shape {values.shape}: expected {(len(ids), width)}, "
            "utterances by features"
        )
    wrong = np.argwhere(~np.isfinite(values) & present[:, None])
    if len(wrong):
        row, dimension = wrong[0]
        raise ValueError(
            f"{name}, utterance {ids[row]!r}, {column}[{dimension}] = {values[row, dimension]}: "
            "expected a finite number where the modality is not masked"
        )
