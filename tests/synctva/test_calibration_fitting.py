"""Temperature and prediction sets against their definitions, and measured coverage."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from transformers.utils import logging as transformers_logging

from synctva.calibration_fitting import (
    TooLittleToCalibrateError,
    calibrate,
    calibration_report,
    fit_temperature,
    fit_thresholds,
    held_out_nll,
)
from synctva.metrics import compute
from synctva.modeling_synctva.calibration import prediction_sets
from tests.support.toy import LABELS, toy_config


def conversations(count, seed, *, spread=1.0, sharpness=1.0):
    """Draw logits, labels and conversations of utterances; some conversations are harder.

    Labels are drawn from softmax(logits / sharpness), so the right temperature is `sharpness`.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, count)
    ids = np.repeat(np.arange(count), lengths)
    ease = np.exp(spread * rng.normal(size=count))[ids]
    logits = rng.normal(size=(len(ids), 3)) * ease[:, None]
    labels = (log_softmax(logits, axis=-1) + rng.gumbel(size=logits.shape)).argmax(-1)
    return logits * sharpness, labels, ids


def nll(logits, labels):
    return -log_softmax(logits, axis=-1)[np.arange(len(labels)), labels].mean()


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_a_scale_of_the_logits(sharpness):
    logits, labels, _ = conversations(300, 0, sharpness=sharpness)
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(sharpness, rel=0.1)
    # As much as thousands of utterances overrule the prior around 1.
    assert fit_temperature(logits * 1.5, labels) == pytest.approx(1.5 * temperature, rel=2e-3)
    # No other temperature has a higher likelihood.
    for other in (0.98, 1.02):
        assert nll(logits / temperature, labels) < nll(logits / temperature / other, labels)


def test_the_temperature_maximises_the_posterior():
    logits, labels, _ = conversations(5, 0, sharpness=3.0)
    grid = np.linspace(-2, 2, 4001)  # log T
    loss = [nll(logits / np.exp(t), labels) * len(labels) + t**2 / 2 for t in grid]
    assert np.log(fit_temperature(logits, labels)) == pytest.approx(grid[np.argmin(loss)], abs=2e-3)


@pytest.mark.parametrize("count", [30, 300, 30_000])
def test_the_temperature_cannot_run_away(count):
    """Whether all answers on dev are right, or all wrong, and however many there are."""
    labels = np.arange(count) % 3
    logits = np.eye(3)[labels] * 5
    right, wrong = fit_temperature(logits, labels), fit_temperature(logits, (labels + 1) % 3)
    assert np.exp(-2) <= right < 1 < wrong <= np.exp(2)
    if count == 30:  # the prior holds it back further
        assert right > 0.5


def test_thresholds_of_conversations_of_one_utterance_are_those_of_split_conformal():
    scores = np.random.default_rng(0).random(150)
    thresholds = fit_thresholds(scores, np.arange(150))
    for level in (1, 50, 80, 90, 99):
        rank = int(np.ceil((150 + 1) * level / 100 - 1e-9))  # the (n + 1)(1 - alpha)-th smallest
        expected = np.sort(scores)[rank - 1]
        assert expected <= thresholds[level - 1] <= expected + 1e-5
    assert len(thresholds) == 99
    assert thresholds == sorted(thresholds)


def test_a_conversation_counts_once_however_long():
    scores = np.concatenate([np.full(1000, 0.9), [0.1, 0.2, 0.3]])
    ids = np.concatenate([np.zeros(1000, dtype=int), [1, 2, 3]])
    thresholds = fit_thresholds(scores, ids)
    shuffled = np.random.default_rng(0).permutation(len(ids))
    assert fit_thresholds(scores[shuffled], ids[shuffled]) == thresholds
    # Four conversations and the new one: a fifth each, in the order of the scores.
    assert [thresholds[level - 1] for level in (20, 40, 60, 80)] == [0.1, 0.2, 0.3, 0.9]
    assert thresholds[81 - 1] == 1.0  # beyond 4 / 5 every label belongs


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_coverage_on_new_conversations_is_the_requested_one(coverage):
    """Over 200 draws of 40 conversations for calibration; the guarantee's bounds."""
    covered = []
    for seed in range(200):
        logits, labels, ids = conversations(40, seed)
        scores = 1 - softmax(logits, axis=-1)[np.arange(len(labels)), labels]
        thresholds = fit_thresholds(scores, ids)
        logits, labels, ids = conversations(40, 1000 + seed)
        sets = prediction_sets(torch.tensor(softmax(logits, axis=-1)), coverage, thresholds)
        held = sets.numpy()[np.arange(len(labels)), labels]
        covered.append((np.bincount(ids, weights=held) / np.bincount(ids)).mean())
    error = np.std(covered) / np.sqrt(len(covered))
    # From above 2 / (K + 1), and what adding the likeliest label and rounding up may add.
    assert coverage - 3 * error <= np.mean(covered) <= coverage + 2 / 41 + 0.01


