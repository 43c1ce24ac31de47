"""The inference model as an ONNX file, with float32 or int8 weights."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from synctva.files import moved_at_the_end
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor

from .agreement import TOLERANCE, largest_difference, require_onnx
from .program import (
    DYNAMIC_AXES,
    INPUT_NAMES,
    OUTPUT_NAMES,
    export_program,
    recurrence_of_any_length,
)

NORMALISATION = (
    "Features are those of the encoders, not standardised: the model does this with the training "
    "set's mean and deviation. Scores are softmax(logits / temperature)."
)


def export_onnx(
    model: SyncTVAForEmotionRecognition,
    path: str | os.PathLike,
    processor: SyncTVAProcessor | None = None,
) -> Path:
    """Write a trained model as an ONNX file and return its path, if both give the same answers.

    Inputs are `INPUT_NAMES` and outputs `OUTPUT_NAMES`, with the variable axes `batch` and
    `utterances`. The metadata of the file are `labels` (JSON, in the order of the logits),
    `modalities` (JSON, in the order of the masks and strengths), `feature_widths` (JSON),
    `feature_encoders` (JSON, from the processor), `temperature` and `normalisation`.

    Args:
        model: it is put into evaluation mode.
        path: of the file, which is replaced if it exists.
        processor: of the same checkpoint, so that the file names the encoders of the features.

    Raises:
        ValueError: the model has a text backbone.
        ImportError: a package is missing, or torch is too old.
        RuntimeError: the answers differ, for example because onnxscript is older than 0.7.1, which
            exported a GRU incorrectly. The file is not written.
    """
    require_onnx()
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    program = export_program(model)
    # torch.onnx warns about each missing torchvision operator, and about axes with the same name.
    with recurrence_of_any_length(), _quiet("torch.onnx"):
        converted = torch.onnx.export(
            program,
            input_names=INPUT_NAMES,
            output_names=OUTPUT_NAMES,
            dynamic_shapes=dict.fromkeys(INPUT_NAMES, DYNAMIC_AXES),
            dynamo=True,
            verbose=False,
        )
    assert converted is not None  # only the older exporter returns None
    # The nodes name the lines of code that they come from, with local paths.
    ClearMetadataAndDocStringPass()(converted.model)
    converted.model.metadata_props.update(_metadata(model, processor))
    path = Path(path)
    with moved_at_the_end(path.parent) as unfinished:
        converted.save(unfinished / path.name, external_data=False)
        difference = largest_difference(model, unfinished / path.name, conversations=16, longest=32)
        if not difference <= TOLERANCE:  # false for NaN too
            raise RuntimeError(
                f"the ONNX file differs from the model by {difference:g}: expected at most "
                f"{TOLERANCE:g}; {path} was not written"
            )
    return path


def quantize_onnx(source: str | os.PathLike, path: str | os.PathLike) -> Path:
    """Write an exported file again with int8 weights and return its path.

    This is onnxruntime's dynamic quantisation: each output of a linear map has its own scale, and
    activations are quantised when they are computed. The recurrence stays in float32, because
    onnxruntime has no int8 GRU.

    Args:
        source: file that `export_onnx` has written.
        path: of the new file, which is replaced if it exists.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
    """
    require_onnx()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = Path(path)
    # onnxruntime recommends a step that only static quantisation needs, and lists skipped tensors.
    with moved_at_the_end(path.parent) as unfinished, _quiet(None):
        quantize_dynamic(
            source, unfinished / path.name, per_channel=True, weight_type=QuantType.QInt8
        )
    return path


def _metadata(
    model: SyncTVAForEmotionRecognition, processor: SyncTVAProcessor | None
) -> dict[str, str]:
    config = model.config
    encoders = {
        name: spec
        for name in MODALITIES
        if processor and (spec := getattr(processor, f"{name}_encoder"))
    }
    return {
        "labels": json.dumps([config.id2label[index] for index in range(config.num_labels)]),
        "modalities": json.dumps(MODALITIES),
        "feature_widths": json.dumps(config.modality_dims),
        "feature_encoders": json.dumps(encoders),
        "temperature": json.dumps(config.calibration_temperature),
        "normalisation": NORMALISATION,
    }


@contextlib.contextmanager
def _quiet(name: str | None) -> Iterator[None]:
    """Let a logger print only errors; None is the root logger."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


__all__ = ["export_onnx", "quantize_onnx"]
