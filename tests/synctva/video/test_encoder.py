import copy
import json
import shutil

import numpy as np
import pytest

from synctva.modeling_synctva.processing_synctva import FACE_WEIGHTS_FILE
from synctva.video import encoder as module
from synctva.video.encoder import FACE_SPEC, VisualEncoder
from synctva.video.face_expression import EXPRESSIONS as CLASSES
from synctva.video.face_weights import FACE_WEIGHTS_FOLDER
from tests.support import face_reference
from tests.support.drawn_face import EXPRESSIONS, drawn_face

REFERENCE = json.loads(face_reference.PATH.read_text())
REFERENCE_IMAGES = face_reference.reference_images()
IMAGES = {name: image for name, (image, _) in REFERENCE_IMAGES.items()}


@pytest.fixture(scope="module")
def encoder() -> VisualEncoder:
    return VisualEncoder.from_spec(FACE_SPEC)


@pytest.fixture(scope="module")
def quick() -> VisualEncoder:
    """For what does not depend on faces."""
    return VisualEncoder.from_spec({**FACE_SPEC, "input_sizes": [64]})


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def clip(*images: np.ndarray, seconds: float = 0.2) -> list[tuple[float, np.ndarray]]:
    return [(i * seconds, image) for i, image in enumerate(images)]


@pytest.mark.parametrize("name", REFERENCE)
def test_agrees_with_face_api(encoder, name):
    (image, size), expected = REFERENCE_IMAGES[name], REFERENCE[name]
    assert face_reference.digest(image) == expected["sha256"], "the drawing has changed"
    faces = encoder.detector.detect(image, size)
    boxes = np.array([face["box"] for face in expected["faces"]]).reshape(-1, 5)
    np.testing.assert_allclose(np.array(faces).reshape(-1, 5), boxes, atol=1e-3)
    for face, reference in zip(faces, expected["faces"], strict=True):
        described = encoder.expression.describe([module._cut_out(image, face)])[0]
        every = described[: 256 : face_reference.EVERY]
        np.testing.assert_allclose(every, reference["features"], atol=1e-4)
        np.testing.assert_allclose(described[256:], reference["probabilities"], atol=1e-5)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_drawn_expressions_are_told_apart(encoder, expression):
    features = encoder.encode(clip(drawn_face(**EXPRESSIONS[expression])))
    assert CLASSES[features[256:].argmax()] == expression


def test_features_are_the_mean_over_frames_with_a_face(encoder):
    happy, angry = (drawn_face(**EXPRESSIONS[name]) for name in ("happy", "angry"))
    nobody = IMAGES["nobody"]
    summary = encoder.summarise(clip(happy, nobody, angry, nobody))
    assert (summary.frames, summary.frames_with_face) == (4, 2)
    assert summary.features.dtype == np.float32
    assert summary.features.shape == (encoder.width,) == (263,)
    single = np.stack([encoder.encode(clip(image)) for image in (happy, angry)])
    np.testing.assert_allclose(summary.features, single.mean(0), atol=1e-5)
    np.testing.assert_array_equal(summary.features, encoder.encode(clip(happy, angry)))


def test_largest_face_is_described(encoder):
    small = drawn_face(240, 200, (120, 100), 45, **EXPRESSIONS["happy"])
    large = drawn_face(240, 200, (120, 100), 80, **EXPRESSIONS["angry"])
    both = np.concatenate([small, large], axis=1)
    assert len(encoder.detector.detect(both)) == 2
    assert CLASSES[encoder.encode(clip(both))[256:].argmax()] == "angry"
    assert CLASSES[encoder.encode(clip(both[:, ::-1]))[256:].argmax()] == "angry"


def test_small_face_is_found_with_a_second_look(encoder):
    image = IMAGES["small, wide"]
    assert [len(encoder.detector.detect(image, size)) for size in (416, 608)] == [0, 1]
    assert encoder.encode(clip(image)) is not None
    once = VisualEncoder.from_spec({**FACE_SPEC, "input_sizes": [416]})
    assert once.encode(clip(image)) is None


def test_same_frames_give_the_same_features(encoder):
    frames = clip(*IMAGES.values())
    np.testing.assert_array_equal(encoder.encode(frames), encoder.encode(iter(frames)))


@pytest.mark.parametrize(
    "images",
    [
        [],
        [noise(90, 120, 3)],
        [np.zeros((90, 120, 3), np.uint8), np.full((90, 120, 3), 255, np.uint8)],
        [noise(1, 1, 3)],
        [noise(1, 3000, 3), noise(3000, 1, 3), noise(2, 3, 3)],
        [np.broadcast_to(np.uint8(7), (30_000, 40_000, 3))],  # 3.6 GB, if it were copied
    ],
    ids=["no frame", "noise", "constant", "one pixel", "lines", "huge"],
)
def test_no_face_is_none(encoder, images):
    summary = encoder.summarise(clip(*images))
    assert summary == (None, len(images), 0)
    assert encoder.encode(clip(*images)) is None


def test_large_image_of_a_face(encoder):
    small = drawn_face(**EXPRESSIONS["angry"])
    large = small.repeat(16, 0).repeat(16, 1)
    assert large.shape == (3840, 5120, 3)
    assert CLASSES[encoder.encode(clip(large))[256:].argmax()] == "angry"


