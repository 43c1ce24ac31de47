"""The simulator's draws, and its optimum compared with enumeration."""

import itertools
import time

import numpy as np
import pytest

from synctva.datasets_scripts import MELD_LABELS, SimulatorParameters, load_simulated, simulate
from synctva.datasets_scripts.corpora.simulated import lags
from synctva.datasets_scripts.corpora.simulated_optimum import log_posterior, yardsticks
from synctva.datasets_scripts.schema import MODALITIES, validate_conversation

PARAMETERS = SimulatorParameters()
SMALL = {"train_conversations": 3, "dev_conversations": 2, "test_conversations": 2}


@pytest.fixture(scope="module")
def many():
    return simulate(2_000, 7)


@pytest.fixture(scope="module")
def scores_on_test():
    return yardsticks(load_simulated(train_conversations=1)["test"])


def enumerated(row, modalities, upto=None):
    """Return P(e_t | x), (N, C), by a sum over all sequences of emotions and reliabilities."""
    n = len(row["labels"]) if upto is None else upto
    speakers = row["speakers"][:n]
    emotions = np.array(list(itertools.product(range(len(MELD_LABELS)), repeat=n)))  # (7^N, N)
    joint = np.ones(len(emotions))
    for t in range(n):
        past = range(t - 1, max(t - 3, 0) - 1, -1)
        own = next((s for s in past if speakers[s] == speakers[t]), None)
        other = next((s for s in past if speakers[s] != speakers[t]), None)
        chance, rest = np.zeros(len(emotions)), 1.0
        for source, weight in ((own, PARAMETERS.inertia), (other, PARAMETERS.contagion)):
            if source is not None:
                chance += weight * (emotions[:, source] == emotions[:, t])
                rest -= weight
        joint *= chance + rest * PARAMETERS.marginals[emotions[:, t]]
    states = list(itertools.product(range(2), repeat=n))
    for name in modalities:
        m = MODALITIES.index(name)
        means = PARAMETERS.class_means()[m]
        evidence = np.zeros(len(emotions))
        for chain in states:
            weight = PARAMETERS.reliability_marginals[chain[0]]
            for before, after in itertools.pairwise(chain):
                weight *= PARAMETERS.reliability_transition[before, after]
            density = np.full(len(emotions), weight)
            for t in range(n):
                if row["modality_mask"][t][m]:
                    sd = PARAMETERS.noise[chain[t]]
                    z = (np.asarray(row[f"{name}_features"][t], float) - means) / sd  # (C, D)
                    per_class = np.exp(-0.5 * (z**2).sum(-1)) / sd ** means.shape[1]
                    density *= per_class[emotions[:, t]]
            evidence += density
        joint *= evidence
    posterior = np.zeros((n, len(MELD_LABELS)))
    for t in range(n):
        posterior[t] = np.bincount(emotions[:, t], weights=joint, minlength=len(MELD_LABELS))
    return posterior / posterior.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def short():
    """Return conversations of 1, 3, 4 and 5 utterances with missing modalities."""
    parameters = SimulatorParameters(missing_rates=(0.3, 0.3, 0.3))
    rows = [row for row in simulate(80, 3, parameters) if len(row["labels"]) in (1, 3, 4, 5)]
    chosen = {(len(row["labels"]), len(set(row["speakers"]))): row for row in rows}
    rows = list(chosen.values())
    rows[-1]["modality_mask"][1] = False  # an utterance without any modality
    assert {len(row["labels"]) for row in rows} == {1, 3, 4, 5}
    assert {len(set(row["speakers"])) for row in rows} >= {1, 2, 3}
    return rows


@pytest.mark.parametrize("modalities", [MODALITIES, ("text", "audio"), ("visual",)])
def test_posterior_equals_enumeration(short, modalities):
    posteriors = log_posterior(short, PARAMETERS, modalities)
    for row, found in zip(short, posteriors, strict=True):
        np.testing.assert_allclose(np.exp(found), enumerated(row, modalities), atol=1e-11)


def test_causal_posterior_equals_enumeration_of_the_past(short):
    posteriors = log_posterior(short, PARAMETERS, causal=True)
    for row, found in zip(short, posteriors, strict=True):
        for t in range(len(row["labels"])):
            expected = enumerated(row, MODALITIES, upto=t + 1)[t]
            np.testing.assert_allclose(np.exp(found[t]), expected, atol=1e-11)


def test_posterior_without_context_is_that_of_single_utterances(short):
    posteriors = log_posterior(short, PARAMETERS, context=False)
    for row, found in zip(short, posteriors, strict=True):
        for t in range(len(row["labels"])):
            columns = (
                "labels",
                "speakers",
                "modality_mask",
                *(f"{m}_features" for m in MODALITIES),
            )
            alone = {column: row[column][t : t + 1] for column in columns}
            expected = enumerated(alone, MODALITIES)[0]
            np.testing.assert_allclose(np.exp(found[t]), expected, atol=1e-11)


