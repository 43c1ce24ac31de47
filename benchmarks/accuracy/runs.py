"""Runs on disk: one file per data set, `results/<data set>.jsonl`, one run per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from .records import Record, read_records, write_record

RESULTS = Path(__file__).parents[1] / "results"

FROZEN_FEATURES = "frozen MiniLM, prosody"


class Variant(NamedTuple):
    """A model, or Sync-TVA without one of its parts."""

    model: str
    ablation: str | None = None

    def __str__(self) -> str:
        return self.model if self.ablation is None else f"{self.model} {self.ablation}"


Runs = dict[Variant, list[dict[str, Any]]]
"""The runs of each variant, in the order of their seeds."""


def features_name(
    dataset: str, features: str | Path | None, conversations: int | None = None
) -> str:
    """Name the features of a run.

    Args:
        dataset: name of the data set.
        features: folder of a feature set, which gives the name; None: the data set's own features.
        conversations: training conversations, if not the data set's own number; becomes part of
            the name.
    """
    name = "simulated" if dataset == "simulated" else FROZEN_FEATURES
    if features is not None:
        name = Path(features).name
    return name if conversations is None else f"{name}, {conversations} conversations"


def write_run(folder: Path, run: Record) -> None:
    """Keep a run, in place of one of the same features, variant and seed."""
    write_record(_path(folder, run["dataset"]), run, _key)


def read_runs(folder: Path, dataset: str, features: str) -> Runs:
    """Read all runs on a data set with features of this name (see `features_name`)."""
    runs: Runs = {}
    for run in read_records(_path(folder, dataset)):
        if run["features"] == features:
            runs.setdefault(_variant(run), []).append(run)
    for these in runs.values():
        these.sort(key=lambda run: run["seed"])
    return runs


def find_run(
    folder: Path, dataset: str, features: str, variant: Variant, seed: int
) -> Record | None:
    """Return one run, or None if it is not kept."""
    these = read_runs(folder, dataset, features).get(variant, [])
    return next((run for run in these if run["seed"] == seed), None)


def _path(folder: Path, dataset: str) -> Path:
    return folder / f"{dataset}.jsonl"


def _key(run: Record) -> tuple[str, str, str, int]:
    return run["features"], run["model"], run["ablation"] or "", run["seed"]


def _variant(run: Record) -> Variant:
    return Variant(run["model"], run["ablation"])


__all__ = [
    "FROZEN_FEATURES",
    "RESULTS",
    "Runs",
    "Variant",
    "features_name",
    "find_run",
    "read_runs",
    "write_run",
]
