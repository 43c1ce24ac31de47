"""A toy configuration and random conversations, shared by the model's tests."""

import torch

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

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
    labels = torch.randint(0, 7, shape, generator=generator)
    return {
        **{
            f"{name}_features": torch.randn(*shape, width, generator=generator)
            for name, width in WIDTHS.items()
        },
        "attention_mask": attention_mask,
        "modality_mask": present & attention_mask[..., None],
        "speaker_ids": torch.randint(0, 3, shape, generator=generator),
        "labels": labels.masked_fill(~attention_mask, -100),
    }


def only(batch: dict[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    """One conversation of a batch, without its padding."""
    length = int(batch["attention_mask"][row].sum())
    return {name: tensor[row : row + 1, :length] for name, tensor in batch.items()}