def test_posterior_does_not_depend_on_the_batch(many):
    rows = many[:150]
    together = log_posterior(rows, PARAMETERS)
    for i in (0, 70, 149):
        (alone,) = log_posterior([rows[i]], PARAMETERS)
        np.testing.assert_allclose(together[i], alone, atol=1e-9)


def test_difficulty_of_the_fixed_test_split(scores_on_test):
    accuracy = {name: scores["accuracy"] for name, scores in scores_on_test.items()}
    optimum = accuracy["bayes_optimal"]
    assert 0.70 <= optimum <= 0.85
    assert accuracy["no_context"] <= optimum - 0.04
    for name in ("text_only", "visual_only", "audio_only"):
        assert accuracy["majority"] < accuracy[name] <= optimum - 0.08
    assert accuracy["text_only"] > max(accuracy["visual_only"], accuracy["audio_only"])
    assert accuracy["no_context"] < accuracy["causal"] < optimum


def test_yardsticks_have_the_keys_of_results(scores_on_test):
    keys = {"n", "accuracy", "uar", "weighted_f1", "macro_f1", "per_class_f1", "nll", "ece"}
    for scores in scores_on_test.values():
        assert set(scores) == keys
        assert list(scores["per_class_f1"]) == list(MELD_LABELS)
    # The posterior is calibrated, because the labels are drawn from it.
    assert scores_on_test["bayes_optimal"]["ece"] < 0.03


def test_yardsticks_use_only_the_features_that_exist(many):
    hidden = ("visual_features", "audio_features")
    rows = [{k: v for k, v in row.items() if k not in hidden} for row in many[:20]]
    scores = yardsticks(rows)
    assert set(scores) == {"bayes_optimal", "no_context", "causal", "majority"}
    assert scores["bayes_optimal"] == yardsticks(many[:20])["text_only"]


def test_the_optimum_is_fast():
    rows = simulate(280, 5)
    start = time.perf_counter()
    log_posterior(rows, PARAMETERS)
    assert time.perf_counter() - start < 5  # about 0.1 s


def test_only_train_depends_on_the_seed():
    first, again, other = (load_simulated(seed, **SMALL) for seed in (0, 0, 1))
    assert first["train"][:] == again["train"][:]
    assert first["train"]["text_features"][:] != other["train"]["text_features"][:]
    for split in ("dev", "test"):
        assert first[split][:] == other[split][:]
    assert first["dev"]["text_features"][:] != first["test"]["text_features"][:]


def test_conversations_follow_the_schema():
    for rows in load_simulated(**SMALL).values():
        for row in rows:
            validate_conversation(row, MELD_LABELS, text_dim=24, visual_dim=16, audio_dim=12)
            assert np.shape(row["reliability"]) == (len(row["labels"]), 3)


def test_marginals_lengths_and_speakers_are_as_in_meld(many):
    labels = np.concatenate([row["labels"] for row in many])
    share = np.bincount(labels, minlength=7) / len(labels)
    np.testing.assert_allclose(share, PARAMETERS.marginals, atol=0.02)
    assert np.mean([len(row["labels"]) for row in many]) == pytest.approx(9.6, abs=0.4)
    assert 2 <= max(len(set(row["speakers"])) for row in many) <= 9


def test_reliability_and_missing_rates(many):
    reliability = np.concatenate([row["reliability"] for row in many])  # (T, 3)
    np.testing.assert_allclose(reliability.mean(0), PARAMETERS.reliability_marginals[1], atol=0.02)
    mask = np.concatenate([row["modality_mask"] for row in many])
    np.testing.assert_allclose(1 - mask.mean(0), PARAMETERS.missing_rates, atol=0.01)


def test_the_noise_depends_on_the_reliability(many):
    """The spread of the features in each state is that of the parameters."""
    for m, name in enumerate(MODALITIES):
        means = PARAMETERS.class_means()[m]
        noise = np.concatenate([row[f"{name}_features"] - means[row["labels"]] for row in many])
        seen = np.concatenate([row["modality_mask"][:, m] for row in many])
        reliable = np.concatenate([row["reliability"][:, m] for row in many])
        assert noise[seen & reliable].std() == pytest.approx(1.0, abs=0.01)
        assert noise[seen & ~reliable].std() == pytest.approx(2.5, abs=0.03)
        assert not np.concatenate([row[f"{name}_features"] for row in many])[~seen].any()


def test_lags_by_hand():
    own, other = lags(np.array([[0, 0, 1, 0, 1, 1, 1, 1]]))
    assert own.tolist() == [[0, 1, 0, 2, 2, 1, 1, 1]]
    assert other.tolist() == [[0, 0, 1, 1, 1, 2, 3, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SimulatorParameters(inertia=0.7, contagion=0.3), "sum below 1"),
        (lambda: simulate(0, 0), "num_conversations = 0: expected at least 1"),
        (
            lambda: log_posterior(simulate(1, 0), PARAMETERS, ("smell",)),
            "'smell',.*: expected some",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
