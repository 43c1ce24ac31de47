"""The pictures of a model card, which lie beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synctva.cards.example import EXAMPLE_PLOTS, CardExample, write_example_plots
from synctva.files import written_whole
from synctva.plots import CALIBRATION_PLOTS, plot_learning_curve, write_calibration_plots

LEARNING_CURVE = "learning_curve.png"


def write_card_plots(
    folder: str | os.PathLike, results: Mapping[str, Any], example: CardExample | None
) -> None:
    """Write the pictures that a card shows into a model folder, and remove those of an older one.

    Args:
        folder: of the model.
        results: content of `results.json`.
        example: the model's answers, see `run_example`.
    """
    for name in (*EXAMPLE_PLOTS, *CALIBRATION_PLOTS, LEARNING_CURVE):
        (Path(folder) / name).unlink(missing_ok=True)
    if example is not None:
        write_example_plots(folder, example)
    if "calibration" in results:
        write_calibration_plots(folder, results["calibration"])
    if results.get("learning_curve"):
        with written_whole(folder) as unfinished:
            figure = plot_learning_curve(results["learning_curve"])
            figure.savefig(unfinished / LEARNING_CURVE, dpi=80)


__all__ = ["LEARNING_CURVE", "write_card_plots"]
