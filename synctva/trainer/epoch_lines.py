"""What a training run prints: one line per epoch, and a bar with the time left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback

SCORES = {"weighted_f1": "dev weighted F1", "macro_f1": "macro F1", "nll": "NLL"}
"""Score of the evaluation -> title of its column."""

TITLES = ("epoch", "loss", *SCORES.values(), "seconds")


def show_epochs(trainer: Trainer) -> None:
    """Replace the dictionaries that transformers prints during training by a line per epoch.

    The bar of a terminal stays. Where transformers prints nothing of its own, as in a notebook, in
    which it draws a table, everything stays as it is.
    """
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(ProgressBar)
    elif trainer.pop_callback(PrinterCallback) is None:
        return
    trainer.add_callback(EpochLines)


class ProgressBar(ProgressCallback):
    """The bar, without the log."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        pass


class EpochLines(TrainerCallback):
    """Prints a line after each evaluation, or after each epoch if nothing is evaluated.

    The loss is the mean over the steps since the last line, and the seconds are those since then,
    with the evaluation. `best` marks the best so far by `metric_for_best_model`.
    """

    _logged: int  # the step of the last log

    def on_train_begin(self, args, state, control, **kwargs):
        self._training, self._titled = True, False
        self._start(state)

    def on_train_end(self, args, state, control, **kwargs):
        self._training = False

    def on_epoch_end(self, args, state, control, **kwargs):
        control.should_log = True  # a short epoch would have no loss

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" not in (logs or {}):
            return
        self._loss += logs["loss"] * (state.global_step - self._logged)
        self._logged = state.global_step
        if args.eval_strategy == "no" and state.epoch == int(state.epoch):
            self._write(state, {})

    def on_evaluate(self, args, state, control, metrics=None, **kwargs):
        if not getattr(self, "_training", False):
            return
        metrics = metrics or {}
        # With several data sets there is a call for each, whose name is in the keys.
        any_key = next((key for key in metrics if key.endswith("_runtime")), "eval_runtime")
        prefix = any_key.removesuffix("runtime")
        scores = {name: metrics.get(f"{prefix}{name}") for name in SCORES}
        best = "best" if _best(args, state, metrics) else ""
        marks = [prefix.removeprefix("eval_").rstrip("_"), best]
        self._write(state, scores, " ".join(filter(None, marks)))

    def _start(self, state: Any) -> None:
        """Begin to count what the next line tells."""
        self._loss, self._first = 0.0, state.global_step
        self._logged, self._since = state.global_step, time.perf_counter()

    def _write(self, state: Any, scores: Mapping[str, float | None], mark: str = "") -> None:
        steps = self._logged - self._first
        epoch = f"{state.epoch:.2f}".removesuffix(".00")
        shown = [self._loss / steps if steps else None, *map(scores.get, SCORES)]
        numbers = ["-" if number is None else f"{number:.4f}" for number in shown]
        cells = [epoch, *numbers, f"{time.perf_counter() - self._since:.0f}"]
        if state.is_world_process_zero:
            if not self._titled:
                tqdm.write("  ".join(f"{title:>7}" for title in TITLES))
            widths = [max(len(title), 7) for title in TITLES]
            row = "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
            tqdm.write(f"{row}  {mark}".rstrip())
        self._titled = True
        self._start(state)


def _best(args: Any, state: Any, metrics: Mapping[str, float]) -> bool:
    """Return whether an evaluation is better than all before; `state` does not know it yet."""
    name = args.metric_for_best_model
    value = metrics.get(name if name is None or name.startswith("eval_") else f"eval_{name}")
    if value is None:
        return False
    if state.best_metric is None:
        return True
    return value > state.best_metric if args.greater_is_better else value < state.best_metric


__all__ = ["EpochLines", "ProgressBar", "show_epochs"]
