"""One conversation as users write it → its utterances, or its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .configuration_synctva import MODALITIES

SOURCES = ("audio", "video")
"""What an utterance may bring to be decoded: paths, bytes or arrays."""

MEDIA_FIELDS = (*SOURCES, "start", "end")
"""The sources, and the seconds on the recording's clock where it is longer than the utterance."""

UTTERANCE_FIELDS = ("text", "speaker", *(f"{name}_features" for name in MODALITIES), *MEDIA_FIELDS)
"""What an utterance may carry when it is a dictionary."""

_COLUMNS = ("texts", "speakers", "utterance_ids", "modality_mask", "labels", "dialogue_id")


def is_columns(conversation: Any) -> bool:
    """Whether this is a conversation as a mapping of columns, not one utterance."""
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
    """A list of utterances, each as a dictionary of its own, with audio features as a vector.

    Args:
        conversation: a list of strings and dictionaries with any of `UTTERANCE_FIELDS`.
        name: of the conversation, for messages.
        measures: names of the audio features in order, where they may be given by name.
        audio_dim: how many there are, for messages.

    Raises:
        ValueError: it is no such list, or it is empty; or an utterance is something else.
    """
    if isinstance(conversation, str):
        raise ValueError(
            f"{name} = {conversation!r}: expected a list of utterances, such as [{conversation!r}]"
        )
    if not isinstance(conversation, Sequence):
        raise ValueError(f"{name} is {type(conversation).__name__}: expected a list of utterances")
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
    """Utterances as columns; the features of a modality only where an utterance has some."""
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
    """Audio measures by name → in order."""
    if measures is None:
        raise ValueError(
            f"{name}, audio_features is given by name: expected a vector of {audio_dim}"
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
