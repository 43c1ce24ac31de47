"""How far an exported file is from the model that it was made of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .program import INPUT_NAMES, OUTPUT_NAMES

TOLERANCE = 1e-4
"""The largest difference of a logit or strength that is rounding."""

MISSING = 0.4
"""Share of modalities that are missing in random conversations; one utterance in 16 has none."""


def require_onnx() -> None:
    """Raises ImportError, saying how to install, where a package of the extra is missing."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ImportError(f"ONNX export needs {', '.join(missing)}: `pip install 'synctva[onnx]'`")


def random_conversations(
    config: SyncTVAConfig, lengths: Sequence[int], seed: int = 0
) -> dict[str, Tensor]:
    """Random conversations of these lengths, padded to one batch: the model's arguments.

    Modalities are missing at random, and what may not be read, there and at padding, is NaN.

    Args:
        config: of the model: widths of the features.
        lengths: utterances of each of B conversations.
        seed: of the draws.

    Returns:
        The six inputs of an exported model, (B, N, ...) each, N the longest.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    attention_mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    present = torch.rand(*shape, len(MODALITIES), generator=generator) >= MISSING
    modality_mask = present & attention_mask[..., None]
    features = [
        torch.randn(*shape, width, generator=generator).where(mask[..., None], torch.nan)
        for width, mask in zip(config.modality_dims.values(), modality_mask.unbind(-1), strict=True)
    ]
    speaker_ids = torch.randint(0, 4, shape, generator=generator)
    values = (*features, attention_mask, modality_mask, speaker_ids)
    return dict(zip(INPUT_NAMES, values, strict=True))


def open_session(path: str | os.PathLike, threads: int = 0) -> Any:
    """An exported file in onnxruntime on the CPU; 0 threads leaves the number to it."""
    require_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(session: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What an exported file says, by `OUTPUT_NAMES`."""
    values = session.run(OUTPUT_NAMES, {name: batch[name].numpy() for name in INPUT_NAMES})
    return dict(zip(OUTPUT_NAMES, map(torch.from_numpy, values), strict=True))


def largest_difference(
    model: SyncTVAForEmotionRecognition,
    path: str | os.PathLike,
    conversations: int = 200,
    longest: int = 110,
    batch_size: int = 8,
) -> float:
    """Largest difference of any logit or strength between an ONNX file and its model.

    Over random conversations of 1 to `longest` utterances, every length in turn; the model
    computes as it does everywhere, on what is present alone.

    Args:
        model: in torch; is put into evaluation mode.
        path: of the ONNX file.
        conversations: so many.
        longest: utterances of the longest.
        batch_size: conversations at a time, padded to each other.
    """
    session = open_session(path)
    model.eval()
    lengths = torch.arange(conversations) % longest + 1
    # Shuffled, so that short and long ones share a batch.
    lengths = lengths[torch.randperm(conversations, generator=torch.Generator().manual_seed(0))]
    differences = []
    for seed, part in enumerate(lengths.split(batch_size)):
        batch = random_conversations(model.config, part.tolist(), seed)
        with torch.no_grad():
            expected = model(**{name: values.to(model.device) for name, values in batch.items()})
        for name, values in answers(session, batch).items():
            differences.append((values - expected[name].cpu()).abs().max())
    return torch.stack(differences).max().item()  # NaN, if any is NaN


__all__ = [
    "TOLERANCE",
    "answers",
    "largest_difference",
    "open_session",
    "random_conversations",
    "require_onnx",
]
