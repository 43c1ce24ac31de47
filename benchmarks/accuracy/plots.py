"""Plots of a data set's runs: confusion matrix, F1 by class, ablations, learning curves.

    python -m benchmarks.accuracy.plots --dataset meld

Each is a PNG in `docs/images/`, made from the kept runs. A plot is left out if the runs hold
nothing for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synctva.plots import plot_confusion_matrix

from .comparisons import in_common
from .experiments import DATASETS
from .runs import RESULTS, Runs, features_name, read_runs
from .tables import WHOLE, ordered

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DOTS_AN_INCH = 80
MARKERS = "osv^D<>Pp*X"


def plot_confusion(runs: Runs) -> Figure | None:
    """Plot Sync-TVA's confusion matrix on test, summed over the seeds."""
    matrices = [run["confusion_matrix"] for run in runs.get(WHOLE, []) if "confusion_matrix" in run]
    if not matrices:
        return None
    names = list(runs[WHOLE][0]["test"]["per_class_f1"])
    seeds = "seed" if len(matrices) == 1 else "seeds together"
    title = f"{runs[WHOLE][0]['dataset']}, test, {len(matrices)} {seeds}"
    return plot_confusion_matrix(np.sum(matrices, axis=0), names, title=title)


def plot_classes(runs: Runs) -> Figure | None:
    """Plot the F1 of each class on test: a marker per model, the mean over its seeds."""
    variants = [variant for variant in ordered(runs) if variant.ablation is None]
    if not variants:
        return None
    names = list(runs[variants[0]][0]["test"]["per_class_f1"])
    figure = Figure(figsize=(2.5 + 0.8 * len(names), 4), layout="constrained")
    axes = figure.subplots()
    # Side by side within each class, so that no marker hides another.
    shifts = np.linspace(-0.3, 0.3, len(variants)) if len(variants) > 1 else [0.0]
    for variant, shift, marker in zip(variants, shifts, cycle(MARKERS), strict=False):
        scores = [[run["test"]["per_class_f1"][name] for name in names] for run in runs[variant]]
        whole = variant == WHOLE
        axes.plot(
            np.arange(len(names)) + shift,
            100 * np.mean(scores, axis=0),
            marker,
            label=str(variant),
            color="black" if whole else None,
            markersize=7 if whole else 5,
        )
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel="F1 on test, percent", ylim=(0, 100))
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    return figure


def plot_ablations(runs: Runs) -> Figure | None:
    """Plot what each ablation costs on dev: a bar for the mean over seeds, a dot per seed."""
    lost: dict[str, list[float]] = {}
    for variant in ordered(runs):
        whole, without = in_common(runs.get(WHOLE, []), runs[variant])
        if variant.ablation is not None and whole:
            pairs = zip(whole, without, strict=True)  # both by seed
            lost[variant.ablation] = [
                100 * (a["dev"]["weighted_f1"] - b["dev"]["weighted_f1"]) for a, b in pairs
            ]
    if not lost:
        return None
    figure = Figure(figsize=(6, 1 + 0.3 * len(lost)), layout="constrained")
    axes = figure.subplots()
    for row, values in enumerate(lost.values()):
        axes.barh(row, np.mean(values), color="tab:blue", alpha=0.6)
        axes.plot(values, [row] * len(values), ".", color="black", markersize=4)
    axes.set_yticks(range(len(lost)), list(lost))
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(xlabel="weighted F1 on dev lost by the change, points")
    axes.grid(axis="x", alpha=0.3)
    return figure


def plot_curves(runs: Runs) -> Figure | None:
    """Plot the weighted F1 on dev after each epoch: the mean, and Sync-TVA's seeds thinly."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for variant in ordered(runs):
        curves = [run["dev_curve"] for run in runs[variant] if "dev_curve" in run]
        if variant.ablation is not None or not curves:
            continue
        length = min(len(curve["epoch"]) for curve in curves)
        epochs = curves[0]["epoch"][:length]
        scores = 100 * np.array([curve["weighted_f1"][:length] for curve in curves])
        whole = variant == WHOLE
        if whole:
            axes.plot(epochs, scores.T, color="black", linewidth=0.5, alpha=0.5)
        axes.plot(
            epochs,
            scores.mean(0),
            ".-",
            label=str(variant),
            color="black" if whole else None,
            linewidth=2 if whole else 1,
        )
    if not axes.lines:
        return None
    axes.set(xlabel="epoch", ylabel="weighted F1 on dev, percent")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


PLOTS = {
    "confusion": plot_confusion,
    "classes": plot_classes,
    "ablations": plot_ablations,
    "curves": plot_curves,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.plots", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--features", help="name or folder of the feature set; default: frozen")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the kept runs")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder for the plots")
    options = parser.parse_args(arguments)
    name = features_name(options.dataset, options.features)
    runs = read_runs(options.results, options.dataset, name)
    if not runs:
        raise SystemExit(f"{options.results} has no run on {options.dataset} with {name}")
    options.out.mkdir(parents=True, exist_ok=True)
    parts = [options.dataset] if options.features is None else [options.dataset, name]
    for kind, plot in PLOTS.items():
        figure = plot(runs)
        if figure is None:
            print(f"{kind}: left out, the runs hold nothing for it")
            continue
        path = options.out / f"{'-'.join([*parts, kind])}.png"
        figure.savefig(path, dpi=DOTS_AN_INCH, metadata={"Software": None})
        print(path)


if __name__ == "__main__":
    main()