def test_the_calibration_is_stored_in_the_config_and_lowers_the_nll():
    config = toy_config()
    logits, labels, ids = conversations(120, 0, sharpness=3.0)
    calibrate(config, logits.astype(np.float32), labels, ids)
    assert config.calibration_temperature == pytest.approx(3.0, rel=0.1)
    assert len(config.conformal_thresholds) == 99
    logits, labels, ids = conversations(200, 1, sharpness=3.0)
    report = calibration_report(config, logits, labels, ids)
    before, after = report["before"], report["after"]
    scores = compute(logits, labels, LABELS)
    assert (before["nll"], before["ece"]) == pytest.approx((scores["nll"], scores["ece"]))
    for key in ("nll", "ece", "brier"):
        assert after[key] < before[key]
    assert after["ece"] < 0.05
    for asked, had in report["prediction_sets"].items():
        assert had["coverage_by_conversation"] == pytest.approx(float(asked), abs=0.05)
        assert 1 <= had["mean_size"] <= 3
    accuracy = (logits.argmax(-1) == labels).mean()
    assert report["abstention"]["risk"][0] == pytest.approx(1 - accuracy)


def test_the_held_out_nll_is_that_of_temperatures_of_the_other_conversations():
    logits, labels, ids = conversations(10, 0, sharpness=2.0)  # a part for each conversation
    nlls = np.empty(len(labels))
    for one in range(10):
        temperature = fit_temperature(logits[ids != one], labels[ids != one])
        part = np.flatnonzero(ids == one)
        nlls[part] = [nll(logits[[i]] / temperature, labels[[i]]) for i in part]
    found = held_out_nll(logits, labels, ids)
    assert found["after"] == pytest.approx(nlls.mean())
    assert found["before"] == pytest.approx(nll(logits, labels))


def test_a_temperature_that_does_not_lower_the_held_out_nll_is_not_used(caplog):
    """The scores of these models are right as they are, so that a temperature is noise."""
    unused = 0
    for seed in range(12):
        logits, labels, ids = conversations(12, seed)
        config = toy_config()
        caplog.clear()
        held_out = calibrate(config, logits, labels, ids)
        assert held_out == held_out_nll(logits, labels, ids)
        used = held_out["after"] < held_out["before"]
        unused += not used
        fitted = fit_temperature(logits, labels)
        assert config.calibration_temperature == (fitted if used else 1) != fitted * (not used)
        assert ("The scores are not calibrated: on held-out" in caplog.text) != used
        probabilities = softmax(logits / config.calibration_temperature, axis=-1)
        scores = 1 - probabilities[np.arange(len(labels)), labels]
        assert config.conformal_thresholds == fit_thresholds(scores, ids)
    assert 0 < unused < 12


def test_a_calibration_belongs_to_the_labels_of_its_time(caplog):
    config = toy_config()
    data = conversations(60, 0, sharpness=2.0)
    calibrate(config, *data)
    config.id2label = {0: "glad", 1: "calm", 2: "cross"}
    transformers_logging.warning_once.cache_clear()
    calibration_report(config, *data)
    assert "fitted for ['calm', 'glad', 'cross']" in caplog.text
    caplog.clear()
    calibrate(config, *data)
    calibration_report(config, *data)
    assert "were fitted for" not in caplog.text


def test_an_uncalibrated_config_and_empty_data_are_refused():
    logits, labels, ids = conversations(3, 0)
    with pytest.raises(ValueError, match="conformal_thresholds = None"):
        calibration_report(toy_config(), logits, labels, ids)
    with pytest.raises(TooLittleToCalibrateError, match="errors = 0 in 0 labelled utterances"):
        calibrate(toy_config(), logits[:0], labels[:0], ids[:0])


@pytest.mark.parametrize(
    ("errors", "number", "enough"),
    [(10, 10, True), (9, 10, False), (10, 9, False), (0, 200, False), (150, 1, False)],
)
def test_too_few_errors_or_conversations_leave_the_config_as_it_is(errors, number, enough):
    labels = np.arange(200) % 3
    logits = np.eye(3)[(labels + (np.arange(200) < errors)) % 3] * 2
    config = toy_config(calibration_temperature=1.5)
    if enough:
        calibrate(config, logits, labels, np.arange(200) % number)
        assert config.calibration_temperature != 1.5
        # The smallest number of conversations gives sets for 90% that leave labels out.
        assert config.conformal_thresholds[90 - 1] < 1.0
        return
    message = f"errors = {errors} in 200 labelled utterances, conversations = {number}: expected at"
    with pytest.raises(TooLittleToCalibrateError, match=message):
        calibrate(config, logits, labels, np.arange(200) % number)
    assert (config.calibration_temperature, config.conformal_thresholds) == (1.5, None)
