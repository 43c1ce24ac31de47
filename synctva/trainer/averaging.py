"""An exponential moving average of the weights, and a Trainer that keeps one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import Trainer, TrainerCallback

RAW_WEIGHTS = "raw_weights.safetensors"
"""Checkpoint file with the weights that are trained; the model file has their average."""


class WeightAverage:
    """Exponential moving average of the trained parameters.

    average ← d · average + (1 - d) · weights after each step, with
    d = min(decay, (1 + step) / (10 + step)), so that the random initial weights are soon forgotten.

    Args:
        model: its current weights are the initial average.
        decay: in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.average = {name: p.detach().clone() for name, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average after optimizer step number `step`, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(
            list(self.average.values()), [p.data for p in self.parameters.values()], 1 - decay
        )

    @torch.no_grad()
    def copy_to_model(self) -> None:
        """Replace the model's weights by the average."""
        for name, parameter in self.parameters.items():
            parameter.copy_(self.average[name])

    @staticmethod
    @contextmanager
    def in_place(average: WeightAverage | None) -> Iterator[None]:
        """Give the model the average inside the context; None changes nothing."""
        if average is None:
            yield
            return
        raw = {name: p.detach().clone() for name, p in average.parameters.items()}
        average.copy_to_model()
        try:
            yield
        finally:
            average._restore(raw)

    def save_raw_weights(self, folder: str | Path) -> None:
        """Write the trained weights into a checkpoint, beside its model file."""
        raw = {name: p.detach().contiguous() for name, p in self.parameters.items()}
        save_file(raw, str(Path(folder) / RAW_WEIGHTS))

    def load_raw_weights(self, folder: str | Path) -> None:
        """Load a checkpoint's trained weights into the model.

        Raises:
            FileNotFoundError: the checkpoint was written without an average.
        """
        path = Path(folder) / RAW_WEIGHTS
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: the checkpoint was written with ema_decay = 0 and cannot be "
                f"resumed with ema_decay = {self.decay}"
            )
        self._restore(load_file(str(path)))

    @torch.no_grad()
    def _restore(self, weights: dict[str, torch.Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(weights[name])


class AveragingTrainer(Trainer):
    """A Trainer that evaluates and saves a moving average of the weights that it trains.

    A checkpoint contains both, so that a resumed run continues from the raw weights. At the end of
    training, the model has the average. The arguments must have `ema_decay`, 0 for no average.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.average: WeightAverage | None = None
        self.add_callback(_AverageCallback(self))

    def start_weight_average(self) -> None:
        """Start averaging when training begins, after a checkpoint has been loaded."""
        decay = self.args.ema_decay
        if decay and self.average is None:
            if self.is_fsdp_enabled or self.is_deepspeed_enabled:
                raise ValueError(f"ema_decay = {decay}: expected 0 with sharded weights")
            self.average = WeightAverage(self.model, decay)

    def end_weight_average(self) -> None:
        """Replace the model's weights by the average when training ends."""
        if self.average is not None:
            self.average.copy_to_model()
            self.average = None

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        with WeightAverage.in_place(self.average):
            return super().evaluation_loop(*args, **kwargs)

    def _load_best_model(self):
        super()._load_best_model()
        self.average = None  # the loaded weights are an average already

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None):
        with WeightAverage.in_place(self.average if state_dict is None else None):
            super()._save(output_dir, state_dict)

    def _save_optimizer_and_scheduler(self, output_dir: str):
        super()._save_optimizer_and_scheduler(output_dir)
        if self.average is not None and self.args.should_save:
            self.average.save_raw_weights(output_dir)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None):
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self.args.ema_decay:
            self.start_weight_average()  # the checkpoint's model is the average
            if self.average is not None:
                self.average.load_raw_weights(checkpoint)


class _AverageCallback(TrainerCallback):
    """Starts, updates and ends the average."""

    def __init__(self, trainer: AveragingTrainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **kwargs):
        self.trainer.start_weight_average()

    def on_step_end(self, args, state, control, **kwargs):
        if self.trainer.average is not None:
            self.trainer.average.update(state.global_step)

    def on_train_end(self, args, state, control, **kwargs):
        self.trainer.end_weight_average()


__all__ = ["RAW_WEIGHTS", "AveragingTrainer", "WeightAverage"]
