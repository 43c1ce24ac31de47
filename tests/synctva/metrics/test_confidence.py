"""Calibration error, abstention and prediction sets, on cases that can be counted by hand."""

import json

import numpy as np
import pytest
from scipy.special import log_softmax

from synctva.metrics import compute
from synctva.metrics.confidence import (
    brier_score,
    calibration_bins,
    coverage_risk,
    expected_calibration_error,
    says_nothing,
    set_coverage,
)

NAMES = ["calm", "glad", "cross"]


def test_calibration_error_uses_fifteen_bins(answers):
    logits, labels = answers
    probabilities = np.exp(log_softmax(logits, axis=1))
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    expected = 0.0
    for lower in np.arange(15) / 15:
        inside = (confidence > lower) & (confidence <= lower + 1 / 15)
        if inside.any():
            expected += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert compute(logits, labels, NAMES)["ece"] == pytest.approx(expected)


def test_every_answer_is_in_a_calibration_bin(answers):
    logits, labels = answers
    probabilities = np.exp(log_softmax(logits, axis=1))
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    bins = calibration_bins(confidence, correct)
    assert sum(bins["n"]) == 300
    assert bins["n"][:5] == [0] * 5  # the likeliest of three has at least 1/3
    assert bins["accuracy"][0] is None and bins["confidence"][0] is None
    filled = [b for b in range(15) if bins["n"][b]]
    for b in filled:
        assert b / 15 < bins["confidence"][b] <= (b + 1) / 15
    right = sum(bins["n"][b] * bins["accuracy"][b] for b in filled)
    assert right == pytest.approx(correct.sum())
    assert json.loads(json.dumps(bins)) == bins
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


def test_brier_score_of_cases_counted_by_hand():
    probabilities = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.3, 0.2]])
    assert brier_score(probabilities[:1], np.array([0])) == 0
    assert brier_score(probabilities[1:2], np.array([0])) == 2
    assert brier_score(probabilities[2:], np.array([1])) == pytest.approx(0.25 + 0.49 + 0.04)


def test_coverage_and_risk_of_abstaining(answers):
    logits, labels = answers
    probabilities = np.exp(log_softmax(logits, axis=1))
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    curve = coverage_risk(confidence, correct)
    for limit, coverage, risk in zip(
        curve["abstain_below"], curve["coverage"], curve["risk"], strict=True
    ):
        answered = confidence >= limit
        assert coverage == answered.mean()
        assert risk == pytest.approx(1 - correct[answered].mean())
    assert curve["coverage"] == pytest.approx(np.arange(20, 0, -1) / 20)
    assert curve["risk"][0] == pytest.approx(1 - correct.mean())
    assert curve["area"] < curve["risk"][0]  # confident answers are correct more often
    # If all scores are equal, no answer can be withheld.
    equal = coverage_risk(np.full(10, 0.5), np.arange(10) < 7)
    assert equal["coverage"] == [1.0] * 20
    assert equal["risk"] == pytest.approx([0.3] * 20)


def test_coverage_of_sets_by_utterance_conversation_and_class():
    members = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 0]], dtype=bool)
    answer = set_coverage(members, np.array([0, 1, 1, 1]), np.array([7, 7, 7, 9]))
    assert answer == pytest.approx(
        {
            "coverage": 3 / 4,
            "coverage_by_conversation": (1 + 0) / 2,
            "coverage_of_worst_class": 2 / 3,
            "mean_size": 7 / 4,
            "labels": 3,
            "blind_size": 1.0,  # the frequent class by itself covers as much
        }
    )


@pytest.mark.parametrize(
    ("shares", "coverage", "size"),
    [
        ((50, 30, 20), 0.5, 1.0),
        ((20, 50, 30), 0.8, 2.0),
        ((50, 30, 20), 0.9, 2.5),  # the rarest in half of the sets
        ((50, 30, 20), 1.0, 3.0),
        ((25, 25, 25, 25), 0.9, 3.6),
        ((90, 0, 10), 1.0, 2.0),  # a class that does not occur is needed for nothing
        ((90, 10), 0.45, 0.5),
    ],
)
def test_sets_are_compared_with_those_of_the_most_frequent_classes(shares, coverage, size):
    labels = np.repeat(np.arange(len(shares)), shares)
    members = np.zeros((100, len(shares)), dtype=bool)
    members[np.arange(100), labels] = np.arange(100) < round(100 * coverage)
    found = set_coverage(members, labels, np.arange(100))
    assert found["blind_size"] == pytest.approx(size)
    assert not says_nothing(found)
    # The same coverage, with every other label in every set as well.
    members |= np.eye(len(shares), dtype=bool)[labels] == 0
    assert says_nothing(set_coverage(members, labels, np.arange(100)))


def test_sets_of_an_older_version_are_not_judged():
    assert not says_nothing({"mean_size": 3.0})
