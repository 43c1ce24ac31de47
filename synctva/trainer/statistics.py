"""Statistics of the training set: class counts, feature means and deviations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.modeling_synctva import SyncTVAPreTrainedModel
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.trainer.streaming import Conversations, Row, blocks, columns_of


def conversation_lengths(dataset: Conversations) -> list[int]:
    """Return the number of utterances of each conversation."""
    return [len(labels) for labels in _labels(dataset)]


def class_counts(dataset: Conversations, num_labels: int) -> np.ndarray:
    """Count the labelled utterances of each class. -> (C,)

    Raises:
        ValueError: a label is not the id of a class.
    """
    rows = [np.asarray(row) for row in _labels(dataset)]
    for number, row in enumerate(rows):
        if not np.issubdtype(row.dtype, np.integer) or (row >= num_labels).any():
            raise ValueError(
                f"conversation {number}, labels = {row.tolist()!r}: expected each to be 0 to "
                f"{num_labels - 1}, or {IGNORE_INDEX} where unlabelled (regression, multi-label "
                "and soft labels are not supported)"
            )
    labels = np.concatenate(rows)
    return np.bincount(labels[labels >= 0], minlength=num_labels)


def split_size(dataset: Conversations, label_names: Sequence[str]) -> dict[str, Any]:
    """Return `conversations`, `utterances`, and `label_counts` by name, of a split."""
    lengths = conversation_lengths(dataset)
    counts = class_counts(dataset, len(label_names)).tolist()
    return {
        "conversations": len(lengths),
        "utterances": sum(lengths),
        "label_counts": dict(zip(label_names, counts, strict=True)),
    }


def _labels(dataset: Conversations) -> Iterator[Any]:
    return (row["labels"] for row in chain.from_iterable(blocks(dataset, ["labels"])))


def _present(row: Row, column: str, index: int) -> np.ndarray:
    """Return a conversation's features of the utterances that have them. -> (n, D)"""
    values, mask = row.get(column), row.get("modality_mask")
    if isinstance(values, np.ndarray) and isinstance(mask, np.ndarray):
        return values[mask[:, index]]
    here = [True] * len(values or ()) if mask is None else np.asarray(mask)[:, index]
    kept = [v for v, present in zip(values or (), here, strict=True) if present and v is not None]
    return np.asarray(kept, dtype=np.float32)


def feature_statistics(
    dataset: Conversations, modalities: Sequence[str] = MODALITIES
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Compute mean and deviation of each modality over the utterances in which it is present.

    The moments of blocks are merged in float64 (Chan et al., 1983), because features such as a
    pitch in Hz are far from 0.

    Args:
        dataset: conversations with feature columns; the training split.
        modalities: names of the modalities to include.

    Returns:
        By modality, two (D,) float32 arrays; a modality that is never present is left out.
    """
    statistics, columns = {}, columns_of(dataset)
    for index, modality in enumerate(MODALITIES):
        column = f"{modality}_features"
        if modality not in modalities or column not in columns:
            continue
        count, mean, spread = 0, np.zeros(()), np.zeros(())  # spread: sum of squared differences
        for rows in blocks(dataset, [column, "modality_mask"]):
            present = [kept for row in rows if len(kept := _present(row, column, index))]
            if not present:
                continue
            block = np.concatenate(present).astype(np.float64)
            block_mean = block.mean(0)
            difference = block_mean - mean
            total = count + len(block)
            spread = spread + ((block - block_mean) ** 2).sum(0)
            spread = spread + difference**2 * (count * len(block) / total)
            mean = mean + difference * (len(block) / total)
            count = total
        if count:
            deviation = np.sqrt(spread / count)
            statistics[modality] = (mean.astype(np.float32), deviation.astype(np.float32))
    return statistics


def trained_modalities(model: SyncTVAPreTrainedModel) -> set[str]:
    """Return the modalities that have been trained: they have statistics, or a backbone."""
    return {
        name
        for name, encoder in model.feature_encoders.items()
        if encoder.mean.any()
        or (encoder.deviation != 1).any()
        or (name == "text" and model.config.text_backbone is not None)
    }


def set_missing_statistics(model: SyncTVAPreTrainedModel, dataset: Conversations) -> None:
    """Give a model the training set's class base rates and, if it is new, feature statistics.

    A model that already has feature statistics keeps its own: its weights were trained with them.
    """
    if hasattr(model, "class_prior"):
        counts = class_counts(dataset, model.config.num_labels)
        model.set_class_prior(torch.from_numpy(counts))
    unset = set(MODALITIES) - trained_modalities(model)
    if unset:
        model.feature_encoders.set_statistics(
            {
                name: (torch.from_numpy(mean), torch.from_numpy(deviation))
                for name, (mean, deviation) in feature_statistics(dataset).items()
                if name in unset
            }
        )


__all__ = [
    "class_counts",
    "conversation_lengths",
    "feature_statistics",
    "set_missing_statistics",
    "split_size",
    "trained_modalities",
]
