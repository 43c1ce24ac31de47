"""Calibration: a temperature and the thresholds of prediction sets, fitted on dev, seen on test."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from synctva.metrics.confidence import (
    brier_score,
    coverage_risk,
    expected_calibration_error,
    reliability,
    set_coverage,
)
from synctva.modeling_synctva.calibration import prediction_sets
from synctva.modeling_synctva.configuration_synctva import CONFORMAL_LEVELS, SyncTVAConfig

TEMPERATURES = (0.05, 20.0)
"""Bounds of the temperature, which stays finite where dev has no error, or nothing but errors."""

DECIMALS = 5
"""Of a threshold, rounded up: more than single precision can change a probability by."""

COVERAGES = (0.8, 0.9, 0.95)
"""Of the prediction sets that are measured."""


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature that gives the true labels the highest likelihood (Guo et al. 2017).

    One for all classes, so that no answer changes. One for each, held out by conversations, was
    worse on IEMOCAP's dev and the simulator's; on MELD's it was better, by undoing the class
    weights of the loss, and then fewer of the prediction sets held the rare emotions.

    Args:
        logits: (K, C).
        labels: (K,) true classes.
    """
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    rows = np.arange(len(true))

    def nll(log_temperature: float) -> float:
        return -log_softmax(values / np.exp(log_temperature), axis=-1)[rows, true].mean()

    # Convex in 1 / T, so it has one minimum in log T too.
    return float(np.exp(minimize_scalar(nll, bounds=np.log(TEMPERATURES), method="bounded").x))


def fit_thresholds(scores: ArrayLike, conversations: ArrayLike) -> list[float]:
    """Thresholds of prediction sets that hold the true label in at least 1%, ..., 99% of cases.

    Utterances of one conversation are not exchangeable with those of another, which split conformal
    prediction would need; conversations are. So each of the K conversations has the weight
    1 / (K + 1), shared by its utterances, the new one has the last, at infinity, and a threshold is
    a quantile of that distribution (hierarchical conformal prediction: Lee, Barber and Willett,
    arXiv 2306.06342). If the conversations of dev and a new one are exchangeable, an utterance
    drawn from the new one is covered with at least that probability, on average over such draws.
    Beyond K / (K + 1) every label belongs. That the model was selected on dev, and the temperature
    fitted there, the guarantee does not allow for: coverage has to be measured on test.

    Args:
        scores: (K,) 1 - probability of the true label.
        conversations: (K,) the conversation of each utterance.

    Returns:
        `CONFORMAL_LEVELS` thresholds in [0, 1], ascending.
    """
    values = np.asarray(scores, dtype=np.float64)
    _, inverse, lengths = np.unique(conversations, return_inverse=True, return_counts=True)
    order = values.argsort()
    weights = 1 / ((len(lengths) + 1) * lengths[inverse])  # (K,)
    mass = weights[order].cumsum()
    levels = np.arange(1, CONFORMAL_LEVELS + 1) / (CONFORMAL_LEVELS + 1)
    index = np.searchsorted(mass, levels - 1e-9)  # the first with at least the level's mass
    scale = 10**DECIMALS
    # No probability is below 0, so 1 stands for infinity.
    thresholds = np.ceil(np.append(values[order], 1.0)[index] * scale) / scale
    return np.minimum(thresholds, 1.0).tolist()


def calibrate(
    config: SyncTVAConfig, logits: ArrayLike, labels: ArrayLike, conversations: ArrayLike
) -> None:
    """Fit temperature and thresholds, and store them in the config.

    Args:
        config: of the model that gave the logits.
        logits: (K, C) of the labelled utterances of dev.
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance.

    Raises:
        ValueError: there is no labelled utterance.
    """
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if not len(true):
        raise ValueError("no labelled utterance to calibrate on: expected at least one")
    config.calibration_temperature = fit_temperature(values, true)
    probabilities = softmax(values / config.calibration_temperature, axis=-1)  # (K, C)
    scores = 1 - probabilities[np.arange(len(true)), true]
    config.conformal_thresholds = fit_thresholds(scores, conversations)


def calibration_report(
    config: SyncTVAConfig, logits: ArrayLike, labels: ArrayLike, conversations: ArrayLike
) -> dict[str, Any]:
    """What the calibration in a config is worth on data that it was not fitted on.

    Args:
        config: calibrated.
        logits: (K, C) uncalibrated, of labelled utterances.
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance.

    Returns:
        temperature; `before` and `after` it: nll, ece, brier, reliability (see
        `synctva.metrics.confidence`); `abstention`: coverage and risk by `abstain_below`;
        `prediction_sets`: by the coverage asked for, the coverage had and the mean size.

    Raises:
        ValueError: the config is not calibrated.
    """
    if config.conformal_thresholds is None:
        raise ValueError("conformal_thresholds = None: expected a calibrated config")
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    temperature = config.calibration_temperature
    probabilities = softmax(values / temperature, axis=-1)
    confidence, correct = probabilities.max(-1), probabilities.argmax(-1) == true
    sets = {}
    for coverage in COVERAGES:
        members = prediction_sets(
            torch.from_numpy(probabilities), coverage, config.conformal_thresholds
        )
        sets[str(coverage)] = set_coverage(members.numpy(), true, np.asarray(conversations))
    return {
        "temperature": temperature,
        "before": _scores(values, true),
        "after": _scores(values / temperature, true),
        "abstention": coverage_risk(confidence, correct),
        "prediction_sets": sets,
    }


def _scores(logits: NDArray, true: NDArray) -> dict[str, Any]:
    log_probabilities = log_softmax(logits, axis=-1)
    probabilities = np.exp(log_probabilities)
    confidence, correct = probabilities.max(-1), probabilities.argmax(-1) == true
    return {
        "nll": float(-log_probabilities[np.arange(len(true)), true].mean()),
        "ece": expected_calibration_error(confidence, correct),
        "brier": brier_score(probabilities, true),
        "reliability": reliability(confidence, correct),
    }


__all__ = [
    "calibrate",
    "calibration_report",
    "fit_temperature",
    "fit_thresholds",
]
