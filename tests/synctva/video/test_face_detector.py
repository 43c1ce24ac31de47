import numpy as np
import pytest
import torch

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video.face_detector import Face, FaceDetector
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER, face_networks
from tests.support.face_reference import reference_images


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return face_networks((FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE).read_bytes())[0]


def test_padding_that_no_cell_sees_is_left_out(detector, monkeypatch):
    """The cells of a wide and of a tall image, against those of the whole square."""
    grids, forward = [], detector.forward

    def recorded(images):
        grids.append(forward(images)[0])
        return grids[-1][None]

    monkeypatch.setattr(detector, "forward", recorded)
    wide = reference_images()["small, wide"][0]
    assert wide.shape == (240, 1280, 3)
    square = np.zeros((1280, 1280, 3), np.uint8)
    square[:240] = wide
    for image in (wide, wide.transpose(1, 0, 2), square, square.transpose(1, 0, 2)):
        detector.detect(image, 608)
    cells = 4  # 240 / 1280 * 608 / 32, rounded up
    assert [grid.shape[:2] for grid in grids] == [(7, 19), (19, 7), (19, 19), (19, 19)]
    torch.testing.assert_close(grids[0][:cells], grids[2][:cells], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(grids[1][:, :cells], grids[3][:, :cells], rtol=1e-4, atol=1e-4)


def test_keeps_the_most_certain_of_overlapping_boxes():
    detector = FaceDetector()
    proposals = torch.full((1, 13, 13, 5, 5), -20.0)
    proposals[..., :4] = 0
    proposals[0, 5, 5, 1, 4] = 3.0
    proposals[0, 5, 6, 1, 4] = 2.0  # a cell to the right: overlaps
    proposals[0, 5, 12, 1, 4] = 1.0  # far from it
    detector.forward = lambda images: proposals
    image = np.zeros((416, 416, 3), np.uint8)
    first, second = detector.detect(image)
    width, height = 6.041143 * 32, 7.080126 * 32
    expected = Face(5.5 * 32 - width / 2, 5.5 * 32 - height / 2, width, height, 0.952574)
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    assert second.left == pytest.approx(12.5 * 32 - width / 2)
    assert len(detector.detect(image, overlap_threshold=1.0)) == 3
    assert len(detector.detect(image, score_threshold=0.9)) == 1
