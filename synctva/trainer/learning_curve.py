"""The learning curve of a training, from the trainer's log."""

from __future__ import annotations

from typing import Any

from transformers import TrainerState

SCORES = ("weighted_f1", "macro_f1", "nll")


def learning_curve(state: TrainerState) -> list[dict[str, Any]]:
    """Return what each evaluation during training found.

    Args:
        state: of the trainer, after training.

    Returns:
        For each evaluation: `epoch`; `loss`, the mean training loss since the one before, None if
        it was not logged; `dev_loss`, `weighted_f1`, `macro_f1` and `nll` on dev; and `best`,
        whether its weights were kept. Empty if dev has several parts, or none.
    """
    curve: list[dict[str, Any]] = []
    total, logged, first = 0.0, 0, 0
    for entry in state.log_history:
        step = entry["step"]
        if "train_runtime" in entry:  # what comes after the training is no part of it
            break
        if "loss" in entry:
            total, logged = total + entry["loss"] * (step - logged), step
        if "eval_nll" in entry:
            point = {
                "epoch": entry["epoch"],
                "loss": total / (logged - first) if logged > first else None,
                "dev_loss": entry.get("eval_loss"),
                **{name: entry[f"eval_{name}"] for name in SCORES},
                "best": step == state.best_global_step,
            }
            curve.append(point)
            total, logged, first = 0.0, step, step
    return curve


__all__ = ["learning_curve"]
