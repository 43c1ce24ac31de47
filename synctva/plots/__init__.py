"""Pictures as matplotlib figures, to save with `figure.savefig("picture.png")`.

Built without pyplot: no global state, no display.
"""

from __future__ import annotations

from .conversation import plot_scores, plot_timeline
from .explanation import plot_attention, plot_shapley
from .results import (
    CALIBRATION_PICTURES,
    plot_confusion_matrix,
    plot_coverage_risk,
    plot_reliability,
    write_calibration_pictures,
)

__all__ = [
    "CALIBRATION_PICTURES",
    "plot_attention",
    "plot_confusion_matrix",
    "plot_coverage_risk",
    "plot_reliability",
    "plot_scores",
    "plot_shapley",
    "plot_timeline",
    "write_calibration_pictures",
]
