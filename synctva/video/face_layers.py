"""Shared parts of the two face networks: square images, separable convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn


def square_images(images: Sequence[np.ndarray], size: int, *, centred: bool) -> torch.Tensor:
    """Pad images with black to squares and resize them.

    Bilinear between the pixels around `i * side / size`, neither smoothed nor shifted by half a
    pixel, as in the networks' original code, so that the features are the same. Only the pixels
    that are needed are read: the cost does not grow with the image.

    Args:
        images: n of (H, W, 3) uint8, of any sizes.
        size: side of the squares that come out.
        centred: put an image in the middle of its square; otherwise at the top left.

    Returns:
        (n, 3, size, size) float32, 0 to 255, the channels last in memory (three times as fast).
    """
    squares = torch.zeros(len(images), size, size, 3)
    for square, image in zip(squares, images, strict=True):
        side = max(image.shape[:2])
        rows, columns = (_Taps(side, size, length, centred) for length in image.shape[:2])
        # One array of both taps' pixels: (2 r, 2 c, 3), r rows and c columns not all padding.
        needed = image[np.concatenate(rows.pixels)].take(np.concatenate(columns.pixels), 1)
        values = torch.from_numpy(needed).float()
        values = _mix(values, columns.weights, 1)  # (2 r, c, 3)
        square[rows.places, columns.places] = _mix(values, rows.weights, 0)
    return squares.permute(0, 3, 1, 2)


class _Taps:
    """The two pixels of the image that each position on a side of the square mixes.

    Attributes:
        places: slice of the n positions in the square that the image covers.
        pixels: two (n,) arrays of pixels.
        weights: two (n,) tensors of their weights, 0 for a pixel of the padding.
    """

    def __init__(self, side: int, size: int, length: int, centred: bool):
        margin = (side - length) // 2 if centred else 0
        position = np.arange(size) * (side / size)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, side - 1)
        inside = [(tap >= margin) & (tap < margin + length) for tap in (low, high)]
        reached = np.flatnonzero(inside[0] | inside[1])
        # An image of one line may fall between two sampled positions.
        self.places = slice(reached[0], reached[-1] + 1) if reached.size else slice(0)
        self.pixels = [np.clip(tap - margin, 0, length - 1)[self.places] for tap in (low, high)]
        fraction = position - low
        weights = ((1 - fraction) * inside[0], fraction * inside[1])
        self.weights = [torch.from_numpy(each[self.places]).float() for each in weights]


def _mix(values: torch.Tensor, weights: Sequence[torch.Tensor], dim: int) -> torch.Tensor:
    """Return the weighted sum of the two halves of dimension `dim`."""
    shape = [-1 if i == dim else 1 for i in range(values.ndim)]
    low, high = values.chunk(2, dim)
    return (low * weights[0].view(shape)).addcmul_(high, weights[1].view(shape))


class SeparableConv(nn.Module):
    """A 3 x 3 convolution of each channel by itself, then a 1 x 1 convolution across channels.

    Shapes: (n, inputs, h, w) → (n, outputs, ⌈h / stride⌉, ⌈w / stride⌉).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(pad_same(states, self.depthwise.stride[0])))


def pad_same(states: torch.Tensor, stride: int) -> torch.Tensor:
    """Pad (n, C, h, w) with zeros, so that a 3 x 3 convolution gives ⌈h / stride⌉ x ⌈w / stride⌉.

    An odd zero goes to the bottom and right: TensorFlow's "same", which torch's padding is not.
    """
    missing = [max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in states.shape[-2:]]
    (top, bottom), (left, right) = ((n // 2, n - n // 2) for n in missing)
    return nn.functional.pad(states, (left, right, top, bottom))


__all__ = ["SeparableConv", "pad_same", "square_images"]
