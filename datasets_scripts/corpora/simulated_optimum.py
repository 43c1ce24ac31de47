"""The exact posterior of the simulator, and with it the best that any model can do.

The hidden state at utterance t is (e_{t-2}, e_{t-1}, e_t) and the reliability of each modality:
7³ · 2³ = 2,744 states for any number of speakers. The forward-backward algorithm is exact:

    A_t(s) ∝ p(x_t | s) Σ_s' A_t-1(s') P(s | s')              forward
    B_t(s) ∝ Σ_s' P(s' | s) p(x_t+1 | s') B_t+1(s')           backward
    P(e_t | x) ∝ Σ_{s with e_t} A_t(s) B_t(s);  given only the past, Σ A_t(s).

In expectation, no model has a higher accuracy than the posterior's argmax or a lower negative
log-likelihood than the posterior. Its F1 is no such bound: a reweighted decision may exceed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, recall_score

from synctva.datasets_scripts.labels import MELD_LABELS
from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .simulated import MEMORY, SimulatorParameters, lags

NUM_LABELS = len(MELD_LABELS)
# Conversations computed together. Memory: 22 kB for the forward message of each utterance.
CHUNK = 64


def log_posterior(
    conversations: Sequence[Mapping[str, Any]],
    parameters: SimulatorParameters,
    modalities: Sequence[str] = MODALITIES,
    context: bool = True,
    causal: bool = False,
) -> list[np.ndarray]:
    """Return log P(e_t | observations), an (N, C) array for each conversation.

    Args:
        conversations: from `simulate` or `load_simulated`.
        parameters: those with which the conversations were drawn.
        modalities: those that are observed.
        context: observe the whole conversation; False: only the utterance itself.
        causal: with context, do not observe later utterances.
    """
    unknown = [name for name in modalities if name not in MODALITIES]
    if unknown:
        raise ValueError(f"modalities = {modalities!r}: expected some of {', '.join(MODALITIES)}")
    seen = [name for name in MODALITIES if name in modalities]
    # Conversations of similar length share a chunk, so that little is computed for padding.
    order = sorted(range(len(conversations)), key=lambda i: -len(conversations[i]["labels"]))
    result: list[np.ndarray] = [np.empty(0)] * len(conversations)
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        rows = [conversations[i] for i in chunk]
        lengths = np.array([len(row["labels"]) for row in rows])  # (B,), longest first
        likelihood = _likelihood(rows, int(lengths[0]), parameters, seen)  # (B, N, C, R)
        if context:
            own, other = lags(_speakers(rows, int(lengths[0])))
            chain = _Chain(parameters, len(seen), likelihood, own, other, lengths)
            posterior = chain.posterior(causal)  # (B, N, C)
        else:
            prior = parameters.marginals[:, None] * _joint_marginals(parameters, len(seen))
            posterior = (likelihood * prior).sum(-1)
        for i, values, length in zip(chunk, posterior, lengths, strict=True):
            weights = values[:length]
            result[i] = np.log(weights / weights.sum(axis=1, keepdims=True))
    return result


def yardsticks(
    conversations: Sequence[Mapping[str, Any]], parameters: SimulatorParameters | None = None
) -> dict[str, dict[str, Any]]:
    """Score the exact posterior on a split, given all observations and given parts of them.

    Features that the conversations do not have are not observed.

    Returns:
        Scores (fractions; nll in nats) by name: bayes_optimal; no_context, from only the utterance
        itself; causal, without later utterances; text_only, visual_only and audio_only, each with
        context, if there are several modalities; and majority, which always predicts the most
        frequent emotion, with the marginals as its probabilities.
    """
    parameters = parameters or SimulatorParameters()
    rows = list(conversations)
    labels = np.concatenate([np.asarray(row["labels"]) for row in rows])  # (T,)
    seen = [name for name in MODALITIES if f"{name}_features" in rows[0]]
    single = seen if len(seen) > 1 else []
    answers = {
        "bayes_optimal": log_posterior(rows, parameters, seen),
        "no_context": log_posterior(rows, parameters, seen, context=False),
        "causal": log_posterior(rows, parameters, seen, causal=True),
        **{f"{name}_only": log_posterior(rows, parameters, [name]) for name in single},
        "majority": [np.tile(np.log(parameters.marginals), (len(labels), 1))],
    }
    return {name: _scores(np.concatenate(logs), labels) for name, logs in answers.items()}


class _Chain:
    """Forward-backward over a chunk of conversations, sorted by length, longest first.

    Messages have the shape (B, C, C, C, R): e_{t-2}, e_{t-1}, e_t, and R joint reliability states.
    Before the third utterance the earlier emotions do not exist: they are at index 0, and no
    transition depends on them.
    """

    def __init__(
        self,
        parameters: SimulatorParameters,
        num_modalities: int,
        likelihood: np.ndarray,
        own: np.ndarray,
        other: np.ndarray,
        lengths: np.ndarray,
    ) -> None:
        self.likelihood = likelihood  # (B, N, C, R)
        self.active = [int((lengths > t).sum()) for t in range(int(lengths[0]) + 1)]
        self.first = parameters.marginals[:, None] * _joint_marginals(parameters, num_modalities)
        self.reliability = _kronecker(parameters.reliability_transition, num_modalities)  # (R, R)
        self.emotion = _emotion_transitions(parameters)  # (lag, lag, C, C, C, C)
        self.own, self.other = own, other

    def posterior(self, causal: bool) -> np.ndarray:
        """Return (B, N, C), not normalised; zeros after the end of a conversation."""
        alphas = self._forward()
        batch, longest = self.likelihood.shape[:2]
        posterior = np.zeros((batch, longest, NUM_LABELS))
        # B is 1 at a conversation's last utterance: those that end at t are added at t.
        beta = np.ones_like(alphas[-1][:0])
        for t in range(longest - 1, -1, -1):
            ending = np.ones((self.active[t] - len(beta), *beta.shape[1:]))
            beta = np.concatenate([beta, ending])
            state = alphas[t] if causal else alphas[t] * beta
            posterior[: self.active[t], t] = state.sum(axis=(1, 2, 4))
            if t > 0:
                beta = self._backward(beta, t)
        return posterior

    def _forward(self) -> list[np.ndarray]:
        """Return A_t for each t, of the conversations that have an utterance t."""
        batch, longest, _, states = self.likelihood.shape
        alpha = np.zeros((batch, NUM_LABELS, NUM_LABELS, NUM_LABELS, states))
        alpha[:, 0, 0] = self.first * self.likelihood[:, 0]
        alphas = [_normalised(alpha)]
        for t in range(1, longest):
            n = self.active[t]
            alpha = alphas[-1][:n] @ self.reliability  # (n, C, C, C, R)
            # Sum over e_{t-3}: (n, C, C, R, C) @ (n, C, C, C, C) -> (n, C, C, R, C)
            moved = alpha.transpose(0, 2, 3, 4, 1) @ self._kernel(t, n).transpose(0, 2, 3, 1, 4)
            alpha = moved.swapaxes(3, 4) * self.likelihood[:n, t, None, None]
            alphas.append(_normalised(alpha))
        return alphas

    def _backward(self, beta: np.ndarray, t: int) -> np.ndarray:
        """Return B_t-1 of the conversations that have an utterance t."""
        n = len(beta)
        beta = (beta * self.likelihood[:n, t, None, None]) @ self.reliability.T
        # Sum over e_t: (n, C, C, C, C) @ (n, C, C, C, R) -> (n, C, C, e_{t-3}, R)
        moved = self._kernel(t, n).transpose(0, 2, 3, 1, 4) @ beta
        return _normalised(moved.transpose(0, 3, 1, 2, 4))

    def _kernel(self, t: int, n: int) -> np.ndarray:
        """Return P(e_t | e_{t-3}, e_{t-2}, e_{t-1}), (n, C, C, C, C)."""
        return self.emotion[self.own[:n, t], self.other[:n, t]]


def _emotion_transitions(parameters: SimulatorParameters) -> np.ndarray:
    """Return P(e_t | e_{t-3}, e_{t-2}, e_{t-1}) by the lags of own and oth, (4, 4, C, C, C, C).

    A lag of 0 means that there is none.
    """
    lag_count, shape = MEMORY + 1, (NUM_LABELS,) * (MEMORY + 1)
    same = np.eye(NUM_LABELS)
    # copies[lag]: [e_{t-lag} = e_t]; axis 0 is e_{t-3}, so lag l is axis 3 - l.
    copies = [np.zeros(shape)]
    for lag in range(1, lag_count):
        axes = [1] * MEMORY + [NUM_LABELS]
        axes[MEMORY - lag] = NUM_LABELS
        copies.append(np.broadcast_to(same.reshape(axes), shape))
    table = np.empty((lag_count, lag_count, *shape))
    for own in range(lag_count):
        for other in range(lag_count):
            a = parameters.inertia * (own > 0)
            b = parameters.contagion * (other > 0)
            table[own, other] = (1 - a - b) * parameters.marginals
            table[own, other] += a * copies[own] + b * copies[other]
    return table


def _likelihood(
    rows: Sequence[Mapping[str, Any]],
    longest: int,
    parameters: SimulatorParameters,
    seen: Sequence[str],
) -> np.ndarray:
    """Return p(x_t | e_t, reliabilities), (B, N, C, R), up to a factor per utterance."""
    means = dict(zip(MODALITIES, parameters.class_means(), strict=True))
    log = np.zeros((len(rows), longest, NUM_LABELS, 1))
    for name in seen:
        own = np.zeros((len(rows), longest, NUM_LABELS, 2))
        for i, row in enumerate(rows):
            values = np.asarray(row[f"{name}_features"], dtype=float)  # (N, D)
            present = np.asarray(row["modality_mask"])[:, MODALITIES.index(name)]  # (N,)
            distance = ((values[:, None] - means[name]) ** 2).sum(-1)[..., None]  # (N, C, 1)
            density = -0.5 * distance / parameters.noise**2
            density -= values.shape[1] * np.log(parameters.noise)
            own[i, : len(values)] = np.where(present[:, None, None], density, 0.0)
        log = (log[..., :, None] + own[..., None, :]).reshape(*log.shape[:-1], -1)
    return np.exp(log - log.max(axis=(2, 3), keepdims=True))


def _speakers(rows: Sequence[Mapping[str, Any]], longest: int) -> np.ndarray:
    """Return (B, N) numbers of the speakers, -1 after the end of a conversation."""
    numbers = np.full((len(rows), longest), -1)
    for i, row in enumerate(rows):
        _, numbers[i, : len(row["speakers"])] = np.unique(row["speakers"], return_inverse=True)
    return numbers


def _joint_marginals(parameters: SimulatorParameters, num_modalities: int) -> np.ndarray:
    """Return the stationary distribution of the joint reliability, (R,).

    The state of the first modality varies slowest.
    """
    return _kronecker(parameters.reliability_marginals, num_modalities)


def _kronecker(factor: np.ndarray, times: int) -> np.ndarray:
    product = np.ones((1,) * factor.ndim)
    for _ in range(times):
        product = np.kron(product, factor)
    return product


def _normalised(message: np.ndarray) -> np.ndarray:
    """Scale each conversation's message to a sum of 1: its factor cancels in the posterior."""
    return message / message.sum(axis=(1, 2, 3, 4), keepdims=True)


def _scores(log_probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Score (T, C) log-probabilities against (T,) labels, as `synctva.metrics` does."""
    predicted = log_probabilities.argmax(axis=1)
    confidence = np.exp(log_probabilities.max(axis=1))
    ids = list(range(NUM_LABELS))
    per_class = f1_score(labels, predicted, labels=ids, average=None, zero_division=0.0)
    recall = recall_score(labels, predicted, labels=ids, average=None, zero_division=0.0)
    support = np.bincount(labels, minlength=NUM_LABELS)
    occurs = support > 0
    return {
        "n": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "uar": float(recall[occurs].mean()),
        "weighted_f1": float((per_class * support).sum() / len(labels)),
        "macro_f1": float(per_class[occurs].mean()),
        "per_class_f1": {
            name: float(f1) if n else None
            for name, f1, n in zip(MELD_LABELS, per_class, support, strict=True)
        },
        "nll": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
        "ece": _calibration_error(confidence, predicted == labels),
    }


def _calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Return the mean |accuracy - confidence| over equal-width bins of the confidence.

    Each bin is weighted by its share of the utterances.
    """
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(which, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))
