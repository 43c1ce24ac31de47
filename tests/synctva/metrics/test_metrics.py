"""Scores against scikit-learn and against cases small enough to count by hand."""

import itertools
import json
import socket
import time

import evaluate
import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import f1_score

from synctva.metrics import METRIC_PATH, bootstrap_interval, compute, confusion_matrix
from synctva.metrics.bootstrap import holm, paired_bootstrap, weighted_f1
from synctva.metrics.confidence import (
    brier_score,
    coverage_risk,
    expected_calibration_error,
    reliability,
    set_coverage,
)

NAMES = ["calm", "glad", "cross"]


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.choice(3, size=300, p=[0.6, 0.3, 0.1])
    return rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[labels], labels


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the metric opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


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


def test_reliability_bins_hold_every_answer(answers):
    logits, labels = answers
    probabilities = np.exp(log_softmax(logits, axis=1))
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    bins = reliability(confidence, correct)
    assert sum(bins["n"]) == 300
    assert bins["n"][:5] == [0] * 5  # the likeliest of three has at least a third
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
    assert curve["area"] < curve["risk"][0]  # the surer are right more often
    # Where all are equally sure, none can be left out.
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
        }
    )


def test_logits_and_log_probabilities_score_alike_and_json_carries_them(answers):
    logits, labels = answers
    scores = compute(logits, labels, NAMES)
    again = compute(log_softmax(logits, axis=1), labels, NAMES)
    assert again["nll"] == pytest.approx(scores["nll"])
    assert again["weighted_f1"] == scores["weighted_f1"]
    assert scores["weighted_f1"] == f1_score(labels, logits.argmax(1), average="weighted")
    assert json.loads(json.dumps(scores)) == scores
    assert all(type(scores[key]) is float for key in ("accuracy", "macro_f1", "nll", "ece"))


def test_a_class_that_never_occurs_counts_zero():
    scores = compute([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [0, 1], NAMES)
    assert scores["per_class_f1"] == {"calm": 1.0, "glad": 1.0, "cross": 0.0}
    assert scores["weighted_f1"] == 1.0
    assert scores["macro_f1"] == pytest.approx(2 / 3)


def test_single_precision_and_impossible_classes():
    logits = np.array([[0.0, -np.inf, -np.inf], [-1.0, 1.0, -np.inf]], dtype=np.float32)
    assert np.isfinite(compute(logits, [0, 1], NAMES)["nll"])


def test_evaluate_loads_the_module_by_path_offline(answers, no_network, tmp_path):
    logits, labels = answers
    metric = evaluate.load(str(METRIC_PATH), cache_dir=str(tmp_path))
    scores = metric.compute(predictions=logits, references=labels, label_names=NAMES)
    matrix = np.array(scores.pop("confusion_matrix"))
    assert scores == compute(logits, labels, NAMES)
    assert (matrix == confusion_matrix(logits, labels, NAMES)).all()


def test_a_test_set_takes_well_under_a_second_and_draws_no_random_number():
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
        (np.zeros((2, 4)), [0, 1], r"logits of shape \(2, 4\): expected \(items, 3\)"),
        (np.zeros((2, 3)), [0], r"labels of shape \(1,\).*expected \(2,\)"),
        (np.zeros((2, 3)), [0.0, 1.0], r"type float64.*integers"),
        (np.zeros((0, 3)), np.zeros(0, dtype=int), "no labelled item"),
        (np.zeros((2, 3)), [0, -100], r"labels contain \[-100\].*\[0, 3\)"),
        ([[0.0, np.nan, 0.0]], [0], r"logits\[0\] = .*nan"),
        ([[0.0, 0.0, 0.0], [np.inf, 0.0, 0.0]], [0, 0], r"logits\[1\] = .*1 of 2 rows"),
        ([[-np.inf, -np.inf, -np.inf]], [0], r"logits\[0\].*finite value"),
    ],
)
def test_bad_inputs_are_named(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        compute(logits, labels, NAMES)


def test_bootstrap_resamples_whole_conversations(answers):
    logits, labels = answers
    predicted, ids = logits.argmax(1), [f"c{i // 10}" for i in range(300)]
    low, high = bootstrap_interval(predicted, labels, ids, num_resamples=200, seed=3)
    score = f1_score(labels, predicted, average="weighted")
    assert 0 < low < score < high < 1
    assert (low, high) == bootstrap_interval(predicted, labels, ids, num_resamples=200, seed=3)
    assert (low, high) != bootstrap_interval(predicted, labels, ids, num_resamples=200, seed=4)
    # One conversation: every resample is that conversation.
    alone = bootstrap_interval(predicted, labels, ["c"] * 300, num_resamples=20)
    assert alone == pytest.approx((score, score))
    # Copies of a conversation carry no information of their own: the interval must not narrow.
    doubled = bootstrap_interval(
        np.repeat(predicted, 4), np.repeat(labels, 4), np.repeat(ids, 4), num_resamples=200, seed=3
    )
    assert doubled == pytest.approx((low, high))


def test_bootstrap_score_is_scikit_learns(answers):
    logits, labels = answers
    matrix = confusion_matrix(logits, labels, NAMES)
    expected = f1_score(labels, logits.argmax(1), average="weighted")
    assert weighted_f1(matrix) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1], ["a"]), r"shape \(2,\) and conversation_ids length 1"),
        (([0], [0, 1], ["a", "a"]), r"predictions have shape \(1, 1\) and labels \(2,\)"),
        (([], [], []), "at least one"),
        (([0], [0], ["a"], 100, 1.0), "level = 1.0"),
        (([0], [0], ["a"], 0), "num_resamples = 0"),
    ],
)
def test_bootstrap_names_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(*arguments)


