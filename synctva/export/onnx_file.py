"""The inference model as one ONNX file, and the same with int8 weights."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

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
    "Features as their encoders make them: they are standardised inside, with the training set's "
    "mean and deviation. Scores are softmax(logits / temperature)."
)


def export_onnx(
    model: SyncTVAForEmotionRecognition,
    path: str | os.PathLike,
    processor: SyncTVAProcessor | None = None,
) -> Path:
    """Write a trained model as one ONNX file, if it answers as the model does.

    Inputs are `INPUT_NAMES`, outputs `OUTPUT_NAMES`, with free axes `batch` and `utterances`. The
    file's metadata has `labels` (JSON, in the order of the logits), `modalities` (JSON, in the
    order of the masks and strengths), `feature_widths` (JSON), `feature_encoders` (JSON, from the
    processor), `temperature` and `normalisation`.

    Args:
        model: it is put into evaluation mode.
        path: it is replaced if it exists.
        processor: of the same checkpoint, so that the file says what makes the features.

    Raises:
        ValueError: the model has a text backbone.
        ImportError: a package is missing, or torch is too old.
        RuntimeError: the file's answers differ; onnxscript before 0.7.1 got a GRU wrong.
    """
    require_onnx()
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    program = export_program(model)
    # It warns of each torchvision operator that is not installed, and of axes that share a name.
    with recurrence_of_any_length(), _quiet("torch.onnx"):
        converted = torch.onnx.export(
            program,
            input_names=INPUT_NAMES,
            output_names=OUTPUT_NAMES,
            dynamic_shapes=dict.fromkeys(INPUT_NAMES, DYNAMIC_AXES),
            dynamo=True,
            verbose=False,
        )
    assert converted is not None  # it is for the older exporter alone
    # Each node names the lines of code it came from, with their local paths.
    ClearMetadataAndDocStringPass()(converted.model)
    converted.model.metadata_props.update(_metadata(model, processor))
    with _replaced(path) as temporary:
        converted.save(temporary, external_data=False)
        difference = largest_difference(model, temporary, conversations=16, longest=32)
        if not difference <= TOLERANCE:  # NaN is no agreement either
            raise RuntimeError(
                f"the ONNX file differs from the model by {difference:g}: expected at most "
                f"{TOLERANCE:g}; {path} was not written"
            )
    return Path(path)


def quantize_onnx(source: str | os.PathLike, path: str | os.PathLike) -> Path:
    """Write an exported file again with int8 weights, by onnxruntime's dynamic quantisation.

    A scale for each output of a map; activations are quantised as they come. The recurrence stays
    in float32: onnxruntime has no int8 GRU.

    Args:
        source: the file that `export_onnx` has written.
        path: of the new one, written whole or not at all.

    Returns:
        That path.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
    """
    require_onnx()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It advises a preparation that is for static quantisation, and lists tensors it leaves alone.
    with _replaced(path) as temporary, _quiet(None):
        quantize_dynamic(source, temporary, per_channel=True, weight_type=QuantType.QInt8)
    return Path(path)


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
def _replaced(path: str | os.PathLike) -> Iterator[Path]:
    """A name to write to, beside `path`, which takes its place if nothing is raised."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        yield Path(folder, path.name)
        os.replace(Path(folder, path.name), path)


@contextlib.contextmanager
def _quiet(name: str | None) -> Iterator[None]:
    """Only errors of this logger; None is the root."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


__all__ = ["export_onnx", "quantize_onnx"]
