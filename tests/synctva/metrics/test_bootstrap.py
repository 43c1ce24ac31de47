"""Bootstrap over conversations and Holm's correction, compared with enumeration and by hand."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import f1_score

from synctva.metrics import bootstrap_interval, confusion_matrix
from synctva.metrics.bootstrap import holm, paired_bootstrap, weighted_f1

NAMES = ["calm", "glad", "cross"]


def test_interval_resamples_whole_conversations(answers):
    logits, labels = answers
    predicted, ids = logits.argmax(1), [f"c{i // 10}" for i in range(300)]
    low, high = bootstrap_interval(predicted, labels, ids, num_resamples=200, seed=3)
    score = f1_score(labels, predicted, average="weighted")
    assert 0 < low < score < high < 1
    assert (low, high) == bootstrap_interval(predicted, labels, ids, num_resamples=200, seed=3)
    assert (low, high) != bootstrap_interval(predicted, labels, ids, num_resamples=200, seed=4)
    # With one conversation, every resample is that conversation.
    alone = bootstrap_interval(predicted, labels, ["c"] * 300, num_resamples=20)
    assert alone == pytest.approx((score, score))
    # Copies of utterances add no information: the interval must not become narrower.
    doubled = bootstrap_interval(
        np.repeat(predicted, 4), np.repeat(labels, 4), np.repeat(ids, 4), num_resamples=200, seed=3
    )
    assert doubled == pytest.approx((low, high))


def test_score_is_that_of_scikit_learn(answers):
    logits, labels = answers
    matrix = confusion_matrix(logits, labels, NAMES)
    expected = f1_score(labels, logits.argmax(1), average="weighted")
    assert weighted_f1(matrix) == pytest.approx(expected)


def test_interval_of_several_runs_is_that_of_their_mean(answers):
    logits, labels = answers
    ids, one = np.arange(300) // 10, logits.argmax(1)
    alone = bootstrap_interval(one, labels, ids)
    assert bootstrap_interval([one, one, one], labels, ids) == pytest.approx(alone)
    # Each run is correct where the other is wrong, so that their mean varies less.
    rng = np.random.default_rng(0)
    right = rng.random(30)[ids] < 0.5
    runs = [np.where(chosen, labels, (labels + 1) % 3) for chosen in (right, ~right)]
    low, high = bootstrap_interval(runs, labels, ids)
    for run in runs:
        single = bootstrap_interval(run, labels, ids)
        assert single[0] < low < high < single[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1], ["a"]), r"shape = \(2,\), len\(conversation_ids\) = 1"),
        (([0], [0, 1], ["a", "a"]), r"predictions\.shape = \(1, 1\), labels\.shape = \(2,\)"),
        (([], [], []), "at least one"),
        (([0], [0], ["a"], 100, 1.0), "level = 1.0"),
        (([0], [0], ["a"], 0), "num_resamples = 0"),
    ],
)
def test_interval_names_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(*arguments)


def enumerated(one, other, labels, ids):
    """Return the difference and the p-value over all resamples, by scikit-learn."""
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
    # They differ by 1 in "a" and by 0 in "b": d = 1 - F1 = 1 - (1/2 * 0 + 1/2 * 2/3), and d* is 1,
    # d or 0 with probabilities 1/4, 1/2, 1/4; |d* - d| >= |d| only for d* = 0.
    result = paired_bootstrap([0, 1], [1, 1], [0, 1], ["a", "b"], num_resamples=40_000)
    assert result.difference == pytest.approx(2 / 3)
    assert result.p_value == pytest.approx(1 / 4, abs=0.01)
    assert (result.low, result.high) == pytest.approx((0.0, 1.0))


def test_paired_bootstrap_of_equal_predictions_finds_no_difference(answers):
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
    # Equal runs count like one; of different runs, the mean of their scores counts.
    assert paired_bootstrap([one, one], [other], labels, ids, 500) == pytest.approx(forth)
    third = np.roll(one, 1)
    mixed = paired_bootstrap([one, third], other, labels, ids, 500)
    halves = [paired_bootstrap(run, other, labels, ids, 500).difference for run in (one, third)]
    assert mixed.difference == pytest.approx(np.mean(halves))


def test_paired_bootstrap_finds_a_large_difference(answers):
    _, labels = answers
    worse = np.random.default_rng(0).integers(0, 3, 300)
    result = paired_bootstrap(labels, worse, labels, np.arange(300) // 10, num_resamples=999)
    assert result.p_value == 1 / 1000  # the smallest possible value
    assert 0 < result.low < result.difference < result.high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0], [0, 1], ["a", "b"]), r"other_predictions\.shape = \(1, 1\)"),
        (([], [], [], []), r"labels\.shape = \(0,\)"),
        (([0], [0], [0], ["a", "b"]), r"len\(conversation_ids\) = 2: expected a label"),
        (([0], [0], [0], ["a"], 0), "num_resamples = 0"),
    ],
)
def test_paired_bootstrap_names_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(*arguments)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.3], [0.3]),
        # Sorted: 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, and never below the previous value.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.6, 0.5, 0.02], [1.0, 1.0, 0.06]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_by_hand(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


def test_holm_is_between_no_correction_and_bonferroni():
    p_values = np.random.default_rng(0).random(20) ** 3
    adjusted, order = np.array(holm(p_values.tolist())), p_values.argsort()
    assert (adjusted >= p_values).all() and (adjusted <= np.minimum(20 * p_values, 1)).all()
    assert (np.diff(adjusted[order]) >= 0).all()


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_holm_names_a_value_that_is_not_a_probability(value):
    with pytest.raises(ValueError, match=r"p_values\[1\] = .*\[0, 1\]"):
        holm([0.5, value])
