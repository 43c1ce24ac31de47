"""Simulated conversations with a known exact posterior, and so a known best score of any model.

Speakers are observed and by themselves tell nothing about emotions. own(t) is the latest of the
previous 3 utterances by the same speaker, oth(t) that by another speaker (I = 1 if it exists,
else 0):

    P(e_t = k | past) = (1 - a·I_own - b·I_oth) π_k
                        + a·I_own·[e_own(t) = k] + b·I_oth·[e_oth(t) = k]

a is the inertia of a speaker, b the contagion between speakers, and π are MELD's marginals, which
every e_t then has. Each modality m has a reliability r_m,t ∈ {0, 1}: for each conversation, a
two-state Markov chain that starts from its stationary distribution:

    P(r_m,t = 1 | r_m,t-1 = 1) = 1 - p_leave,    P(r_m,t = 1 | r_m,t-1 = 0) = p_return

It emits features around its mean for the emotion, with more noise while it is unreliable:

    x_m,t = s_m · μ_m[e_t] + sd[r_m,t] · ε,    ε ~ N(0, I),    ‖μ_m[k]‖ = 1,  sd[1] = 1

An utterance lacks a modality with probability q_m, independently of everything else.
`simulated_optimum` computes the posterior P(e_t | all observations) exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset, DatasetDict, List, Value

from synctva.datasets_scripts.labels import MELD_LABELS, MELD_SIZES
from synctva.datasets_scripts.schema import Conversation, conversation_features
from synctva.modeling_synctva.configuration_synctva import MODALITIES

MEMORY = 3
"""Number of previous utterances that inertia and contagion reach."""

# MELD's training set: utterances of each label in the order of MELD_LABELS, conversations of 1, 2,
# ... utterances, and conversations with 2, 3, ... speakers (without those of one utterance).
_LABEL_COUNTS = (4710, 1205, 268, 683, 1743, 271, 1109)
_LENGTH_COUNTS = (
    *(70, 60, 54, 48, 67, 61, 74, 67, 50, 57, 55, 54),
    *(36, 41, 43, 51, 30, 28, 27, 20, 20, 13, 7, 5),
)
_SPEAKER_COUNTS = (463, 264, 122, 58, 25, 8, 1, 1)
_SAME_SPEAKER_AGAIN = 0.22  # share of MELD's utterances by the same speaker as the previous one


@dataclass(frozen=True)
class SimulatorParameters:
    """Parameters of the simulator; per-modality values are in the order text, visual, audio.

    The defaults fix the difficulty. On the test split the optimum has an accuracy of 0.70-0.85, at
    least 0.04 less without context, and at least 0.08 less from a single modality.
    """

    inertia: float = 0.35  # a
    contagion: float = 0.25  # b
    strengths: tuple[float, float, float] = (1.5, 1.2, 1.1)  # s_m
    unreliable_noise: float = 2.5  # sd[0]
    leave_reliable: float = 0.10  # p_leave
    return_reliable: float = 0.25  # p_return
    missing_rates: tuple[float, float, float] = (0.1, 0.1, 0.1)  # q_m
    text_dim: int = 24
    visual_dim: int = 16
    audio_dim: int = 12
    means_seed: int = 0

    def __post_init__(self) -> None:
        if min(self.inertia, self.contagion) < 0 or self.inertia + self.contagion >= 1:
            raise ValueError(
                f"inertia, contagion = {self.inertia}, {self.contagion}: expected both at least 0 "
                "and a sum below 1"
            )

    @property
    def dims(self) -> tuple[int, int, int]:
        """Number of features of each modality."""
        return self.text_dim, self.visual_dim, self.audio_dim

    @property
    def marginals(self) -> np.ndarray:
        """π, (C,): probability of each emotion."""
        counts = np.array(_LABEL_COUNTS, dtype=float)
        return counts / counts.sum()

    @property
    def noise(self) -> np.ndarray:
        """sd, (2,): standard deviation of the features by reliability state."""
        return np.array([self.unreliable_noise, 1.0])

    @property
    def reliability_transition(self) -> np.ndarray:
        """(2, 2): transition probabilities of the reliability, from row to column."""
        return np.array(
            [
                [1 - self.return_reliable, self.return_reliable],
                [self.leave_reliable, 1 - self.leave_reliable],
            ]
        )

    @property
    def reliability_marginals(self) -> np.ndarray:
        """(2,): stationary distribution of a reliability chain."""
        reliable = self.return_reliable / (self.return_reliable + self.leave_reliable)
        return np.array([1 - reliable, reliable])

    def class_means(self) -> list[np.ndarray]:
        """Return s_m · μ_m of each modality, (C, D_m), with directions drawn from `means_seed`."""
        rng = np.random.default_rng([3, self.means_seed])
        means = []
        for strength, dim in zip(self.strengths, self.dims, strict=True):
            directions = rng.standard_normal((len(MELD_LABELS), dim))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            means.append(strength * directions)
        return means


def simulate(
    num_conversations: int,
    seed: int | Sequence[int],
    parameters: SimulatorParameters | None = None,
) -> list[Conversation]:
    """Draw conversations with lengths and numbers of speakers like MELD's.

    Args:
        num_conversations: at least 1.
        seed: of numpy's generator; the same seed draws the same conversations.
        parameters: of the simulator.

    Returns:
        Conversations of `schema`, with feature arrays (N, D_m) float32, zero where a modality is
        missing, and the column reliability, (N, 3) bool, which models must not read.
    """
    if num_conversations < 1:
        raise ValueError(f"num_conversations = {num_conversations}: expected at least 1")
    parameters = parameters or SimulatorParameters()
    rng = np.random.default_rng(seed)
    lengths = 1 + _draw(rng, _LENGTH_COUNTS, num_conversations)  # (B,)
    # Drawn for all conversations at once, as long as the longest, and cut at the end.
    shape = (num_conversations, int(lengths.max()))
    speakers = _speakers(rng, shape)  # (B, N)
    emotions = _emotions(rng, speakers, parameters)  # (B, N)
    reliability = _reliability(rng, shape, parameters)  # (B, N, 3)
    mask = rng.random((*shape, len(MODALITIES))) >= np.array(parameters.missing_rates)
    features = []
    for m, means in enumerate(parameters.class_means()):
        noise = rng.standard_normal((*shape, means.shape[1]), dtype=np.float32)
        scale = parameters.noise[reliability[:, :, m].astype(int)]  # (B, N)
        values = means[emotions] + scale[..., None] * noise  # (B, N, D_m)
        features.append(np.where(mask[:, :, m, None], values, 0.0).astype(np.float32))
    return [
        _conversation(
            i,
            speakers[i, :n],
            emotions[i, :n],
            mask[i, :n],
            reliability[i, :n],
            [values[i, :n] for values in features],
        )
        for i, n in enumerate(lengths)
    ]


def load_simulated(
    seed: int = 0,
    train_conversations: int = 8_000,
    dev_conversations: int = MELD_SIZES["dev"].conversations,
    test_conversations: int = MELD_SIZES["test"].conversations,
    parameters: SimulatorParameters | None = None,
) -> DatasetDict:
    """Simulate the splits train, dev and test.

    Args:
        seed: of the training split. dev and test depend only on their sizes and the parameters.
        train_conversations, dev_conversations, test_conversations: sizes.
        parameters: of the simulator.

    Returns:
        Splits with the columns of `schema`, all three feature columns, and reliability, (N, 3)
        bool: the hidden state, to measure how much of it a model has found.
    """
    parameters = parameters or SimulatorParameters()
    draws = {
        "train": (train_conversations, [0, seed]),
        "dev": (dev_conversations, [1]),
        "test": (test_conversations, [2]),
    }
    features = conversation_features(
        MELD_LABELS,
        text_dim=parameters.text_dim,
        visual_dim=parameters.visual_dim,
        audio_dim=parameters.audio_dim,
    )
    features["reliability"] = List(List(Value("bool"), length=len(MODALITIES)))
    return DatasetDict(
        {
            split: Dataset.from_list(simulate(number, key, parameters), features=features)
            for split, (number, key) in draws.items()
        }
    )


def _draw(rng: np.random.Generator, counts: Sequence[int], size: int) -> np.ndarray:
    """Draw (size,) positions in `counts`, with probabilities in proportion to them."""
    weights = np.array(counts, dtype=float)
    return rng.choice(len(weights), size=size, p=weights / weights.sum())


def _speakers(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw (B, N) speakers: the same one continues, or one of the others follows."""
    batch, longest = shape
    numbers = 2 + _draw(rng, _SPEAKER_COUNTS, batch)  # (B,)
    speakers = np.empty(shape, dtype=int)
    speakers[:, 0] = rng.integers(numbers)
    for t in range(1, longest):
        same = rng.random(batch) < _SAME_SPEAKER_AGAIN
        step = np.where(same, 0, rng.integers(1, numbers))
        speakers[:, t] = (speakers[:, t - 1] + step) % numbers
    return speakers


