"""Calibrated probabilities and conformal prediction sets.

This module applies the temperature and the thresholds that a checkpoint's config holds.
`synctva/calibration_fitting.py` fits them on dev.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers.utils import logging

from .configuration_synctva import CONFORMAL_LEVELS, SyncTVAConfig

logger = logging.get_logger(__name__)


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


def warn_of_renamed_labels(config: SyncTVAConfig) -> None:
    """Say once that labels have other names than those that a calibration was fitted for."""
    if config.is_calibrated and config._saved and config._saved[0] != config.label_names:
        logger.warning_once(
            f"id2label = {config.label_names}: temperature and prediction sets were fitted for "
            f"{config._saved[0]}, and now stand for the names in the same places: expected other "
            "words for the same emotions. Otherwise calibrate again, or call "
            "config.drop_calibration()"
        )


def drop_calibration_to_train(config: SyncTVAConfig) -> None:
    """Drop the calibration of a model that is going to be trained, and say so if it has one."""
    if config.is_calibrated:
        config.drop_calibration()
        logger.warning(
            "Training changes the weights that temperature and prediction sets were fitted for: "
            "both are dropped. Calibrate again after training, with SyncTVATrainer.calibrate or "
            "`synctva calibrate`"
        )


INFORMATIVE_FROM = 0.05
"""Distance from the base rates, in nats, from which an answer says something. Below it, answers of
the shipped model on MELD's dev are right as often as the most frequent label is (only voice: 44%,
only text: 43%, "neutral": 42%); docs/robustness.md has the numbers."""


def distance_from_base_rates(probabilities: Tensor, base_rates: Tensor) -> Tensor:
    """Return how far answers are from what one knows before the utterance. (..., C) → (...)

    It is the least Kullback-Leibler divergence, in nats, of the probabilities from π^b / Σ π^b for
    b = 0, 0.1, ..., 1: the base rates π, equal shares, and what lies between. A model trained with
    class weights that has seen nothing answers somewhere on this path.

    Args:
        probabilities: (..., C), calibrated.
        base_rates: (C,) above 0, of the training set; equal if they are not known.
    """
    steps = torch.linspace(0, 1, 11, device=base_rates.device)
    rates = base_rates.to(probabilities.dtype)
    path = (steps[:, None].to(rates) * rates.log()).log_softmax(-1)  # (11, C)
    negative_entropy = torch.special.xlogy(probabilities, probabilities).sum(-1, keepdim=True)
    return (negative_entropy - probabilities @ path.T).amin(-1)


__all__ = [
    "INFORMATIVE_FROM",
    "calibrated_probabilities",
    "distance_from_base_rates",
    "drop_calibration_to_train",
    "prediction_sets",
    "warn_of_renamed_labels",
]
