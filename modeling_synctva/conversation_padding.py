"""Check conversations of different lengths and pad them to one batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .configuration_synctva import MODALITIES, counted
from .objective import IGNORE_INDEX

TOKEN_FIELDS = ("input_ids", "text_attention_mask", "utterance_token_mask")

# Fields with one entry per utterance. Any of them tells the length of the conversation.
_FIELDS_PER_UTTERANCE = (
    *(f"{name}_features" for name in MODALITIES),
    "input_ids",
    "modality_mask",
    "labels",
    "speakers",
    "texts",
    "utterance_ids",
)


def pad_conversations(
    conversations: Sequence[Mapping[str, Any]],
    widths: Mapping[str, int] | None = None,
    num_labels: int | None = None,
    pad_token_id: int = 0,
    first_index: int = 0,
) -> dict[str, Tensor]:
    """Pad conversations to one batch.

    Args:
        conversations: a mapping of columns for each conversation, such as a row of `datasets`. All
            columns are optional, and may be None (N utterances):
            `text_features`, `visual_features`, `audio_features`: (N, D_m) numbers; a row is None if
            that utterance lacks the modality.
            `input_ids`, `text_attention_mask`, `utterance_token_mask`: (N, L) or N sequences; text
            as tokens, in place of `text_features`.
            `modality_mask`: (N, 3) text, visual, audio; default: all modalities that have features.
            `speakers`: N names; they are numbered by first appearance in the conversation.
            `labels`: N integers; `IGNORE_INDEX` or -1 for an utterance without a label.
            `dialogue_id`: identifies the conversation in error messages.
        widths: expected D_m per modality (`config.modality_dims`); default: the width in the first
            conversation that has the modality.
        num_labels: every label must be smaller than this.
        pad_token_id: value of `input_ids` at padding.
        first_index: number of the first conversation, in error messages.

    Returns:
        Tensors for B conversations, where N is the length of the longest: `attention_mask` (B, N)
        bool, `modality_mask` (B, N, 3) bool and `speaker_ids` (B, N) long; if any conversation has
        them, also `text_features`, `visual_features`, `audio_features` (B, N, D_m) float32, the
        three token fields (B, N, L) as long, bool and bool, and `labels` (B, N) long. Masked values
        are 0.

    Raises:
        ValueError: there is no conversation or an empty one, lengths or widths disagree, a value is
            not finite where the modality is present, or a label is not a class. The message names
            the conversation, the utterance, the field, the value and what was expected.
    """
    if not len(conversations):
        raise ValueError("conversations is empty: expected at least one")
    names = [_name(row, first_index + i) for i, row in enumerate(conversations)]
    lengths = [_length(row, name) for row, name in zip(conversations, names, strict=True)]
    shape = (len(conversations), max(lengths))
    attention = np.arange(shape[1])[None] < np.asarray(lengths)[:, None]  # (B, N)
    modality_mask = np.zeros((*shape, len(MODALITIES)), dtype=bool)
    speaker_ids = np.zeros(shape, dtype=np.int64)
    for i, (row, length) in enumerate(zip(conversations, lengths, strict=True)):
        modality_mask[i, :length] = _mask(row, length, names[i])
        if row.get("speakers") is not None:
            speaker_ids[i, :length] = number_by_first_appearance(row["speakers"])

    batch: dict[str, np.ndarray] = {}
    tokens = _pad_tokens(conversations, names, shape, pad_token_id)
    for column, modality in enumerate(MODALITIES):
        width = (widths or {}).get(modality)
        mask = modality_mask[..., column]
        if modality == "text" and tokens:
            mask &= tokens["text_attention_mask"].any(-1)
            continue
        features = _pad_features(conversations, names, f"{modality}_features", width, mask)
        if features is not None:
            batch[f"{modality}_features"] = features
    batch |= tokens
    if any(row.get("labels") is not None for row in conversations):
        batch["labels"] = _pad_labels(conversations, names, shape, num_labels)
    batch |= {
        "attention_mask": attention,
        "modality_mask": modality_mask,
        "speaker_ids": speaker_ids,
    }
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def number_by_first_appearance(names: Iterable[Any]) -> list[int]:
    """Number the speakers 0, 1, 2, ... in the order in which they first speak.

    >>> number_by_first_appearance(["Ann", "Bo", "Ann", "Cy"])
    [0, 1, 0, 2]
    """
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(name, len(numbers)) for name in names]


def number_speakers(speakers: Sequence[Sequence[Any]] | None, shape: tuple[int, int]) -> Tensor:
    """Number the speakers of each conversation by first appearance; all 0 for None.

    Args:
        speakers: for each of B conversations, the names of its speakers, up to N.
        shape: (B, N).

    Returns:
        (B, N) int64; 0 where the speaker has no name.

    Raises:
        ValueError: there are more names than the shape has places, or not B conversations.
    """
    ids = torch.zeros(shape, dtype=torch.long)
    if speakers is None:
        return ids
    if len(speakers) != shape[0] or any(len(names) > shape[1] for names in speakers):
        raise ValueError(
            f"speakers has lengths {[len(names) for names in speakers]}: expected "
            f"{shape[0]} conversations of up to {shape[1]} utterances"
        )
    for row, names in zip(ids, speakers, strict=True):
        row[: len(names)] = torch.tensor(number_by_first_appearance(names), dtype=torch.long)
    return ids


def _name(row: Mapping[str, Any], index: int) -> str:
    conversation = row.get("dialogue_id")
    return f"conversation {index}" + (
        f" (dialogue_id {conversation!r})" if conversation is not None else ""
    )


def _length(row: Mapping[str, Any], name: str) -> int:
    """Return the number of utterances, on which all fields of the conversation must agree."""
    lengths = {f: len(row[f]) for f in _FIELDS_PER_UTTERANCE if row.get(f) is not None}
    if not lengths:
        raise ValueError(f"{name} has none of {_FIELDS_PER_UTTERANCE}: expected at least one")
    reference, length = next(iter(lengths.items()))
    if not length:
        raise ValueError(f"{name}, {reference} is empty: expected at least one utterance")
    for field, other in lengths.items():
        if other != length:
            raise ValueError(
                f"{name}, {field} has {counted(other, 'utterance')}: expected {length}, as "
                f"{reference} has"
            )
    return length


def _mask(row: Mapping[str, Any], length: int, name: str) -> np.ndarray:
    """Return the conversation's `modality_mask` (N, 3); all True if it has none."""
    if row.get("modality_mask") is None:
        return np.ones((length, len(MODALITIES)), dtype=bool)
    try:
        mask = np.asarray(row["modality_mask"])
        mask.astype(bool)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{name}, modality_mask = {row['modality_mask']!r}: expected (N, 3) of True or False"
        ) from error
    if mask.shape != (length, len(MODALITIES)):
        raise ValueError(
            f"{name}, modality_mask has shape {mask.shape}: expected {(length, len(MODALITIES))}"
            f" for {MODALITIES}"
        )
    return mask.astype(bool)


