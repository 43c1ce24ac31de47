"""The learning curve of a training as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Colours that are distinct to every kind of colour vision: Okabe and Ito, 2008.
BLUE, VERMILLION = "#0072B2", "#D55E00"


def plot_learning_curve(curve: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot the losses of training and dev, and the scores on dev, by epoch.

    A grey line marks the epoch whose weights were kept.

    Args:
        curve: from `synctva.trainer.learning_curve.learning_curve`, at least one evaluation.
    """
    figure = Figure(figsize=(7, 3), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    _draw(losses, curve, {"loss": "training", "dev_loss": "dev"})
    _draw(scores, curve, {"weighted_f1": "weighted F1", "macro_f1": "macro F1"})
    losses.set_title("loss", loc="left", fontsize="medium")
    scores.set_title("scores on dev", loc="left", fontsize="medium")
    scores.set_ylim(0, 1)
    return figure


def _draw(axes: Axes, curve: Sequence[Mapping[str, Any]], lines: Mapping[str, str]) -> None:
    for kept in (point["epoch"] for point in curve if point["best"]):
        axes.axvline(kept, color="0.8", linewidth=4, zorder=0)
    for (key, title), color in zip(lines.items(), (BLUE, VERMILLION), strict=True):
        known = [(point["epoch"], point[key]) for point in curve if point[key] is not None]
        if known:
            axes.plot(*zip(*known, strict=True), "o-", markersize=3, color=color, label=title)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.set_xlabel("epoch")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


__all__ = ["plot_learning_curve"]
