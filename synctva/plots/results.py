"""Plots of results: the confusion matrix, calibration and abstention."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from synctva.files import written_whole


def plot_confusion_matrix(
    matrix: ArrayLike, label_names: Sequence[str], title: str | None = None
) -> Figure:
    """Confusion matrix: colour is the share of the true class, the number in a cell the count.

    Args:
        matrix: (C, C) counts, a row a true class, a column a predicted one.
        label_names: C names in the order of the classes.
        title: above the plot.

    Returns:
        A figure to save with `figure.savefig("confusion.png")`.

    Raises:
        ValueError: the matrix is not (C, C), or holds a negative or non-finite number.
    """
    counts, num_classes = np.asarray(matrix, dtype=float), len(label_names)
    if counts.shape != (num_classes, num_classes):
        raise ValueError(
            f"matrix of shape {counts.shape}: expected ({num_classes}, {num_classes}), because "
            f"label_names has {num_classes} names"
        )
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"matrix = {counts.tolist()}: expected finite counts, 0 or more")
    support = counts.sum(axis=1, keepdims=True)  # (C, 1)
    recall = counts / np.maximum(support, 1)  # a class without items stays 0
    size = 2.5 + 0.7 * num_classes
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(recall, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.7)
    ticks = range(num_classes)
    axes.set_xticks(ticks, label_names, rotation=45, ha="right", rotation_mode="anchor")
    names = [f"{name} ({int(n)})" for name, n in zip(label_names, support[:, 0], strict=True)]
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted", ylabel="true (items)", title=title or "")
    for row in ticks:
        for column in ticks:
            axes.text(
                column,
                row,
                f"{counts[row, column]:g}",
                ha="center",
                va="center",
                color="white" if recall[row, column] > 0.5 else "black",
            )
    return figure


def plot_calibration(calibration: Mapping[str, Any]) -> Figure:
    """Reliability diagram before and after calibration: accuracy of the answers by their score.

    Args:
        calibration: what `synctva.calibration_fitting.calibration_report` gives. The area of a
            point is proportional to the answers in its bin.
    """
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, when in zip(panels, ("before", "after"), strict=True):
        scores = calibration[when]
        bins = scores["reliability"]
        rows = [
            (sure, right, n)
            for sure, right, n in zip(bins["confidence"], bins["accuracy"], bins["n"], strict=True)
            if n
        ]
        confidence, accuracy, counts = np.array(rows).T
        axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
        axes.scatter(confidence, accuracy, s=600 * counts / counts.sum(), clip_on=False)
        axes.plot(confidence, accuracy, linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", aspect="equal")
        axes.set_title(f"{when} calibration: ECE {scores['ece']:.3f}")
    panels[0].set_ylabel("share of right answers")
    return figure


def plot_coverage_risk(calibration: Mapping[str, Any]) -> Figure:
    """Share of wrong answers against the share answered, with some `abstain_below` beside it.

    Args:
        calibration: what `synctva.calibration_fitting.calibration_report` gives.
    """
    curve = calibration["abstention"]
    figure = Figure(figsize=(5, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve["coverage"], curve["risk"], marker="o", markersize=3)
    points = list(zip(curve["coverage"], curve["risk"], curve["abstain_below"], strict=True))
    for coverage, risk, limit in points[4:-1:5]:
        axes.annotate(
            f"{limit:.2f}", (coverage, risk), xytext=(0, 6), textcoords="offset points", ha="right"
        )
    axes.set(xlim=(0, 1.02), xlabel="share answered (beside the line: abstain_below)")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("share of wrong answers")
    return figure


CALIBRATION_PLOTS = {
    "calibration.png": plot_calibration,
    "coverage_risk.png": plot_coverage_risk,
}
"""Plots beside a calibrated model, which its card shows."""


def write_calibration_plots(folder: str | os.PathLike, calibration: Mapping[str, Any]) -> None:
    """Write `CALIBRATION_PLOTS` into a model folder.

    Args:
        folder: that exists.
        calibration: what `synctva.calibration_fitting.calibration_report` gives.
    """
    with written_whole(folder) as unfinished:
        for name, plot in CALIBRATION_PLOTS.items():
            plot(calibration).savefig(unfinished / name)
