"""Trials: the same settings for each model, one line of JSON per model, and the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .records import Record, read_records, write_record


class Settings(NamedTuple):
    """What is tuned; everything else is the data set's recipe, including the loss."""

    learning_rate: float
    dropout: float

    def __str__(self) -> str:
        return f"{self.learning_rate:g}, {self.dropout:g}"


TRIALS = tuple(Settings(*values) for values in product((1e-3, 2e-3), (0.3, 0.5)))
"""At 5e-4 most models lost a point or two wherever it was tried: see docs/history.md."""


class Trials(NamedTuple):
    """The trials of a model on a data set.

    Attributes:
        scores: the metric that chooses the epoch, on what was held out, by settings and seed.
        greater_is_better: whether higher scores are better.
    """

    scores: dict[Settings, list[float]]
    greater_is_better: bool

    def best(self) -> Settings:
        """Return the best mean among those tried with the most seeds; of equals the first."""
        most = max(map(len, self.scores.values()))
        sign = 1 if self.greater_is_better else -1
        tried = {key: found for key, found in self.scores.items() if len(found) == most}
        return max(tried, key=lambda key: sign * np.mean(tried[key]))


def write_trials(folder: Path, trials: Trials, origin: dict[str, Any]) -> None:
    """Keep a model's trials, in place of earlier ones with the same features.

    Args:
        folder: of the results; the file is `<data set>_trials.jsonl`.
        trials: what was found.
        origin: what else is kept: at least dataset, features and model.
    """
    rows = [{**settings._asdict(), "scores": found} for settings, found in trials.scores.items()]
    record = {**origin, "greater_is_better": trials.greater_is_better, "trials": rows}
    write_record(_path(folder, origin["dataset"]), record, _key)


def read_trials(folder: Path, dataset: str, features: str) -> dict[str, Trials]:
    """Read the trials on a data set with features of this name, by model."""
    records = read_records(_path(folder, dataset))
    return {kept["model"]: _trials(kept) for kept in records if kept["features"] == features}


def known_scores(
    trials: Trials | None, runs: Sequence[Record | None], metric: str
) -> dict[Settings, list[float]]:
    """Return the scores that a model's trials need not find again: by settings, of first seeds.

    Args:
        trials: those kept so far, complete or not; None: there are none.
        runs: the model's runs by seed, from 0, where a trial is judged on dev as a run is; None
            for a run that is not kept.
        metric: that chooses the epoch.
    """
    known = {} if trials is None else {key: [*found] for key, found in trials.scores.items()}
    for seed, run in enumerate(runs):
        if run is not None:
            scores = known.setdefault(settings_of(run), [])
            if len(scores) == seed:
                scores.append(run["dev"][metric])
    return known


def settings_of(record: Record) -> Settings:
    """Return the settings of a run or of a trial."""
    return Settings(record["learning_rate"], record["dropout"])


def _trials(kept: Record) -> Trials:
    scores = {settings_of(row): row["scores"] for row in kept["trials"]}
    return Trials(scores, kept["greater_is_better"])


def _path(folder: Path, dataset: str) -> Path:
    return folder / f"{dataset}_trials.jsonl"


def _key(record: Record) -> tuple[str, str]:
    return record["features"], record["model"]


__all__ = [
    "TRIALS",
    "Settings",
    "Trials",
    "known_scores",
    "read_trials",
    "settings_of",
    "write_trials",
]
