"""Calibrated probabilities and conformal prediction sets.

This module applies the temperature and the thresholds that a checkpoint's config holds.
`synctva/calibration_fitting.py` fits them on dev.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from .configuration_synctva import CONFORMAL_LEVELS


def calibrated_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Return softmax(logits / temperature), which keeps the order of the labels. (..., C)

    Source: Guo et al., 2017.
    """
    return (logits.float() / temperature).softmax(-1)


def prediction_sets(probabilities: Tensor, coverage: float, thresholds: Sequence[float]) -> Tensor:
    """Return the set of labels that contains the true one with the requested coverage.

    A label belongs to the set if 1 - p(label) does not exceed the threshold for that coverage
    (least ambiguous sets: Sadinle, Lei and Wasserman, 2019). The likeliest label always belongs.

    Args:
        probabilities: (..., C), calibrated.
        coverage: in (0, 1), rounded up to the next whole percent. Above 99% every label belongs.
        thresholds: `CONFORMAL_LEVELS` numbers, see `SyncTVAConfig.conformal_thresholds`.

    Returns:
        (..., C) bool, True for the labels in the set.
    """
    level = max(math.ceil(round(coverage * 100, 6)), 1)  # 0.07 * 100 is slightly above 7
    threshold = thresholds[level - 1] if level <= CONFORMAL_LEVELS else 1.0
    likeliest = probabilities >= probabilities.amax(-1, keepdim=True)
    return (1 - probabilities <= threshold) | likeliest


__all__ = ["calibrated_probabilities", "prediction_sets"]
