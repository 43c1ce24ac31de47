"""What is left of a model's scores where modalities are missing."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.conversation_padding import TOKEN_FIELDS


def subset_scores(trainer: Any, dataset: Any) -> dict[str, dict[str, float]]:
    """Scores where every utterance has some modalities alone, by their names joined by "+".

    Of the model as it was trained, with all of them; the whole set is left out.

    Args:
        trainer: a `SyncTVATrainer`.
        dataset: conversations with the features, or the tokens, of each modality.

    Returns:
        accuracy, weighted_f1, macro_f1, ece (fractions) and nll (nats) of each proper subset of
        the modalities that the data set has; empty where it has one alone.
    """
    columns = {name: [f"{name}_features"] for name in MODALITIES}
    if trainer.config.text_backbone is not None:
        columns["text"] = list(TOKEN_FIELDS)
    there = {m: own for m, own in columns.items() if set(own) <= set(dataset.column_names)}
    found = {}
    for size in range(1, len(there)):
        for seen in combinations(there, size):
            missing = [name for m, own in there.items() if m not in seen for name in own]
            scores = trainer.score(dataset.remove_columns(missing))
            kept = ("accuracy", "weighted_f1", "macro_f1", "nll", "ece")
            found["+".join(seen)] = {name: scores[name] for name in kept}
    return found


__all__ = ["subset_scores"]
