"""Scores compared with scikit-learn, and on cases that can be counted by hand."""

import json
import time

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import balanced_accuracy_score, f1_score

from synctva.metrics import compute, confusion_matrix, log_scores
from synctva.modeling_synctva.objective import IGNORE_INDEX

NAMES = ["calm", "glad", "cross"]


def test_a_case_counted_by_hand():
    logits = np.log([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])
    scores = compute(logits, [0, 1, 1, 2], NAMES)
    assert list(scores) == [
        "n", "accuracy", "uar", "weighted_f1", "macro_f1", "per_class_f1", "support", "nll", "ece",
        "confusion_matrix",
    ]  # fmt: skip
    assert scores["n"] == 4
    assert scores["accuracy"] == 0.75
    assert scores["per_class_f1"] == pytest.approx({"calm": 2 / 3, "glad": 2 / 3, "cross": 1.0})
    assert scores["macro_f1"] == pytest.approx(7 / 9)
    assert scores["uar"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert scores["support"] == {"calm": 1, "glad": 2, "cross": 1}
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
    predicted = logits.argmax(1)
    assert scores["weighted_f1"] == f1_score(labels, predicted, average="weighted")
    assert scores["macro_f1"] == f1_score(labels, predicted, average="macro")
    assert scores["uar"] == balanced_accuracy_score(labels, predicted)
    assert json.loads(json.dumps(scores)) == scores
    assert all(type(scores[k]) is float for k in ("accuracy", "uar", "macro_f1", "nll", "ece"))


@pytest.mark.parametrize("absent", range(3))
def test_a_class_without_support_is_left_out_of_the_means(absent):
    """As if the class were unknown, if no answer names it."""
    present = [c for c in range(3) if c != absent]
    rng = np.random.default_rng(absent)
    logits, labels = rng.normal(size=(40, 2)), rng.integers(2, size=40)
    padded = np.full((40, 3), -50.0)
    padded[:, present] = logits
    scores = compute(padded, np.array(present)[labels], NAMES)
    without = compute(logits, labels, [NAMES[c] for c in present])
    for key in ("accuracy", "uar", "weighted_f1", "macro_f1", "ece"):
        assert scores[key] == pytest.approx(without[key]), key
    assert scores["per_class_f1"] == without["per_class_f1"] | {NAMES[absent]: None}
    assert scores["support"] == without["support"] | {NAMES[absent]: 0}
    assert json.loads(json.dumps(scores)) == scores


def test_an_answer_with_a_class_without_support_costs_the_true_class():
    logits = np.eye(3)[[0, 0, 2, 1]]
    scores = compute(logits, [0, 0, 0, 1], NAMES)
    assert scores["per_class_f1"] == pytest.approx({"calm": 0.8, "glad": 1.0, "cross": None})
    assert scores["macro_f1"] == pytest.approx(0.9)
    assert scores["uar"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["confusion_matrix"] == [[2, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_the_log_of_a_trainer_has_numbers_only():
    logged = log_scores(np.eye(3)[[[0, 1, 2]]], np.array([[0, 1, IGNORE_INDEX]]), NAMES)
    assert all(isinstance(value, (int, float)) for value in logged.values())
    assert logged["uar"] == logged["f1_calm"] == logged["f1_glad"] == 1.0
    assert "f1_cross" not in logged
    assert log_scores(np.zeros((1, 2, 3)), np.full((1, 2), IGNORE_INDEX), NAMES) == {}


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
