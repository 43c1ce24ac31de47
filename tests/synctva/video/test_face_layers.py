import numpy as np
import torch

from synctva.video.face_layers import SeparableConv, square_images


def test_squares_by_hand():
    """Twice the size: between two pixels is their mean, and outside the image is black."""
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 10
    (square,) = square_images([image], 4, centred=False)
    first = torch.from_numpy(image[..., 0]).float()
    columns = torch.stack([first[:, 0], first.mean(1), first[:, 1], first[:, 1]], 1)
    expected = torch.stack([columns[0], columns.mean(0), columns[1], columns[1]])
    torch.testing.assert_close(square[0], expected)
    wide, odd = np.full((1, 3, 3), 8, np.uint8), np.full((3, 2, 3), 8, np.uint8)
    (square,) = square_images([wide], 3, centred=False)
    assert square[0].tolist() == [[8, 8, 8], [0, 0, 0], [0, 0, 0]]
    (square,) = square_images([wide], 3, centred=True)
    assert square[0].tolist() == [[0, 0, 0], [8, 8, 8], [0, 0, 0]]
    (square,) = square_images([odd], 3, centred=True)
    assert square[0].tolist() == [[8, 8, 0]] * 3


def test_separable_convolution_equals_a_full_one():
    """The product of both filters is one 3 x 3 filter per pair of channels."""
    torch.manual_seed(0)
    block = SeparableConv(3, 5)
    filters = block.pointwise.weight * block.depthwise.weight[:, 0][None]  # (5, 3, 3, 3)
    images = torch.randn(2, 3, 6, 7)
    full = torch.nn.functional.conv2d(images, filters, block.pointwise.bias, padding=1)
    torch.testing.assert_close(block(images), full)
