"""Plots of results: confusion matrix, calibration and abstention."""

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
    """Plot a confusion matrix: counts as numbers, shares of the true class as colours.

    Args:
        matrix: (C, C) counts, with a row per true class and a column per predicted class.
        label_names: C names in the order of the classes.
        title: above the plot.

    Returns:
        A figure to save with `figure.savefig("confusion.png")`.

    Raises:
        ValueError: the matrix is not (C, C), or contains a negative or non-finite number.
    """
    counts, num_classes = np.asarray(matrix, dtype=float), len(label_names)
    if counts.shape != (num_classes, num_classes):
        raise ValueError(
            f"matrix.shape = {counts.shape}: expected ({num_classes}, {num_classes}), for "
            f"{num_classes} label_names"
        )
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"matrix = {counts.tolist()}: expected finite counts, 0 or more")
    support = counts.sum(axis=1, keepdims=True)  # (C, 1)
    recall = counts / np.maximum(support, 1)  # 0 for a class without utterances
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
    """Plot the accuracy of the answers by their score, before and after calibration.

    There is one panel if the temperature is 1, which changes nothing. This is the reliability
    diagram of the literature. The area of a point is proportional to the number of answers in its
    bin.

    Args:
        calibration: from `synctva.calibration_fitting.calibration_report`.
    """
    whens = ("before", "after") if calibration["temperature"] != 1 else ("before",)
    figure = Figure(figsize=(3.5 * len(whens), 3.8), layout="constrained")
    panels = figure.subplots(1, len(whens), sharey=True, squeeze=False)[0]
    for axes, when in zip(panels, whens, strict=True):
        scores = calibration[when]
        bins = scores["reliability"]
        rows = [
            row
            for row in zip(bins["confidence"], bins["accuracy"], bins["n"], strict=True)
            if row[2]
        ]
        confidence, accuracy, counts = np.array(rows).T
        axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
        axes.scatter(confidence, accuracy, s=600 * counts / counts.sum(), clip_on=False)
        axes.plot(confidence, accuracy, linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", aspect="equal")
        title = f"{when} calibration" if len(whens) > 1 else "not calibrated"
        axes.set_title(f"{title}: ECE {scores['ece']:.3f}")
    panels[0].set_ylabel("accuracy")
    return figure


def plot_coverage_risk(calibration: Mapping[str, Any]) -> Figure:
    """Plot the share of wrong answers by the share of utterances answered.

    Numbers beside the curve are values of `abstain_below`.

    Args:
        calibration: from `synctva.calibration_fitting.calibration_report`.
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
    axes.set(xlim=(0, 1.02), xlabel="share answered (numbers: abstain_below)")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("share of wrong answers")
    return figure


CALIBRATION_PLOTS = {
    "calibration.png": plot_calibration,
    "coverage_risk.png": plot_coverage_risk,
}
"""Plots of a calibrated model, which its card shows."""


def write_calibration_plots(folder: str | os.PathLike, calibration: Mapping[str, Any]) -> None:
    """Write `CALIBRATION_PLOTS` into a model folder.

    Args:
        folder: of the model.
        calibration: from `synctva.calibration_fitting.calibration_report`.
    """
    with written_whole(folder) as unfinished:
        for name, plot in CALIBRATION_PLOTS.items():
            plot(calibration).savefig(unfinished / name)