def test_frames_are_sampled_by_time(encoder, quick):
    """25 frames per second give the same as only those of them that are examined."""
    shown = [drawn_face(**EXPRESSIONS[name]) for name in ("happy", "sad", "neutral")]
    frames = [(7 + i / 25, shown[i // 5]) for i in range(15)]
    assert quick.summarise(iter(frames)).frames == 3
    np.testing.assert_array_equal(encoder.encode(frames), encoder.encode(frames[::5]))
    rare = VisualEncoder.from_spec({**quick.spec, "frames_per_second": 0.5})
    assert rare.summarise(frames).frames == 1
    assert quick.summarise(clip(*shown * 4, seconds=0.6)).frames == 12


def test_one_frame_is_held_at_a_time(quick):
    def frames():
        for i in range(6):
            yield 0.2 * i, image

    class Counted(np.ndarray):
        alive = 0

        def __array_finalize__(self, _):
            Counted.alive += 1

        def __del__(self):
            Counted.alive -= 1

    image = noise(40, 50, 3)
    most = 0

    def counted():
        nonlocal most
        for time, array in frames():
            most = max(most, Counted.alive)
            yield time, array.copy().view(Counted)

    assert quick.summarise(counted()).frames == 6
    assert most <= 2


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        ((0.4, noise(9, 9)), ValueError, r"frame 1 at 0.400 s has shape \(9, 9\) of uint8"),
        ((0.4, noise(9, 9, 1)), ValueError, r"shape \(9, 9, 1\)"),
        ((0.4, noise(9, 9, 4)), ValueError, r"shape \(9, 9, 4\).*expected \(height, width, 3\)"),
        ((0.4, noise(0, 9, 3)), ValueError, r"shape \(0, 9, 3\)"),
        ((0.4, noise(9, 9, 3) / 255), ValueError, "of float64: expected .* of uint8"),
        ((0.4, [[0]]), TypeError, "frame 1 at 0.400 s is a list"),
        ((float("nan"), noise(9, 9, 3)), ValueError, "frame 1: time = nan"),
        ((None, noise(9, 9, 3)), TypeError, "frame 1: expected a pair of seconds and image"),
        (noise(9, 9, 3), TypeError, "frame 1: expected a pair of seconds and image"),
    ],
)
def test_refuses_a_frame(encoder, frame, error, message):
    with pytest.raises(error, match=message):
        encoder.encode([(0.0, noise(9, 9, 3)), frame])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"version": "1.7.15"}, "spec = .*: expected 'name', and optionally any of .*'version'"),
        ({**FACE_SPEC, "colour": "red"}, "'colour': 'red'.*expected 'name'"),
        (
            {**FACE_SPEC, "name": "other", "version": "2.0"},
            "name = 'other', version = '2.0': expected 'face-api-expressions', which the installed "
            "package has in version '1.7.15'",
        ),
        ({**FACE_SPEC, "version": "2.0"}, "version = '2.0': expected '1.7.15'"),
        ({**FACE_SPEC, "width": 7}, "width = 7: expected 263"),
        ({**FACE_SPEC, "frames_per_second": 0}, "frames_per_second = 0: expected a number"),
        ({**FACE_SPEC, "input_sizes": []}, r"input_sizes = \[\]: expected multiples of 32"),
        ({**FACE_SPEC, "input_sizes": [400]}, r"input_sizes = \[400\]: expected multiples of 32"),
        ({**FACE_SPEC, "frames_per_second": "5"}, "frames_per_second = '5': expected a number"),
    ],
)
def test_refuses_spec(spec, message):
    with pytest.raises(ValueError, match=message):
        VisualEncoder.from_spec(spec)


def test_other_weights_are_refused_with_both_checksums(tmp_path):
    with pytest.raises(ValueError, match=f"= {FACE_SPEC['sha256']}: expected {'0' * 64}"):
        VisualEncoder.from_spec({**FACE_SPEC, "sha256": "0" * 64})
    weights = bytearray((FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE).read_bytes())
    weights[-1] ^= 1
    (tmp_path / FACE_WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(
        ValueError, match=f"{FACE_WEIGHTS_FILE} = .*: expected {FACE_SPEC['sha256']}"
    ):
        VisualEncoder.from_spec(FACE_SPEC, tmp_path)


def test_weights_travel_with_a_checkpoint(encoder, tmp_path, monkeypatch):
    """The checkpoint's own weights are used, whatever the package's folder has."""
    shipped = FACE_WEIGHTS_FOLDER / FACE_WEIGHTS_FILE
    monkeypatch.setattr(module, "FACE_WEIGHTS_FOLDER", tmp_path / "nothing here")
    with pytest.raises(OSError, match=f"{FACE_WEIGHTS_FILE} is missing: .* or .*nothing here"):
        VisualEncoder.from_spec(FACE_SPEC, tmp_path)
    shutil.copy(shipped, tmp_path)
    loaded = VisualEncoder.from_spec(FACE_SPEC, tmp_path)
    frames = clip(IMAGES["happy"])
    np.testing.assert_array_equal(loaded.encode(frames), encoder.encode(frames))


def test_loaded_once():
    encoder = VisualEncoder.from_spec(FACE_SPEC)
    assert VisualEncoder.from_spec({"name": "face-api-expressions"}) is encoder
    assert copy.deepcopy(encoder) is encoder
