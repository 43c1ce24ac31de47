"""The toy model of the tests: its configuration, random batches, and conversations to train on."""

from __future__ import annotations

import numpy as np
import torch
from datasets import Dataset

from synctva.datasets_scripts.schema import conversation_features
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.objective import IGNORE_INDEX

LABELS = ("calm", "glad", "cross")
WIDTHS = {"text": 12, "visual": 6, "audio": 5}


def toy_config(**changes) -> SyncTVAConfig:
    settings = {f"{name}_dim": width for name, width in WIDTHS.items()} | {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_attention_heads": 2,
        "past_window": 3,
        "future_window": 2,
        "cross_past_window": 1,
        "cross_future_window": 2,
        "max_distance": 2,
        "value_rank": 3,
        "id2label": dict(enumerate(LABELS)),
    }
    return SyncTVAConfig(**(settings | changes))


def toy_model(seed: int = 0, **changes) -> SyncTVAForEmotionRecognition:
    """In evaluation mode, its relation biases large enough to matter."""
    torch.manual_seed(seed)
    model = SyncTVAForEmotionRecognition(toy_config(**changes)).eval()
    for name, parameter in model.named_parameters():
        if "relation_bias" in name or name.endswith("lone"):
            torch.nn.init.normal_(parameter)
    return model


def toy_batch(lengths=(6, 1, 4), seed: int = 0, keep: float = 0.6) -> dict[str, torch.Tensor]:
    """Padded random conversations; some utterances have no modality at all."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    attention_mask = torch.arange(shape[1])[None] < torch.tensor(lengths)[:, None]
    present = torch.rand(*shape, 3, generator=generator) < keep
    present[0, 1] = False
    labels = torch.randint(0, len(LABELS), shape, generator=generator)
    return {
        **{
            f"{name}_features": torch.randn(*shape, width, generator=generator)
            for name, width in WIDTHS.items()
        },
        "attention_mask": attention_mask,
        "modality_mask": present & attention_mask[..., None],
        "speaker_ids": torch.randint(0, 3, shape, generator=generator),
        "labels": labels.masked_fill(~attention_mask, IGNORE_INDEX),
    }


def only(batch: dict[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    """One conversation of a batch, without its padding."""
    length = int(batch["attention_mask"][row].sum())
    return {name: tensor[row : row + 1, :length] for name, tensor in batch.items()}


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