def _pad_features(
    conversations: Sequence[Mapping[str, Any]],
    names: list[str],
    field: str,
    width: int | None,
    mask: np.ndarray,
) -> np.ndarray | None:
    """Pad one modality of all conversations to (B, N, D).

    Also sets `mask` (B, N) to False for every utterance without these features.
    """
    padded = None
    for i, row in enumerate(conversations):
        if row.get(field) is None:
            mask[i] = False
            continue
        present = mask[i, : len(row[field])]
        name = f"{names[i]}, {field}"
        features, has_features = _as_matrix(row[field], name, width)
        present &= has_features
        if width is None:
            width = features.shape[1]
        if features.shape[1] != width:
            raise ValueError(f"{name} has width {features.shape[1]}: expected {width}")
        if padded is None:
            padded = np.zeros((len(conversations), mask.shape[1], width), dtype=np.float32)
        finite = np.isfinite(features)
        wrong = present & ~finite.all(-1)
        if wrong.any():
            t = int(wrong.argmax())
            d = int((~finite[t]).argmax())
            raise ValueError(
                f"{name}, utterance {t}, column {d} = {features[t, d]}: expected a finite number, "
                "or False in modality_mask"
            )
        np.copyto(padded[i, : len(features)], features, where=present[:, None])
    return padded


