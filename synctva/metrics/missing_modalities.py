"""Scores of a model when modalities are missing."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.conversation_padding import TOKEN_FIELDS


def columns_of_modalities(dataset: Any, config: SyncTVAConfig) -> dict[str, list[str]]:
    """Return, for each modality that a model can read from a data set, the columns that it reads.

    Args:
        dataset: conversations.
        config: of the model. With a text backbone the text is read as tokens.
    """
    columns = {name: [f"{name}_features"] for name in MODALITIES}
    if config.text_backbone is not None:
        columns["text"] = list(TOKEN_FIELDS)
    return {m: own for m, own in columns.items() if set(own) <= set(dataset.column_names)}


def subset_scores(trainer: Any, dataset: Any) -> dict[str, dict[str, float]]:
    """Return the scores with only some modalities present, by their names joined with "+".

    The model is not trained again for this. The set of all modalities is left out.

    Args:
        trainer: a `SyncTVATrainer`.
        dataset: conversations with the features, or the tokens, of each modality.

    Returns:
        accuracy, uar, weighted_f1, macro_f1, ece (fractions) and nll (nats) for each proper subset
        of the modalities that any utterance has; empty if there is only one.
    """
    masks = np.concatenate([np.asarray(mask) for mask in dataset["modality_mask"]])  # (T, 3)
    present = [name for name, column in zip(MODALITIES, masks.T, strict=True) if column.any()]
    available = columns_of_modalities(dataset, trainer.config)
    available = {name: own for name, own in available.items() if name in present}
    found = {}
    for size in range(1, len(available)):
        for kept_modalities in combinations(available, size):
            missing = [
                name for m, own in available.items() if m not in kept_modalities for name in own
            ]
            scores = trainer.score(dataset.remove_columns(missing))
            kept = ("accuracy", "uar", "weighted_f1", "macro_f1", "nll", "ece")
            found["+".join(kept_modalities)] = {name: scores[name] for name in kept}
    return found


__all__ = ["columns_of_modalities", "subset_scores"]
