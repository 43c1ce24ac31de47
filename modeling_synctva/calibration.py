"""Calibrated probabilities, and sets of labels that hold the true one as often as asked.

What a checkpoint's config holds is applied here; `synctva/calibration_fitting.py` fits it on dev.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from .configuration_synctva import CONFORMAL_LEVELS


def calibrated_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / temperature), Guo et al. 2017; the order of the labels stays. (..., C)"""
    return (logits.float() / temperature).softmax(-1)


def prediction_sets(probabilities: Tensor, coverage: float, thresholds: Sequence[float]) -> Tensor:
    """The labels that are likely enough for the true one to be among them.

    A label belongs to the set if 1 - p(label) is at most the threshold of the coverage (least
    ambiguous sets: Sadinle, Lei and Wasserman, 2019); the likeliest always does.

    Args:
        probabilities: (..., C), calibrated.
        coverage: in (0, 1); rounded up to the next whole percent, and above 99% every label
            belongs.
        thresholds: `CONFORMAL_LEVELS` of them, see `SyncTVAConfig.conformal_thresholds`.

    Returns:
        (..., C) bool.
    """
    level = max(math.ceil(round(coverage * 100, 6)), 1)  # 0.07 * 100 is a little more than 7
    threshold = thresholds[level - 1] if level <= CONFORMAL_LEVELS else 1.0
    likeliest = probabilities >= probabilities.amax(-1, keepdim=True)
    return (1 - probabilities <= threshold) | likeliest


__all__ = ["calibrated_probabilities", "prediction_sets"]
