"""The weights of both face networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load

from synctva.video.face_detector import FaceDetector
from synctva.video.face_expression import FaceExpressionNet

FACE_WEIGHTS_FOLDER = Path(__file__).parent
"""Folder of the installed `FACE_WEIGHTS_FILE`, converted from the npm package
`@vladmandic/face-api` (MIT) by `tools/convert_face_weights.py`."""

SCALE_MIN = ".scale_min"
"""Suffix of the entry with the scale and offset of an 8-bit tensor."""


def face_networks(data: bytes) -> tuple[FaceDetector, FaceExpressionNet]:
    """Build both networks, frozen, from the contents of the weights' file.

    Raises:
        RuntimeError: a tensor is missing, unexpected, or of another shape.
    """
    tensors = load(data)
    states: dict[str, dict[str, torch.Tensor]] = {"detector": {}, "expression": {}}
    for name, tensor in tensors.items():
        if name.endswith(SCALE_MIN):
            continue
        network, _, key = name.partition(".")
        if f"{name}{SCALE_MIN}" in tensors:
            scale, offset = tensors[f"{name}{SCALE_MIN}"]
            # In double precision, like the original, so that no weight differs.
            tensor = tensor.double() * scale + offset
        states[network][key] = tensor.float()
    detector, expression = FaceDetector(), FaceExpressionNet()
    detector.load_state_dict(states["detector"])
    expression.load_state_dict(states["expression"])
    networks: list[Any] = [detector, expression]  # torch's stubs know no memory format of modules
    for module in networks:
        module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return detector, expression


__all__ = ["FACE_WEIGHTS_FOLDER", "SCALE_MIN", "face_networks"]
