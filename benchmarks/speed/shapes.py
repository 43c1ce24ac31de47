"""Random conversations with the lengths and widths of the corpora, and the benchmark's sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset, Features
from scipy.stats import gamma

from synctva.datasets_scripts.schema import conversation_features
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.preparation import PRESETS


@dataclass(frozen=True)
class Corpus:
    """What matters about a corpus for speed.

    Attributes:
        preset: folder of `configuration/presets` with the model's widths.
        mean, deviation, shortest, longest: of the conversations' lengths in utterances.
        speakers: per conversation.
        batch_size: conversations per batch.
    """

    preset: str
    mean: float
    deviation: float
    shortest: int
    longest: int
    speakers: int
    batch_size: int


CORPORA = {
    "meld": Corpus("meld", 9.6, 5.8, 1, 33, speakers=3, batch_size=32),
    "iemocap": Corpus("iemocap", 49.2, 17.0, 8, 110, speakers=2, batch_size=16),
}

LAYERS = {"preset": {}, "wide": {"hidden_size": 256, "num_attention_heads": 8}}
"""Widths at which a single layer is measured: the preset's, 128 and 4 heads, and twice that."""


@dataclass(frozen=True)
class Size:
    """The sizes of the measurements.

    Attributes:
        rounds: of interleaved runs, whose median is reported.
        config: fields of the model's configuration that differ from the preset's.
        batch_sizes: conversations per batch, for the cost against it; the largest limits all
            other batches.
        lengths: utterances of one conversation, for the cost against it.
        calls: of the pipeline, for its latency.
        conversations: of the whole training run, in train and dev.
    """

    rounds: int = 11
    config: Mapping[str, Any] = field(default_factory=dict)
    batch_sizes: Sequence[int] = (1, 4, 16, 32, 64, 128)
    lengths: Sequence[int] = (10, 30, 100, 300, 1_000, 3_000, 10_000)
    calls: int = 200
    conversations: tuple[int, int] = (1_039, 114)

    def build_config(self, corpus: str, **changes: Any) -> SyncTVAConfig:
        """Build the preset's configuration with this size's changes, then the given ones."""
        folder = PRESETS / CORPORA[corpus].preset
        return SyncTVAConfig.from_pretrained(folder, **{**self.config, **changes})

    def batch_size(self, corpus: str) -> int:
        return min(CORPORA[corpus].batch_size, max(self.batch_sizes))


FULL = Size()
TOY = Size(
    rounds=2,
    config={
        "text_dim": 12,
        "visual_dim": 6,
        "audio_dim": 5,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_attention_heads": 2,
    },
    batch_sizes=(1, 3),
    lengths=(5, 10),
    calls=2,
    conversations=(4, 2),
)
"""Measures nothing: checks within seconds that everything runs."""


def lengths(corpus: str, conversations: int) -> list[int]:
    """Return conversations' lengths in utterances: even quantiles of a gamma distribution.

    Quantiles, unlike draws, give small batches the corpus's mean, too. Their order is random, and
    always the same.
    """
    like = CORPORA[corpus]
    shape = (like.mean / like.deviation) ** 2
    share = (np.arange(conversations) + 0.5) / conversations
    found = gamma.ppf(share, shape, scale=like.mean / shape).round()
    found = found.clip(like.shortest, like.longest).astype(int)
    return np.random.default_rng(0).permutation(found).tolist()


def conversations(
    config: SyncTVAConfig, sizes: Sequence[int], speakers: int, seed: int = 0
) -> list[dict[str, Any]]:
    """Make rows of these lengths for the collator; every modality is present everywhere."""
    generator = np.random.default_rng(seed)
    return [
        {
            "dialogue_id": str(number),
            "speakers": [f"speaker {n}" for n in generator.integers(speakers, size=length)],
            "labels": generator.integers(config.num_labels, size=length),
            "modality_mask": np.ones((length, len(MODALITIES)), dtype=bool),
            **{
                f"{name}_features": generator.standard_normal(
                    (length, config.modality_dims[name]), dtype=np.float32
                )
                for name in MODALITIES
            },
        }
        for number, length in enumerate(sizes)
    ]


def dataset(config: SyncTVAConfig, rows: list[dict[str, Any]]) -> Dataset:
    """Make a table of the rows, with the column types of a feature set."""
    widths = {f"{name}_dim": width for name, width in config.modality_dims.items()}
    features = conversation_features(list(config.id2label.values()), **widths)
    features = Features({name: features[name] for name in rows[0]})
    return Dataset.from_dict({name: [row[name] for row in rows] for name in features}, features)


def batch(
    config: SyncTVAConfig, corpus: str, sizes: Sequence[int], graph: bool = True
) -> dict[str, Any]:
    """Make a padded batch with its graph, as the trainer gets it."""
    rows = conversations(config, sizes, CORPORA[corpus].speakers)
    return SyncTVACollator(config, build_graph=graph)(rows)


__all__ = [
    "CORPORA",
    "FULL",
    "LAYERS",
    "TOY",
    "Corpus",
    "Size",
    "batch",
    "conversations",
    "dataset",
    "lengths",
]
