"""Plots of the results: cost against length, and whole models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

DOTS_AN_INCH = 80


def save_plots(parts: Mapping[str, Any], folder: Path) -> list[Path]:
    """Save each plot as a PNG, in a folder next to the results."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in (("lengths", plot_lengths(parts)), ("models", plot_models(parts))):
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=DOTS_AN_INCH, metadata={"Software": None})
    return paths


def plot_lengths(parts: Mapping[str, Any]) -> Figure:
    """Plot microseconds per utterance against the conversation's length, on logarithmic axes."""
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    for axes, (kind, models) in zip(
        figure.subplots(1, 2), parts["default"]["lengths"]["by_length"].items(), strict=True
    ):
        for name, costs in models.items():
            axes.loglog([int(n) for n in costs], list(costs.values()), "o-", label=name)
        axes.set(title=kind, xlabel="utterances per conversation", ylabel="µs per utterance")
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def plot_models(parts: Mapping[str, Any]) -> Figure:
    """Plot utterances per second of each model in training, a bar per model and corpus."""
    found = {corpus: kinds["train"] for corpus, kinds in parts["default"]["whole_models"].items()}
    names = list(next(iter(found.values())))
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    shifts = np.linspace(-0.2, 0.2, len(found))
    for (corpus, rates), shift in zip(found.items(), shifts, strict=True):
        axes.barh(np.arange(len(names)) + shift, [rates[n] for n in names], 0.38, label=corpus)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="utterances per second in training, one core")
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    return figure


__all__ = ["plot_lengths", "plot_models", "save_plots"]
