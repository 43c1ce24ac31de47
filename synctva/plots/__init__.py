"""Plots as matplotlib figures, to save with `figure.savefig("plot.png")`.

They do not use pyplot, so they need no display and leave no global state.
"""

from __future__ import annotations

from .conversation import plot_scores, plot_timeline
from .explanation import plot_attention, plot_shapley
from .learning_curve import plot_learning_curve
from .results import (
    CALIBRATION_PLOTS,
    plot_calibration,
    plot_confusion_matrix,
    plot_coverage_risk,
    write_calibration_plots,
)

__all__ = [
    "CALIBRATION_PLOTS",
    "plot_attention",
    "plot_calibration",
    "plot_confusion_matrix",
    "plot_coverage_risk",
    "plot_learning_curve",
    "plot_scores",
    "plot_shapley",
    "plot_timeline",
    "write_calibration_plots",
]
