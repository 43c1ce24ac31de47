"""Trials: the same settings for each model, one JSON file a model, and the best of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .runs import write_run


class Settings(NamedTuple):
    """What is tuned; everything else is the data set's recipe, the loss included."""

    learning_rate: float
    dropout: float

    def __str__(self) -> str:
        return f"{self.learning_rate:g}, {self.dropout:g}"


TRIALS = tuple(Settings(*values) for values in product((1e-3, 2e-3), (0.3, 0.5)))
"""At 5e-4 most models lost a point or two wherever it was tried: see NOTES.md."""


class Trials(NamedTuple):
    """The trials of a model on a data set.

    Attributes:
        scores: the metric that chooses the epoch, on what was held out, by settings and seed.
        greater_is_better: of that metric.
    """

    scores: dict[Settings, list[float]]
    greater_is_better: bool

    def best(self) -> Settings:
        """The best mean of those tried with the most seeds; of equals the first."""
        most = max(map(len, self.scores.values()))
        sign = 1 if self.greater_is_better else -1
        tried = {key: found for key, found in self.scores.items() if len(found) == most}
        return max(tried, key=lambda key: sign * np.mean(tried[key]))


def trials_path(run: Path) -> Path:
    """Where the trials of a run's model are kept, by the run's own path: beside the runs."""
    return run.parent / "trials" / f"{run.stem.rpartition('-seed')[0]}.json"


def write_trials(path: Path, trials: Trials, origin: dict[str, Any]) -> None:
    """Write a model's trials whole or not at all.

    Args:
        path: of the file.
        trials: what was found.
        origin: what else the file says: data set, features, model, versions.
    """
    rows = [{**settings._asdict(), "scores": found} for settings, found in trials.scores.items()]
    write_run(path, {**origin, "greater_is_better": trials.greater_is_better, "trials": rows})


def read_trials(path: Path) -> Trials:
    """A model's trials as they were written."""
    return _trials(json.loads(path.read_text(encoding="utf-8")))


def _trials(kept: dict[str, Any]) -> Trials:
    scores = {_settings(row): row["scores"] for row in kept["trials"]}
    return Trials(scores, kept["greater_is_better"])


def read_settings(path: Path) -> Settings:
    """Those of a run, by its file."""
    return _settings(json.loads(path.read_text(encoding="utf-8")))


def known_scores(path: Path, runs: Iterable[Path], metric: str) -> dict[Settings, list[float]]:
    """What a model's trials need not train again: by settings, scores of the first seeds.

    Args:
        path: of the trials, which may be there in part or not at all.
        runs: files of the model's runs by seed, from 0, where trials are judged by dev as they are;
            also those that are not there.
        metric: that chooses the epoch.
    """
    known = read_trials(path).scores if path.exists() else {}
    for seed, file in enumerate(runs):
        if file.exists():
            run = json.loads(file.read_text(encoding="utf-8"))
            scores = known.setdefault(_settings(run), [])
            if len(scores) == seed:
                scores.append(run["dev"][metric])
    return known


def _settings(row: dict[str, Any]) -> Settings:
    return Settings(row["learning_rate"], row["dropout"])


def all_trials(results: Path, dataset: str, features: str) -> Iterator[tuple[str, Trials]]:
    """The model's name and trials of every file on a data set with features of this name."""
    for path in sorted((results / "trials").glob(f"{dataset}-*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["dataset"] == dataset and kept["features"] == features:
            yield kept["model"], _trials(kept)


__all__ = [
    "TRIALS",
    "Settings",
    "Trials",
    "all_trials",
    "known_scores",
    "read_settings",
    "read_trials",
    "trials_path",
    "write_trials",
]
