"""Fit the calibration, a temperature and thresholds of prediction sets, and measure it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.model_selection import GroupKFold
from transformers.utils import logging

from synctva.metrics.confidence import (
    brier_score,
    calibration_bins,
    coverage_risk,
    expected_calibration_error,
    set_coverage,
)
from synctva.modeling_synctva.calibration import prediction_sets, warn_of_renamed_labels
from synctva.modeling_synctva.configuration_synctva import CONFORMAL_LEVELS, SyncTVAConfig

logger = logging.get_logger(__name__)

SPREAD = 1.0
"""Standard deviation of log T before dev is seen: T is expected between 0.14 and 7 (95%).

Without a prior, the likeliest T for answers that are nearly all right is nearly 0, and every score
nearly 1. Such a weakly informative prior is the remedy for that separation in logistic regression
(Gelman et al. 2008); a temperature is a logistic regression with one coefficient, 1 / T.
"""

LEAST_ERRORS = 10
"""Wrong answers on dev without which no calibration is fitted: ten events for each coefficient of a
logistic regression (Peduzzi et al. 1996)."""

LEAST_CONVERSATIONS = 10
"""Conversations on dev without which no calibration is fitted: with fewer than nine, the prediction
sets for 90% contain every label, see `fit_thresholds`."""

FOLDS = 10
"""Parts of dev, on each of which the temperature of all the others is judged."""

DECIMALS = 5
"""Decimals to which thresholds are rounded up, coarser than single-precision errors."""

COVERAGES = (0.8, 0.9, 0.95)
"""Coverages at which the prediction sets are measured."""


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Fit the temperature that makes the true labels likeliest (Guo et al. 2017).

    It maximises their likelihood times a log-normal prior around 1, see `SPREAD`, within two
    standard deviations of that prior.

    There is one temperature for all classes, so that no answer changes. One per class, evaluated on
    held-out conversations, was worse on the dev splits of IEMOCAP and the simulator. On MELD's it
    was better, because it undid the class weights of the loss, but then fewer prediction sets
    contained the rare emotions.

    Args:
        logits: (K, C).
        labels: (K,) true classes.
    """
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    rows = np.arange(len(true))

    def loss(log_temperature: float) -> float:
        nll = -log_softmax(values / np.exp(log_temperature), axis=-1)[rows, true].sum()
        return nll + 0.5 * (log_temperature / SPREAD) ** 2

    bounds = (-2 * SPREAD, 2 * SPREAD)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def held_out_nll(
    logits: ArrayLike, labels: ArrayLike, conversations: ArrayLike
) -> dict[str, float]:
    """Measure what a temperature is worth to conversations that it was not fitted on.

    Each of `FOLDS` parts of the conversations is judged with the temperature of the others.

    Args:
        logits: (K, C).
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance, at least `FOLDS` different ones.

    Returns:
        `before`, `after`: mean negative log-likelihood of the true labels in nats, without a
        temperature and with it.
    """
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    scaled = np.empty_like(values)
    for others, part in GroupKFold(FOLDS).split(values, groups=conversations):
        scaled[part] = values[part] / fit_temperature(values[others], true[others])
    return {"before": _nll(values, true), "after": _nll(scaled, true)}


def _nll(logits: NDArray, labels: NDArray) -> float:
    return float(-log_softmax(logits, axis=-1)[np.arange(len(labels)), labels].mean())