def _as_matrix(values: Any, name: str, width: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the features as (N, D) float32, and which rows are not None, (N,) bool."""
    matrix = _numbers(values)
    if matrix is not None and matrix.ndim == 2:
        return matrix, np.ones(len(matrix), dtype=bool)
    # Some rows are None or differ in width: check them one by one.
    has_features = np.array([row is not None for row in values])
    vectors = []
    for t, row in enumerate(values):
        if row is None:
            continue
        vector = _numbers(row)
        if vector is None:
            raise ValueError(f"{name}, utterance {t} = {row!r}: expected numbers")
        vectors.append(vector)
        if width is None and vector.ndim == 1:
            width = len(vector)
        if vector.shape != (width,):
            expected = "a vector" if width is None else f"{width} numbers"
            raise ValueError(f"{name}, utterance {t} has shape {vector.shape}: expected {expected}")
    matrix = np.zeros((len(has_features), width or 0), dtype=np.float32)
    if has_features.any():
        matrix[has_features] = np.stack(vectors)
    return matrix, has_features


def _numbers(values: Any) -> np.ndarray | None:
    """Return values as float32; None if they are not numbers, or have no common shape."""
    if isinstance(values, Tensor):
        values = values.detach().cpu().to_dense()
    try:
        return np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def _pad_tokens(
    conversations: Sequence[Mapping[str, Any]],
    names: list[str],
    shape: tuple[int, int],
    pad_token_id: int,
) -> dict[str, np.ndarray]:
    """Pad the three token fields to (B, N, L) each; {} if no conversation has `input_ids`."""
    rows = [
        (i, {field: row[field] for field in TOKEN_FIELDS if row.get(field) is not None})
        for i, row in enumerate(conversations)
        if row.get("input_ids") is not None
    ]
    if not rows:
        return {}
    longest = max(max(len(ids) for ids in fields["input_ids"]) for _, fields in rows)
    tokens = {
        "input_ids": np.full((*shape, longest), pad_token_id, dtype=np.int64),
        "text_attention_mask": np.zeros((*shape, longest), dtype=bool),
        "utterance_token_mask": np.zeros((*shape, longest), dtype=bool),
    }
    for i, fields in rows:
        for t in range(len(fields["input_ids"])):
            count = len(fields["input_ids"][t])
            tokens["input_ids"][i, t, :count] = np.asarray(fields["input_ids"][t])
            attended = fields["text_attention_mask"][t] if "text_attention_mask" in fields else True
            own = (
                fields["utterance_token_mask"][t] if "utterance_token_mask" in fields else attended
            )
            for field, values in (("text_attention_mask", attended), ("utterance_token_mask", own)):
                values = np.asarray(values, dtype=bool)
                if values.ndim and len(values) != count:
                    raise ValueError(
                        f"{names[i]}, utterance {t}, {field} has {len(values)} "
                        f"tokens: expected {count}, as input_ids has"
                    )
                tokens[field][i, t, :count] = values
    # A conversation without tokens, in a batch with others that have them, keeps an attention mask
    # of zeros, which masks its text.
    return tokens


def _pad_labels(
    conversations: Sequence[Mapping[str, Any]],
    names: list[str],
    shape: tuple[int, int],
    num_labels: int | None,
) -> np.ndarray:
    """Pad the labels to (B, N) long, `IGNORE_INDEX` where there is none."""
    padded = np.full(shape, IGNORE_INDEX, dtype=np.int64)
    for i, row in enumerate(conversations):
        if row.get("labels") is None:
            continue
        labels = np.asarray(row["labels"])
        expected = "an integer of at least 0" if num_labels is None else f"0 to {num_labels - 1}"
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                f"{names[i]}, labels = {row['labels']!r}: expected each to be {expected}, "
                f"or {IGNORE_INDEX} where unlabelled (regression, multi-label and soft labels are "
                "not supported)"
            )
        labels = np.where(labels == -1, IGNORE_INDEX, labels)  # -1 means no label in `datasets`
        unknown = (labels < 0) & (labels != IGNORE_INDEX)
        if num_labels is not None:
            unknown |= labels >= num_labels
        if unknown.any():
            t = int(unknown.argmax())
            raise ValueError(
                f"{names[i]}, utterance {t}, labels = {labels[t]}: expected {expected}, "
                f"or {IGNORE_INDEX} where unlabelled"
            )
        padded[i, : len(labels)] = labels
    return padded


__all__ = ["TOKEN_FIELDS", "number_by_first_appearance", "number_speakers", "pad_conversations"]