def test_bootstrap_interval_of_several_runs_is_of_their_mean(answers):
    logits, labels = answers
    ids, one = np.arange(300) // 10, logits.argmax(1)
    alone = bootstrap_interval(one, labels, ids)
    assert bootstrap_interval([one, one, one], labels, ids) == pytest.approx(alone)
    # Where one run is right and the other wrong changes with the run, their mean varies less.
    rng = np.random.default_rng(0)
    right = rng.random(30)[ids] < 0.5
    runs = [np.where(chosen, labels, (labels + 1) % 3) for chosen in (right, ~right)]
    low, high = bootstrap_interval(runs, labels, ids)
    for run in runs:
        single = bootstrap_interval(run, labels, ids)
        assert single[0] < low < high < single[1]


def enumerated(one, other, labels, ids):
    """Difference and p-value over all equally likely resamples, by scikit-learn."""
    one, other, labels, ids = map(np.asarray, (one, other, labels, ids))
    names = np.unique(ids)

    def difference(chosen):
        rows = np.concatenate([np.flatnonzero(ids == name) for name in chosen])
        scores = [f1_score(labels[rows], p[rows], average="weighted") for p in (one, other)]
        return scores[0] - scores[1]

    observed = difference(names)
    sampled = [
        difference(names[list(c)]) for c in itertools.product(*[range(len(names))] * len(names))
    ]
    far = np.abs(np.array(sampled) - observed) >= abs(observed) - 1e-12
    return observed, far.mean()


def test_paired_bootstrap_is_the_enumeration_of_all_resamples():
    labels, ids = [0, 0, 1, 1, 1, 0, 2, 2], list("aabbccdd")
    one, other = [0, 0, 1, 1, 0, 0, 2, 2], [0, 1, 1, 1, 1, 0, 0, 2]
    observed, share = enumerated(one, other, labels, ids)
    result = paired_bootstrap(one, other, labels, ids, num_resamples=40_000)
    assert 0.1 < share < 0.9
    assert result.difference == pytest.approx(observed)
    assert result.p_value == pytest.approx(share, abs=0.01)
    assert result.low <= observed <= result.high


def test_paired_bootstrap_of_two_conversations_by_hand():
    # Alone in "a" they differ by 1, in "b" not at all: d = 1 - F1 = 1 - (1/2 * 0 + 1/2 * 2/3), and
    # d* is 1, d or 0 with probabilities 1/4, 1/2, 1/4; |d* - d| >= |d| for d* = 0 alone.
    result = paired_bootstrap([0, 1], [1, 1], [0, 1], ["a", "b"], num_resamples=40_000)
    assert result.difference == pytest.approx(2 / 3)
    assert result.p_value == pytest.approx(1 / 4, abs=0.01)
    assert (result.low, result.high) == pytest.approx((0.0, 1.0))


def test_paired_bootstrap_of_the_same_predictions_finds_nothing(answers):
    logits, labels = answers
    same = paired_bootstrap(logits.argmax(1), logits.argmax(1), labels, np.arange(300) // 10, 500)
    assert same == (0.0, 0.0, 0.0, 1.0)


def test_paired_bootstrap_is_symmetric_and_averages_runs(answers):
    logits, labels = answers
    rng, ids = np.random.default_rng(1), np.arange(300) // 10
    one = logits.argmax(1)
    other = np.where(rng.random(300) < 0.15, rng.integers(0, 3, 300), one)
    forth = paired_bootstrap(one, other, labels, ids, 500)
    back = paired_bootstrap(other, one, labels, ids, 500)
    assert forth.difference == -back.difference and forth.p_value == back.p_value
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))
    # Repeated runs say what one says; of two different ones the mean of their scores counts.
    assert paired_bootstrap([one, one], [other], labels, ids, 500) == pytest.approx(forth)
    third = np.roll(one, 1)
    mixed = paired_bootstrap([one, third], other, labels, ids, 500)
    halves = [paired_bootstrap(run, other, labels, ids, 500).difference for run in (one, third)]
    assert mixed.difference == pytest.approx(np.mean(halves))


def test_paired_bootstrap_finds_a_large_difference(answers):
    _, labels = answers
    worse = np.random.default_rng(0).integers(0, 3, 300)
    result = paired_bootstrap(labels, worse, labels, np.arange(300) // 10, num_resamples=999)
    assert result.p_value == 1 / 1000  # the smallest there is
    assert 0 < result.low < result.difference < result.high


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.3], [0.3]),
        # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, never below the one before.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.6, 0.5, 0.02], [1.0, 1.0, 0.06]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_by_hand(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


def test_holm_lies_between_no_correction_and_bonferronis():
    p_values = np.random.default_rng(0).random(20) ** 3
    adjusted, order = np.array(holm(p_values.tolist())), p_values.argsort()
    assert (adjusted >= p_values).all() and (adjusted <= np.minimum(20 * p_values, 1)).all()
    assert (np.diff(adjusted[order]) >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0], [0, 1], ["a", "b"]), r"other_predictions have shape \(1, 1\)"),
        (([], [], [], []), r"labels have shape \(0,\)"),
        (([0], [0], [0], ["a", "b"]), "conversation_ids length 2: expected one"),
        (([0], [0], [0], ["a"], 0), "num_resamples = 0"),
    ],
)
def test_paired_bootstrap_names_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(*arguments)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_holm_names_a_value_that_is_no_probability(value):
    with pytest.raises(ValueError, match=r"p_values\[1\] = .*\[0, 1\]"):
        holm([0.5, value])
