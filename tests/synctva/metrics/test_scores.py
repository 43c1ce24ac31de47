"""Scores compared with scikit-learn, and on cases that can be counted by hand."""

import json
import time

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import f1_score

from synctva.metrics import compute, confusion_matrix

NAMES = ["calm", "glad", "cross"]


def test_a_case_counted_by_hand():
    logits = np.log([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])
    scores = compute(logits, [0, 1, 1, 2], NAMES)
    assert list(scores) == [
        "n", "accuracy", "weighted_f1", "macro_f1", "per_class_f1", "nll", "ece",
    ]  # fmt: skip
    assert scores["n"] == 4
    assert scores["accuracy"] == 0.75
    assert scores["per_class_f1"] == pytest.approx({"calm": 2 / 3, "glad": 2 / 3, "cross": 1.0})
    assert scores["macro_f1"] == pytest.approx(7 / 9)
    assert scores["weighted_f1"] == pytest.approx((2 / 3 + 2 * 2 / 3 + 1.0) / 4)
    assert scores["nll"] == pytest.approx(-np.log([0.8, 0.3, 0.7, 0.6]).mean())
    # Four bins of one item each: confidence 0.8, 0.5 (wrong), 0.7, 0.6.
    assert scores["ece"] == pytest.approx((0.2 + 0.5 + 0.3 + 0.4) / 4)
    assert confusion_matrix(logits, [0, 1, 1, 2], NAMES).tolist() == [
        [1, 0, 0], [1, 1, 0], [0, 0, 1],
    ]  # fmt: skip


def test_logits_and_log_probabilities_have_the_same_scores_which_are_json(answers):
    logits, labels = answers
    scores = compute(logits, labels, NAMES)
    again = compute(log_softmax(logits, axis=1), labels, NAMES)
    assert again["nll"] == pytest.approx(scores["nll"])
    assert again["weighted_f1"] == scores["weighted_f1"]
    assert scores["weighted_f1"] == f1_score(labels, logits.argmax(1), average="weighted")
    assert json.loads(json.dumps(scores)) == scores
    assert all(type(scores[key]) is float for key in ("accuracy", "macro_f1", "nll", "ece"))


def test_a_class_that_never_occurs_has_an_f1_of_zero():
    scores = compute([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [0, 1], NAMES)
    assert scores["per_class_f1"] == {"calm": 1.0, "glad": 1.0, "cross": 0.0}
    assert scores["weighted_f1"] == 1.0
    assert scores["macro_f1"] == pytest.approx(2 / 3)


def test_single_precision_and_impossible_classes():
    logits = np.array([[0.0, -np.inf, -np.inf], [-1.0, 1.0, -np.inf]], dtype=np.float32)
    assert np.isfinite(compute(logits, [0, 1], NAMES)["nll"])


def test_a_test_set_takes_less_than_a_second_and_no_random_number():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(5000, 7)), rng.integers(7, size=5000)
    state = np.random.get_state()[1].copy()
    start = time.perf_counter()
    compute(logits, labels, list("abcdefg"))
    assert time.perf_counter() - start < 1.0
    assert (np.random.get_state()[1] == state).all()


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((2, 4)), [0, 1], r"logits\.shape = \(2, 4\): expected \(utterances, 3\)"),
        (np.zeros((2, 3)), [0], r"labels\.shape = \(1,\).*expected \(2,\)"),
        (np.zeros((2, 3)), [0.0, 1.0], r"dtype = float64.*integers"),
        (np.zeros((0, 3)), np.zeros(0, dtype=int), "no labelled utterance"),
        (np.zeros((2, 3)), [0, -100], r"labels contain \[-100\].*\[0, 3\)"),
        ([[0.0, np.nan, 0.0]], [0], r"logits\[0\] = .*nan"),
        ([[0.0, 0.0, 0.0], [np.inf, 0.0, 0.0]], [0, 0], r"logits\[1\] = .*1 of 2 rows"),
        ([[-np.inf, -np.inf, -np.inf]], [0], r"logits\[0\].*finite value"),
    ],
)
def test_bad_inputs_are_named(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        compute(logits, labels, NAMES)
