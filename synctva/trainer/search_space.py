"""What a hyperparameter search tries where nothing else is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from synctva.losses import NEEDS_EVERY_CLASS
from synctva.trainer.arguments import SyncTVATrainingArguments

RATES = (0.25, 4.0)
"""Learning rates, as multiples of the one that is given."""

RANGES = {
    "weight_decay": (1e-3, 1.0),
    "label_smoothing_factor": (0.0, 0.2),
    "modality_dropout": (0.0, 0.3),
}

LOSSES = ("cross_entropy", "class_weighted", "focal")


def search_space(
    arguments: SyncTVATrainingArguments, class_counts: Sequence[int]
) -> Callable[[Any], dict[str, Any]]:
    """Return the default space, as a function of Optuna's trial.

    Args:
        arguments: the learning rate is the middle of those that are tried, and the loss is tried.
        class_counts: training utterances of each class, some of which a loss may need.
    """
    rates = [factor * arguments.learning_rate for factor in RATES]
    losses = [
        loss
        for loss in dict.fromkeys((arguments.loss, *LOSSES))
        if all(class_counts) or loss not in NEEDS_EVERY_CLASS
    ]

    def space(trial: Any) -> dict[str, Any]:
        return {
            "learning_rate": trial.suggest_float("learning_rate", *rates, log=True),
            **{
                name: trial.suggest_float(name, *RANGES[name], log=name == "weight_decay")
                for name in RANGES
            },
            "loss": trial.suggest_categorical("loss", losses),
        }

    return space


def starting_point(arguments: SyncTVATrainingArguments) -> dict[str, Any]:
    """Return those of the arguments that lie in the default space, to try them first."""
    values = {name: getattr(arguments, name) for name in RANGES}
    inside = {n: v for n, v in values.items() if RANGES[n][0] <= v <= RANGES[n][1]}
    return {"learning_rate": arguments.learning_rate, **inside, "loss": arguments.loss}


__all__ = ["search_space", "starting_point"]
