"""Reads the file with the weights of both face networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load

from .face_detector_synctva import FaceDetector
from .face_expression_synctva import FaceExpressionNet

WEIGHTS_FILE = "face_synctva.safetensors"
"""Converted from the npm package `@vladmandic/face-api` (MIT): see `synctva/face_weights.py`."""

WEIGHTS_FOLDER = Path(__file__).parent
"""Where the file lies beside the code. Code that came from the Hub lies without it."""

SCALE_MIN = ".scale_min"
"""What follows a tensor's name where its 8-bit numbers' scale and offset stand."""


def face_networks(data: bytes) -> tuple[FaceDetector, FaceExpressionNet]:
    """Both networks, frozen, from the contents of the weights' file.

    Raises:
        RuntimeError: a tensor is missing, too many, or of another shape.
    """
    tensors = load(data)
    states: dict[str, dict[str, torch.Tensor]] = {"detector": {}, "expression": {}}
    for name, tensor in tensors.items():
        if name.endswith(SCALE_MIN):
            continue
        network, _, key = name.partition(".")
        if f"{name}{SCALE_MIN}" in tensors:
            scale, offset = tensors[f"{name}{SCALE_MIN}"]
            # In double precision, as the original does it, so that no weight differs.
            tensor = tensor.double() * scale + offset
        states[network][key] = tensor.float()
    detector, expression = FaceDetector(), FaceExpressionNet()
    detector.load_state_dict(states["detector"])
    expression.load_state_dict(states["expression"])
    networks: list[Any] = [detector, expression]  # torch's stubs know no memory format of modules
    for module in networks:
        module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return detector, expression


__all__ = ["SCALE_MIN", "WEIGHTS_FILE", "WEIGHTS_FOLDER", "face_networks"]
