"""The face detector: face-api's TinyFaceDetector."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from synctva.video.face_layers import SeparableConv, square_images

# Widths and heights, in cells, of the five boxes that each cell of the grid proposes.
_ANCHORS = (
    (1.603231, 2.094468),
    (6.041143, 7.080126),
    (2.882459, 3.518061),
    (4.266906, 5.178857),
    (9.041765, 10.66308),
)
_MEAN = (117.001, 114.697, 97.404)  # of the training images' red, green and blue

_STRIDE = 32
_REACH = 96
"""How far the network sees beyond a cell, in pixels, rounded up to whole cells."""


class Face(NamedTuple):
    """A box around a face, in pixels; it may extend beyond the image."""

    left: float
    top: float
    width: float
    height: float
    score: float

    @property
    def area(self) -> float:
        return self.width * self.height


class FaceDetector(nn.Module):
    """A small convolutional network like YOLO: a grid with five boxes per cell.

    Example:
        >>> detector = FaceDetector()  # random weights: see `VisualEncoder` for the real ones
        >>> detector.detect(np.zeros((90, 120, 3), np.uint8), score_threshold=1.0)
        []
    """

    def __init__(self) -> None:
        super().__init__()
        # Numbered as in the original, so that its weights are found by name.
        self.conv0 = nn.Conv2d(3, 16, 3)
        self.conv1 = SeparableConv(16, 32)
        self.conv2 = SeparableConv(32, 64)
        self.conv3 = SeparableConv(64, 128)
        self.conv4 = SeparableConv(128, 256)
        self.conv5 = SeparableConv(256, 512)
        self.conv8 = nn.Conv2d(512, 5 * len(_ANCHORS), 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 3, H, W) float, 0 to 255 → (n, ⌈H / 32⌉, ⌈W / 32⌉, 5, 5): boxes per cell.

        The last dimension: x, y within the cell (logits), log width and height in anchors, score
        (logit).
        """
        mean = images.new_tensor(_MEAN)[:, None, None]
        states = self.conv0((images - mean) / 255)
        for block in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            # Pooling before the monotone activation gives the same for a quarter of the work.
            states = nn.functional.max_pool2d(states, 2, 2, ceil_mode=True)
            states = block(nn.functional.leaky_relu(states, 0.1))
        # The last pooling does not shrink the grid; its windows extend beyond the bottom and right.
        states = nn.functional.pad(states, (0, 1, 0, 1), value=-torch.inf)
        states = nn.functional.leaky_relu(nn.functional.max_pool2d(states, 2, 1), 0.1)
        states = self.conv8(states)  # (n, 25, G, G)
        n, _, rows, columns = states.shape
        return states.permute(0, 2, 3, 1).reshape(n, rows, columns, len(_ANCHORS), 5)

    @torch.no_grad()
    def detect(
        self,
        image: np.ndarray,
        size: int = 416,
        *,
        score_threshold: float = 0.5,
        overlap_threshold: float = 0.4,
    ) -> list[Face]:
        """Detect the faces in an image, the most certain first.

        Args:
            image: (H, W, 3) uint8.
            size: what the image's longer side is resized to, a multiple of 32. Small faces need
                a large one, faces that fill the image a small one.
            score_threshold: boxes with a lower score are dropped.
            overlap_threshold: of two boxes whose intersection over union is larger, the one with
                the lower score is dropped.
        """
        (square,) = square_images([image], size, centred=False)
        # No cell of a wide image sees most of the padding below it.
        rows, columns = (
            min(-(-(_resized(length, image, size) + _REACH) // _STRIDE) * _STRIDE, size)
            for length in image.shape[:2]
        )
        grid = self(square[None, :, :rows, :columns].to(self.conv8.weight))[0].float().cpu()
        return _suppress(_boxes(grid, image, size, score_threshold), overlap_threshold)


def _resized(length: int, image: np.ndarray, size: int) -> int:
    """Return the side of the resized image in whole pixels, as in the original."""
    return max(math.floor(length * (size / max(image.shape[:2])) + 0.5), 1)


def _boxes(grid: torch.Tensor, image: np.ndarray, size: int, score_threshold: float) -> list[Face]:
    """Return the boxes of a grid (rows, columns, 5, 5) in the image's pixels, best score first."""
    # In whole pixels of the resized image, so that boxes equal the original's to the pixel: the
    # pixels that are cut out determine the features.
    cell_height, cell_width = (
        length / _resized(length, image, size) * _STRIDE for length in image.shape[:2]
    )
    scores = grid[..., 4].sigmoid()
    faces = []
    for row, column, anchor in (scores > score_threshold).nonzero().tolist():
        x, y, log_width, log_height, _ = grid[row, column, anchor].double()
        width = log_width.exp().item() * _ANCHORS[anchor][0] * cell_width
        height = log_height.exp().item() * _ANCHORS[anchor][1] * cell_height
        left = (column + x.sigmoid().item()) * cell_width - width / 2
        top = (row + y.sigmoid().item()) * cell_height - height / 2
        faces.append(Face(left, top, width, height, scores[row, column, anchor].item()))
    return sorted(faces, key=lambda face: -face.score)


def _suppress(faces: list[Face], overlap_threshold: float) -> list[Face]:
    """Drop boxes that overlap a more certain one; `faces` has the most certain first."""
    kept: list[Face] = []
    for face in faces:
        if all(_overlap(face, other) <= overlap_threshold for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, other: Face) -> float:
    """Return the intersection over union of two boxes."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (one.area + other.area - shared)


__all__ = ["Face", "FaceDetector"]
