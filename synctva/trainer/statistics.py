"""Statistics of the training set: class counts, feature means and deviations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import datasets
import numpy as np
import torch

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.modeling_synctva import SyncTVAPreTrainedModel
from synctva.trainer.streaming import Conversations, ConversationStream, Row, blocks


def conversation_lengths(dataset: Conversations | Sequence[Row]) -> list[int]:
    """Return the number of utterances of each conversation."""
    return [len(labels) for labels in _labels(dataset)]


def class_counts(dataset: Conversations | Sequence[Row], num_labels: int) -> np.ndarray:
    """Count the labelled utterances of each class. -> (C,)"""
    labels = np.concatenate([np.asarray(row, dtype=np.int64) for row in _labels(dataset)])
    return np.bincount(labels[labels >= 0], minlength=num_labels)


def _labels(dataset: Conversations | Sequence[Row]) -> Iterator[Any]:
    if isinstance(dataset, (datasets.Dataset, ConversationStream)):
        dataset = chain.from_iterable(blocks(dataset, ["labels"]))
    return (row["labels"] for row in dataset)


def feature_statistics(
    dataset: Conversations, modalities: Sequence[str] = MODALITIES
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Compute mean and deviation of each modality over the utterances in which it is present.

    The moments of blocks are merged in float64 (Chan et al., 1983), because features such as a
    pitch in Hz are far from 0.

    Args:
        dataset: conversations with feature columns and `modality_mask`; the training split.
        modalities: names of the modalities to include.

    Returns:
        By modality, two (D,) float32 arrays; a modality that is never present is left out.
    """
    statistics = {}
    for index, modality in enumerate(MODALITIES):
        column = f"{modality}_features"
        if modality not in modalities or column not in dataset.column_names:
            continue
        count, mean, spread = 0, np.zeros(()), np.zeros(())  # spread: sum of squared differences
        for rows in blocks(dataset, [column, "modality_mask"]):
            block = np.concatenate([row[column][row["modality_mask"][:, index]] for row in rows])
            if not len(block):
                continue
            block = block.astype(np.float64)
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


def set_missing_statistics(model: SyncTVAPreTrainedModel, dataset: Conversations) -> None:
    """Give a new model the training set's feature statistics and class base rates.

    A model that already has them keeps its own: its weights were trained with them.
    """
    prior = getattr(model, "class_prior", None)
    if prior is not None and (prior == prior[0]).all():
        counts = class_counts(dataset, model.config.num_labels)
        model.set_class_prior(torch.from_numpy(counts))
    unset = {
        name
        for name, encoder in model.feature_encoders.items()
        if not encoder.mean.any() and (encoder.deviation == 1).all()
    }
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
]
