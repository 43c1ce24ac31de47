"""`torch.export`: the inference model as a program for any number and length of conversations."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch
from torch.export import Dim, ExportedProgram

from synctva.modeling_synctva.configuration_synctva import MODALITIES, how_to_install
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .dense import DenseSyncTVA

INPUT_NAMES = (
    *(f"{name}_features" for name in MODALITIES),
    "attention_mask",
    "modality_mask",
    "speaker_ids",
)
"""Arguments of the exported model, all of which are required; see `DenseSyncTVA.forward`."""

OUTPUT_NAMES = ("logits", "strengths")

DYNAMIC_AXES = {0: "batch", 1: "utterances"}
"""Axes of variable size in every input and output."""


@contextlib.contextmanager
def recurrence_of_any_length() -> Iterator[None]:
    """Let torch trace a GRU without fixing the length of its input.

    By default, torch unrolls the recurrence to find the shape of its output, so that the length of
    the example becomes a constant. (torch's ONNX exporter uses the same helper, but not for all
    its steps: https://github.com/pytorch/pytorch/pull/193192.)

    Raises:
        ImportError: torch is too old to have this helper.
    """
    try:
        from torch.export._patches import register_gru_while_loop_decomposition
    except ImportError as error:
        raise ImportError(
            f"torch = {torch.__version__}: expected 2.13 or newer, which can export a GRU for "
            f"conversations of any length ({how_to_install('onnx')})"
        ) from error
    with warnings.catch_warnings(), register_gru_while_loop_decomposition():
        # Caused by torch itself, which flattens the GRU's weights and calls deprecated functions.
        warnings.filterwarnings("ignore", ".*were assigned during export")
        warnings.filterwarnings("ignore", ".*_check_is_size will be removed")
        warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)")
        warnings.filterwarnings("ignore", ".*shares the same shape constraints with another axis")
        yield


def export_program(model: SyncTVAForEmotionRecognition) -> ExportedProgram:
    """Export a trained model.

    The program takes `INPUT_NAMES` by keyword, for any number of conversations and utterances, and
    returns `OUTPUT_NAMES`. `torch.export.save` writes it; only torch is needed to load it.

    Args:
        model: it is put into evaluation mode.

    Raises:
        ValueError: the model has a text backbone.
        ImportError: torch is too old.
    """
    shape = (2, 5)  # torch would take an axis of size 1 for a constant
    device = model.device
    mask = torch.ones(shape, dtype=torch.bool, device=device)
    features = (torch.zeros(*shape, d, device=device) for d in model.config.modality_dims.values())
    inputs = (*features, mask, mask[..., None].expand(-1, -1, len(MODALITIES)), mask.long())
    axes = {number: Dim(name) for number, name in DYNAMIC_AXES.items()}
    with recurrence_of_any_length():
        return torch.export.export(
            DenseSyncTVA(model),
            args=(),
            kwargs=dict(zip(INPUT_NAMES, inputs, strict=True)),
            dynamic_shapes=dict.fromkeys(INPUT_NAMES, axes),
        )


__all__ = ["INPUT_NAMES", "OUTPUT_NAMES", "export_program", "recurrence_of_any_length"]
