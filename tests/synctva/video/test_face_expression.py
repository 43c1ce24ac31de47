import numpy as np
import pytest

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video.face_expression import FaceExpressionNet
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER, face_networks
from tests.support.face_reference import reference_images


@pytest.fixture(scope="module")
def expression() -> FaceExpressionNet:
    return face_networks((FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE).read_bytes())[1]


def test_batch_equals_single(expression):
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    faces = [*(image for image, _ in reference_images().values()), noise]
    single = [expression.describe([face])[0] for face in faces]
    np.testing.assert_allclose(expression.describe(faces), single, atol=1e-4)
    assert expression.describe([]).shape == (0, 263)