def lags(speakers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far back own(t) and oth(t) are, 1 to 3, or 0 if there is none; each (B, N)."""
    own, other = np.zeros_like(speakers), np.zeros_like(speakers)
    for lag in range(MEMORY, 0, -1):  # the nearest last, to overwrite the others
        same = speakers[:, lag:] == speakers[:, :-lag]
        own[:, lag:][same] = lag
        other[:, lag:][~same] = lag
    return own, other


def _emotions(
    rng: np.random.Generator, speakers: np.ndarray, parameters: SimulatorParameters
) -> np.ndarray:
    """Draw (B, N) emotions: with probability a that of own(t), b that of oth(t), else from π."""
    batch, longest = speakers.shape
    own, other = lags(speakers)
    fresh = rng.choice(len(MELD_LABELS), size=speakers.shape, p=parameters.marginals)
    chance = rng.random(speakers.shape)
    emotions = fresh
    rows = np.arange(batch)
    for t in range(1, longest):
        a = parameters.inertia * (own[:, t] > 0)
        b = parameters.contagion * (other[:, t] > 0)
        from_own = emotions[rows, t - own[:, t]]
        from_other = emotions[rows, t - other[:, t]]
        copied = np.where(chance[:, t] < a, from_own, from_other)
        emotions[:, t] = np.where(chance[:, t] < a + b, copied, fresh[:, t])
    return emotions


def _reliability(
    rng: np.random.Generator, shape: tuple[int, int], parameters: SimulatorParameters
) -> np.ndarray:
    """Draw (B, N, 3) bool: three independent chains for each conversation."""
    chance = rng.random((*shape, len(MODALITIES)))
    reliable = np.empty(chance.shape, dtype=bool)
    reliable[:, 0] = chance[:, 0] < parameters.reliability_marginals[1]
    for t in range(1, shape[1]):
        stay_or_return = parameters.reliability_transition[reliable[:, t - 1].astype(int), 1]
        reliable[:, t] = chance[:, t] < stay_or_return
    return reliable


def _conversation(
    number: int,
    speakers: np.ndarray,
    emotions: np.ndarray,
    mask: np.ndarray,
    reliability: np.ndarray,
    features: list[np.ndarray],
) -> Conversation:
    length = len(speakers)
    return {
        "dialogue_id": f"sim{number}",
        "utterance_ids": [f"sim{number}_utt{t}" for t in range(length)],
        "speakers": [f"speaker{s}" for s in speakers],
        "texts": [""] * length,
        "starts": [None] * length,
        "ends": [None] * length,
        "labels": emotions.tolist(),
        "modality_mask": mask,
        "media_paths": [None] * length,
        "reliability": reliability,
        **{f"{m}_features": values for m, values in zip(MODALITIES, features, strict=True)},
    }
