"""Read a conversation as users write it: a list of utterances, or a mapping of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .configuration_synctva import MODALITIES

SOURCES = ("audio", "video")
"""Fields of an utterance that hold a recording to decode: a path, bytes or an array."""

MEDIA_FIELDS = (*SOURCES, "start", "end")
"""The sources, and where the utterance starts and ends in a longer recording, in seconds."""

UTTERANCE_FIELDS = ("text", "speaker", *(f"{name}_features" for name in MODALITIES), *MEDIA_FIELDS)
"""The fields of an utterance that is a dictionary."""

_COLUMNS = ("texts", "speakers", "utterance_ids", "modality_mask", "labels", "dialogue_id")


def is_columns(conversation: Any) -> bool:
    """Return whether this is a conversation as a mapping of columns, and not one utterance."""
    if not isinstance(conversation, Mapping):
        return False
    if any(name in conversation for name in _COLUMNS):
        return True
    for modality in MODALITIES:
        rows = conversation.get(f"{modality}_features")
        if rows is not None and not isinstance(rows, Mapping) and len(rows):
            return rows[0] is None or np.ndim(rows[0]) > 0
    return False


def read_utterances(
    conversation: Any, name: str, measures: Sequence[str] | None, audio_dim: int | None
) -> list[dict[str, Any]]:
    """Return the utterances as new dictionaries, with audio features as vectors.

    Args:
        conversation: a list of strings and of dictionaries with any of `UTTERANCE_FIELDS`.
        name: name of the conversation, for error messages.
        measures: names of the audio features in order; None if they cannot be passed by name.
        audio_dim: number of audio features, for error messages.

    Raises:
        ValueError: the conversation is not such a list or is empty, or an utterance is neither a
            string nor such a dictionary.
    """
    if isinstance(conversation, str):
        raise ValueError(
            f"{name} = {conversation!r}: expected a list of utterances, such as [{conversation!r}]"
        )
    if not isinstance(conversation, Sequence):
        raise ValueError(
            f"{name} is of type {type(conversation).__name__}: expected a list of utterances"
        )
    if not len(conversation):
        raise ValueError(f"{name} is empty: expected at least one utterance")
    items: list[dict[str, Any]] = []
    for t, utterance in enumerate(conversation):
        item = {"text": utterance} if isinstance(utterance, str) else utterance
        if not isinstance(item, Mapping) or not item or set(item) - set(UTTERANCE_FIELDS):
            raise ValueError(
                f"{name}, utterance {t} = {utterance!r}: expected a string or a dictionary with "
                f"any of {UTTERANCE_FIELDS}"
            )
        items.append(dict(item))
        measured = items[t].get("audio_features")
        if isinstance(measured, Mapping):
            items[t]["audio_features"] = _in_order(
                measured, measures, audio_dim, f"{name}, utterance {t}"
            )
    return items


def columns_of(utterances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Turn utterances into columns. A modality without any features gets no column."""
    row: dict[str, Any] = {
        "texts": [utterance.get("text") for utterance in utterances],
        "speakers": [utterance.get("speaker") for utterance in utterances],
    }
    for modality in MODALITIES:
        field = f"{modality}_features"
        if any(utterance.get(field) is not None for utterance in utterances):
            row[field] = [utterance.get(field) for utterance in utterances]
    return row


def _in_order(
    values: Mapping[str, float], measures: Sequence[str] | None, audio_dim: int | None, name: str
) -> list[float]:
    """Return named audio measures as a vector, in the checkpoint's order."""
    if measures is None:
        raise ValueError(
            f"{name}, audio_features has names: expected a vector of {audio_dim} numbers"
        )
    if set(values) != set(measures):
        raise ValueError(
            f"{name}, audio_features has {sorted(values)}: expected exactly {sorted(measures)}"
        )
    return [values[measure] for measure in measures]


__all__ = [
    "MEDIA_FIELDS",
    "SOURCES",
    "UTTERANCE_FIELDS",
    "columns_of",
    "is_columns",
    "read_utterances",
]
