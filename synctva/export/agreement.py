"""The difference between an exported file and its model, and random conversations to measure it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from synctva.modeling_synctva.configuration_synctva import (
    MODALITIES,
    SyncTVAConfig,
    how_to_install,
)
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .program import INPUT_NAMES, OUTPUT_NAMES

TOLERANCE = 1e-4
"""The largest difference of a logit or strength that counts as rounding."""

MISSING = 0.4
"""Share of missing modalities in random conversations; one utterance in 16 has no modality."""


def require_onnx() -> None:
    """Check that the packages for ONNX are installed.

    Raises:
        ImportError: a package is missing.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ImportError(f"ONNX export needs {', '.join(missing)}: {how_to_install('onnx')}")


def random_conversations(
    config: SyncTVAConfig, lengths: Sequence[int], seed: int = 0
) -> dict[str, Tensor]:
    """Return random conversations of these lengths as a padded batch of the model's inputs.

    Modalities are missing at random. The features of missing modalities and of padding are NaN,
    because they must not be read.

    Args:
        config: of the model, for the widths of the features.
        lengths: number of utterances of each of the B conversations.
        seed: of the random numbers.

    Returns:
        The six inputs of an exported model, each (B, N, ...), where N is the largest length.
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
    """Open an exported file in onnxruntime on the CPU; with 0 threads, onnxruntime chooses."""
    require_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(session: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the outputs of an exported file, by `OUTPUT_NAMES`."""
    values = session.run(OUTPUT_NAMES, {name: batch[name].numpy() for name in INPUT_NAMES})
    return dict(zip(OUTPUT_NAMES, map(torch.from_numpy, values), strict=True))


def largest_difference(
    model: SyncTVAForEmotionRecognition,
    path: str | os.PathLike,
    conversations: int = 200,
    longest: int = 110,
    batch_size: int = 8,
) -> float:
    """Return the largest difference of any logit or strength between an ONNX file and its model.

    They are compared on random conversations of 1 to `longest` utterances, each length in turn. The
    model computes in its packed form, in which missing modalities are left out.

    Args:
        model: in torch; it is put into evaluation mode.
        path: of the ONNX file.
        conversations: their number.
        longest: number of utterances of the longest conversation.
        batch_size: conversations per batch, which are padded to the same length.
    """
    session = open_session(path)
    model.eval()
    lengths = torch.arange(conversations) % longest + 1
    # Shuffled, so that short and long conversations share a batch.
    lengths = lengths[torch.randperm(conversations, generator=torch.Generator().manual_seed(0))]
    differences = []
    for seed, part in enumerate(lengths.split(batch_size)):
        batch = random_conversations(model.config, part.tolist(), seed)
        with torch.no_grad():
            expected = model(**{name: values.to(model.device) for name, values in batch.items()})
        for name, values in answers(session, batch).items():
            differences.append((values - expected[name].cpu()).abs().max())
    return torch.stack(differences).max().item()  # NaN if any is NaN


__all__ = [
    "TOLERANCE",
    "answers",
    "largest_difference",
    "open_session",
    "random_conversations",
    "require_onnx",
]