def fit_thresholds(scores: ArrayLike, conversations: ArrayLike) -> list[float]:
    """Fit thresholds of prediction sets that contain the true label in at least 1%, ..., 99%.

    Split conformal prediction requires exchangeable utterances. Those of different conversations
    are not, but conversations are. So each of the K conversations has the weight 1 / (K + 1), which
    its utterances share, and the new conversation has the remaining weight, at infinity. A
    threshold is a quantile of that distribution (hierarchical conformal prediction: Lee, Barber and
    Willett, arXiv 2306.06342). If the conversations of dev and a new one are exchangeable, an
    utterance drawn from the new one is covered with at least that probability, on average over such
    draws. Beyond K / (K + 1) the sets contain every label. The guarantee ignores that the model was
    selected and the temperature fitted on dev too: coverage has to be measured on test.

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
    index = np.searchsorted(mass, levels - 1e-9)  # the first to reach each level
    scale = 10**DECIMALS
    # Probabilities are at least 0, so that 1 serves as infinity.
    thresholds = np.ceil(np.append(values[order], 1.0)[index] * scale) / scale
    return np.minimum(thresholds, 1.0).tolist()


class TooLittleToCalibrateError(ValueError):
    """A data set has too few errors or conversations to calibrate on."""


def calibrate(
    config: SyncTVAConfig, logits: ArrayLike, labels: ArrayLike, conversations: ArrayLike
) -> dict[str, float]:
    """Fit temperature and thresholds and store them in the config.

    A temperature that does not lower the `held_out_nll` is not used: it stays 1, which is logged.
    The thresholds are fitted all the same. With few errors the temperature would be that of the
    prior, and with few conversations the sets would contain every label: then the config is not
    changed.

    Args:
        config: of the model that gave the logits.
        logits: (K, C) of the labelled utterances of dev.
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance.

    Returns:
        The `held_out_nll` that decided.

    Raises:
        TooLittleToCalibrateError: there are fewer than `LEAST_ERRORS` wrong answers or
            `LEAST_CONVERSATIONS` labelled conversations.
    """
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    errors, number = int((values.argmax(-1) != true).sum()), len(np.unique(conversations))
    if errors < LEAST_ERRORS or number < LEAST_CONVERSATIONS:
        raise TooLittleToCalibrateError(
            f"errors = {errors} in {len(true)} labelled utterances, conversations = {number}: "
            f"expected at least {LEAST_ERRORS} errors and {LEAST_CONVERSATIONS} conversations to "
            "calibrate on"
        )
    temperature, held_out = fit_temperature(values, true), held_out_nll(values, true, conversations)
    if not helps(held_out):
        logger.warning(f"The scores are not calibrated: {why_not_calibrated(held_out)}")
        temperature = 1.0
    config.calibration_temperature = temperature
    probabilities = softmax(values / config.calibration_temperature, axis=-1)  # (K, C)
    scores = 1 - probabilities[np.arange(len(true)), true]
    config.conformal_thresholds = fit_thresholds(scores, conversations)
    config.remember_labels()
    return held_out


def helps(held_out: Mapping[str, float]) -> bool:
    """Return whether a temperature is used; `held_out` is from `held_out_nll`."""
    return held_out["after"] < held_out["before"]


def why_not_calibrated(held_out: Mapping[str, float]) -> str:
    """Return the reason why a temperature is not used; `held_out` is from `held_out_nll`."""
    return (
        "on held-out conversations of dev a temperature does not lower the NLL "
        f"({held_out['before']:.4f} without, {held_out['after']:.4f} with)"
    )


def calibration_report(
    config: SyncTVAConfig, logits: ArrayLike, labels: ArrayLike, conversations: ArrayLike
) -> dict[str, Any]:
    """Measure the calibration of a config on data that it was not fitted on.

    Args:
        config: calibrated.
        logits: (K, C) uncalibrated, of labelled utterances.
        labels: (K,) true classes.
        conversations: (K,) the conversation of each utterance.

    Returns:
        `temperature`; `before` and `after` scaling by it: nll, ece, brier, reliability (see
        `synctva.metrics.confidence`); `abstention`: coverage and risk by `abstain_below`;
        `prediction_sets`: coverage and mean size by requested coverage.

    Raises:
        ValueError: the config is not calibrated.
    """
    if config.conformal_thresholds is None:
        raise ValueError("conformal_thresholds = None: expected a calibrated config")
    warn_of_renamed_labels(config)
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
        "nll": _nll(logits, true),
        "ece": expected_calibration_error(confidence, correct),
        "brier": brier_score(probabilities, true),
        "reliability": calibration_bins(confidence, correct),
    }


__all__ = [
    "LEAST_CONVERSATIONS",
    "LEAST_ERRORS",
    "TooLittleToCalibrateError",
    "calibrate",
    "calibration_report",
    "fit_temperature",
    "fit_thresholds",
    "held_out_nll",
    "helps",
    "why_not_calibrated",
]
