"""The description of a face's expression: face-api's FaceExpressionNet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from synctva.video.face_layers import SeparableConv, pad_same, square_images

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
"""The network's classes, in order."""

FEATURES = 256
"""Width of the last dense block's output."""

_FACE_SIZE = 112
_MEAN = (122.782, 117.001, 104.298)  # of the training faces' red, green and blue


class FaceExpressionNet(nn.Module):
    """Four blocks of densely connected separable convolutions, then a linear classifier."""

    def __init__(self) -> None:
        super().__init__()
        # Named as in the original, so that its weights are found by name.
        self.dense0 = _DenseBlock(nn.Conv2d(3, 32, 3, stride=2), 32)
        self.dense1 = _DenseBlock(SeparableConv(32, 64, stride=2), 64)
        self.dense2 = _DenseBlock(SeparableConv(64, 128, stride=2), 128)
        self.dense3 = _DenseBlock(SeparableConv(128, FEATURES, stride=2), FEATURES)
        self.fc = nn.Linear(FEATURES, len(EXPRESSIONS))

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, 112, 112) float, 0 to 255 → features (n, 256), probabilities (n, 7)."""
        mean = faces.new_tensor(_MEAN)[:, None, None]
        states = (faces - mean) / 255
        for block in (self.dense0, self.dense1, self.dense2, self.dense3):
            states = block(states)
        features = states.mean((-2, -1))  # (n, 256, 7, 7) → (n, 256)
        return features, self.fc(features).softmax(-1)

    @torch.no_grad()
    def describe(self, faces: Sequence[np.ndarray]) -> np.ndarray:
        """Return features and probabilities of n faces, (h, w, 3) uint8 each: (n, 263) float32."""
        if not faces:
            return np.zeros((0, FEATURES + len(EXPRESSIONS)), dtype=np.float32)
        squares = square_images(faces, _FACE_SIZE, centred=True)
        return torch.cat(self(squares.to(self.fc.weight)), -1).float().cpu().numpy()


class _DenseBlock(nn.Module):
    """Four convolutions: the first halves the image, the others read the sum of those before."""

    def __init__(self, first: nn.Module, width: int):
        super().__init__()
        self.conv0 = first
        self.conv1 = SeparableConv(width, width)
        self.conv2 = SeparableConv(width, width)
        self.conv3 = SeparableConv(width, width)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(n, C, h, w) → (n, width, ⌈h / 2⌉, ⌈w / 2⌉)."""
        if isinstance(self.conv0, nn.Conv2d):  # a separable convolution pads by itself
            states = pad_same(states, stride=2)
        total = self.conv0(states).relu()
        for block in (self.conv1, self.conv2, self.conv3):
            total = total + block(total.relu())
        return total.relu()


__all__ = ["EXPRESSIONS", "FEATURES", "FaceExpressionNet"]
