"""Export a trained model to ONNX and compare the file with the model in torch.

    synctva export --model synctva-meld --output model.onnx
    synctva export --model runs/meld-seed0 --output model.onnx --quantize

The second command also writes model-int8.onnx. docs/export.md describes inputs and outputs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers.utils import logging

from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.export import TOLERANCE, export_onnx, largest_difference, quantize_onnx
from synctva.model_lookup import find_model
from synctva_command_line.parsing import parse, parser_of

CONVERSATIONS = 200
"""Random conversations on which the file is compared with the model."""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("export"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    logging.disable_progress_bar()
    source = find_model(options.model)
    model = SyncTVAForEmotionRecognition.from_pretrained(source, dtype=torch.float32)
    processor = SyncTVAProcessor.from_pretrained(source)
    try:
        path = export_onnx(model, options.output, processor)
    except (ImportError, RuntimeError, ValueError) as error:
        raise SystemExit(f"{options.model}: {error}") from None
    difference = report(model, path)
    if not difference <= TOLERANCE:  # false for NaN too
        raise SystemExit(
            f"{path} differs from the model by {difference:g}: expected at most {TOLERANCE:g}"
        )
    if options.quantize:
        report(model, quantize_onnx(path, path.with_stem(f"{path.stem}-int8")))


def report(model: SyncTVAForEmotionRecognition, path: Path) -> float:
    """Print and return the largest difference between a file and the model."""
    difference = largest_difference(model, path, CONVERSATIONS)
    print(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, differs by at most {difference:.1e} on "
        f"{CONVERSATIONS} random conversations of 1 to 110 utterances"
    )
    return difference
