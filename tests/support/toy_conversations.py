"""Conversations small enough for a test, in which the features tell the emotion."""

from __future__ import annotations

import numpy as np
from datasets import Dataset

from synctva.datasets_scripts.schema import conversation_features
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig

LABELS = ("calm", "glad", "cross")
WIDTHS = {"text": 6, "visual": 5, "audio": 4}


def toy_config(**changes) -> SyncTVAConfig:
    settings = {
        "text_dim": WIDTHS["text"],
        "visual_dim": WIDTHS["visual"],
        "audio_dim": WIDTHS["audio"],
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "value_rank": 2,
        "past_window": 2,
        "future_window": 2,
        "id2label": dict(enumerate(LABELS)),
    }
    return SyncTVAConfig(**{**settings, **changes})


def toy_rows(count: int = 20, seed: int = 0, modalities=("text", "visual", "audio")) -> list[dict]:
    """Conversations of 2 to 6 utterances; a tenth of the modalities missing."""
    generator = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        length = int(generator.integers(2, 7))
        labels = generator.integers(0, len(LABELS), length)
        mask = generator.random((length, 3)) > 0.1
        row = {
            "dialogue_id": f"conversation {index}",
            "utterance_ids": [f"{index}_{t}" for t in range(length)],
            "speakers": [f"speaker {s}" for s in generator.integers(0, 3, length)],
            "texts": [f"text {LABELS[label]}" for label in labels],
            "starts": [None] * length,
            "ends": [None] * length,
            "labels": labels.tolist(),
            "modality_mask": mask.tolist(),
            "media_paths": [None] * length,
        }
        for m, (name, width) in enumerate(WIDTHS.items()):
            if name in modalities:
                values = generator.normal(size=(length, width)) + 3.0
                values[np.arange(length), labels] += 3.0
                values[~mask[:, m]] = 0.0
                row[f"{name}_features"] = values.astype(np.float32).tolist()
        rows.append(row)
    return rows


def toy_dataset(count: int = 20, seed: int = 0, modalities=("text", "visual", "audio")) -> Dataset:
    """`toy_rows` as a data set with the schema's columns."""
    widths = {f"{name}_dim": WIDTHS[name] for name in modalities}
    features = conversation_features(LABELS, **widths)
    return Dataset.from_list(toy_rows(count, seed, modalities), features=features)
