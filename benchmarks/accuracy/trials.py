"""Trials on dev: the same settings for each model, one JSON file a model, and the best of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .runs import Variant, run_path, write_run

SEEDS = (0, 1)
"""Of each trial; one seed alone would choose by its luck."""


class Settings(NamedTuple):
    """What is tuned; everything else is the data set's recipe, the loss included."""

    learning_rate: float
    dropout: float

    def __str__(self) -> str:
        return f"{self.learning_rate:g}, {self.dropout:g}"


TRIALS = tuple(Settings(*values) for values in product((5e-4, 1e-3, 2e-3), (0.3, 0.5)))


class Trials(NamedTuple):
    """The trials of a model on a data set.

    Attributes:
        dev: the metric that chooses the epoch, on dev, by settings and seed.
        greater_is_better: of that metric.
    """

    dev: dict[Settings, list[float]]
    greater_is_better: bool

    def best(self) -> Settings:
        """The settings with the best mean; of equals the first."""
        sign = 1 if self.greater_is_better else -1
        return max(self.dev, key=lambda settings: sign * float(np.mean(self.dev[settings])))


def trials_path(
    results: Path,
    dataset: str,
    model: str,
    features: str | Path | None = None,
    conversations: int | None = None,
) -> Path:
    """Where a model's trials are kept: beside the runs that follow them."""
    path = run_path(results, dataset, Variant(model), 0, features, conversations)
    return results / "trials" / path.name.replace("-seed0", "")


def write_trials(path: Path, trials: Trials, origin: dict[str, Any]) -> None:
    """Write a model's trials whole or not at all.

    Args:
        path: of the file.
        trials: what was found.
        origin: what else the file says: data set, features, model, versions.
    """
    rows = [{**settings._asdict(), "dev": dev} for settings, dev in trials.dev.items()]
    write_run(path, {**origin, "greater_is_better": trials.greater_is_better, "trials": rows})


def read_trials(path: Path) -> Trials:
    """A model's trials as they were written."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    dev = {_settings(row): row["dev"] for row in kept["trials"]}
    return Trials(dev, kept["greater_is_better"])


def read_settings(path: Path) -> Settings:
    """Those of a run, by its file."""
    return _settings(json.loads(path.read_text(encoding="utf-8")))


def _settings(row: dict[str, Any]) -> Settings:
    return Settings(row["learning_rate"], row["dropout"])


def all_trials(results: Path, dataset: str, features: str) -> Iterator[tuple[str, Trials]]:
    """The model's name and trials of every file on a data set with features of this name."""
    for path in sorted((results / "trials").glob(f"{dataset}-*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["dataset"] == dataset and kept["features"] == features:
            yield kept["model"], read_trials(path)


__all__ = [
    "SEEDS",
    "TRIALS",
    "Settings",
    "Trials",
    "all_trials",
    "read_settings",
    "read_trials",
    "trials_path",
    "write_trials",
]
