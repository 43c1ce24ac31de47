"""Fill or mask the features that utterances lack.

A single missing value takes the mean of the training set. An utterance without any value of a
modality lacks that modality, and is masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synctva.modeling_synctva.configuration_synctva import MODALITIES, counted

from .schema import Conversation


def attach_features(
    conversations: Mapping[str, list[Conversation]],
    values: Mapping[str, list[np.ndarray]],
    names: Sequence[str],
    modality: str,
) -> list[str]:
    """Give conversations the features of a modality, in place, and set its mask.

    Args:
        conversations: by split.
        values: by split, an (N, D) array for each conversation, NaN where a value is missing. An
            utterance with only NaN is masked; other NaN take the mean of the training set.
        names: of the D features, for messages.
        modality: text, visual or audio.

    Returns:
        Notes on what was filled and masked.

    Raises:
        ValueError: a value is missing for which the training set has no mean.
    """
    column = MODALITIES.index(modality)
    mean = _training_mean(values.get("train", []), len(names))
    notes = []
    for split, rows in conversations.items():
        filled, masked = 0, 0
        for conversation, raw in zip(rows, values[split], strict=True):
            absent = np.isnan(raw).all(axis=1)  # (N,)
            gaps = np.isnan(raw) & ~absent[:, None]  # (N, D)
            without_mean = np.flatnonzero(gaps.any(axis=0) & np.isnan(mean))
            if len(without_mean):
                raise ValueError(
                    f"{split}, conversation {conversation['dialogue_id']!r}, {modality} feature "
                    f"{names[without_mean[0]]!r} is empty: expected a number, because the training "
                    "set has none of which to take the mean"
                )
            features = np.where(gaps, mean, raw)
            features[absent] = 0.0
            conversation[f"{modality}_features"] = features.astype(np.float32)
            conversation["modality_mask"][:, column] = ~absent
            filled += int(gaps.sum())
            masked += int(absent.sum())
        if filled:
            notes.append(f"{split}: {filled} empty {modality} cells took the training mean")
        if masked:
            notes.append(
                f"{split}: {counted(masked, 'utterance')} without {modality} features, masked"
            )
    return notes


def _training_mean(values: list[np.ndarray], width: int) -> np.ndarray:
    """Return the (D,) mean of the values that exist; NaN where none does."""
    stacked = np.concatenate(values) if values else np.empty((0, width))  # (T, D)
    counts = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
