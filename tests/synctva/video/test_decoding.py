"""Frames: sampled by time, upright, bounded, compared with what was written."""

import io

import av
import numpy as np
import pytest

from synctva.recordings import containers
from synctva.recordings.containers import Recording
from synctva.recordings.sources import MediaError
from synctva.video.decoding import read_frames
from tests.support.media_files import FPS, HEIGHT, WIDTH, clip, image, level, rotated


def numbers(frames):
    """Return the number of each frame, told by its grey value."""
    return [round((shown.mean() - level(0)) / 8) for _, shown in frames]


def times(frames):
    return [round(time, 3) for time, _ in frames]


@pytest.mark.parametrize(
    ("container", "codec", "audio"),
    [
        ("mp4", "libx264", "aac"),
        ("mov", "mjpeg", "pcm_s16le"),
        ("matroska", "libx264", "flac"),
        ("matroska", "ffv1", None),
        ("webm", "libvpx", None),
        ("webm", "libvpx-vp9", None),
        ("mpegts", "libx264", None),
        ("gif", "gif", None),
        ("h264", "libx264", None),
    ],
)
def test_five_frames_per_second_from_any_container(container, codec, audio):
    pixels = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
    frames = list(read_frames(clip(container, codec, audio, pixels=pixels), 5))
    assert times(frames) == [0, 0.2, 0.4, 0.6, 0.8]
    assert numbers(frames) == [0, 5, 10, 15, 20]
    assert all(shown.shape == (HEIGHT, WIDTH, 3) and shown.dtype == np.uint8 for _, shown in frames)


def test_no_video_track():
    assert list(read_frames(clip("wav", None, "pcm_s16le"), 5)) == []


def test_track_without_frames():
    assert list(read_frames(clip(frames=0), 5)) == []
    assert numbers(read_frames(clip(frames=1), 5)) == [0]


def test_bytes_and_rows_equal_the_path(tmp_path):
    data = clip()
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    expected = [shown for _, shown in read_frames(path, 5)]
    for source in (str(path), data, bytearray(data), {"path": None, "bytes": data}):
        np.testing.assert_array_equal([shown for _, shown in read_frames(source, 5)], expected)


def test_a_variable_frame_rate_is_sampled_by_its_timestamps():
    """Frames on display at 0, 0.2, ... s; one that is on display for longer is returned once."""
    frames = list(read_frames(clip(audio=None, times=[0, 40, 80, 500, 520, 1200, 1240]), 5))
    assert times(frames) == [0, 0.08, 0.52, 1.2]
    assert numbers(frames) == [0, 2, 4, 5]


def test_no_frame_is_repeated():
    assert numbers(read_frames(clip(frames=5), 100)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("count", "expected"), [(1, [12]), (5, [2, 7, 12, 17, 22]), (25, None)])
def test_a_number_of_frames(count, expected):
    frames = list(read_frames(clip(audio=None), count=count))
    assert numbers(frames) == (list(range(FPS)) if expected is None else expected)
    ranged = read_frames(clip(audio=None), count=2, start=0.4, end=0.8)
    assert numbers(ranged) == [12, 17]


def test_a_number_of_frames_of_unknown_length():
    data = clip("h264", "libx264", None)
    with Recording(data) as recording:
        assert recording.duration("video") is None
    assert len(list(read_frames(data, count=3))) == 3


@pytest.mark.parametrize("span", [(0.4, None), (None, 0.6), (0.2, 0.8), (0.2, 9.0)])
def test_a_range_equals_a_slice(span):
    start, end = span
    whole = list(read_frames(clip(), 5))
    kept = [(t, f) for t, f in whole if (start or 0) <= round(t, 3) < (end or 9)]
    part = list(read_frames(clip(), 5, start=start, end=end))
    assert times(part) == times(kept)
    np.testing.assert_array_equal([f for _, f in part], [f for _, f in kept])


def test_a_range_between_two_frames_has_the_one_on_display():
    assert numbers(read_frames(clip(), 5, start=0.41, end=0.43)) == [10]


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "libx264"), ("matroska", "libx264"), ("avi", "mpeg4"), ("mpegts", "libx264")],
)
def test_a_range_far_in_equals_a_slice(container, codec, monkeypatch):
    monkeypatch.setattr(containers, "SEEK_FROM", 3.0)
    data = clip(container, codec, None, frames=7 * FPS, video_options={"g": "25"})
    whole = [(t, f) for t, f in read_frames(data, 5) if 6.2 <= round(t, 3) < 7]
    part = list(read_frames(data, 5, start=6.2, end=7.0))
    assert len(part) == 4
    assert times(part) == times(whole)
    np.testing.assert_array_equal([f for _, f in part], [f for _, f in whole])
    with Recording(data) as recording:
        assert next(recording.frames("video", 6.2))[0] > 2  # it did seek


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_leaving_out_unneeded_frames_changes_nothing(codec, monkeypatch):
    """Frames on which no other depends are not decoded; those that are sampled stay the same."""
    data = clip("mp4", codec, None, frames=60, video_options={"bf": "3"})
    with Recording(data) as recording:
        decoded = sum(1 for _ in recording.frames("video", 0, lambda time, until: False))
    thinned = list(read_frames(data, 3))
    monkeypatch.setattr(
        containers.Recording, "_thinned", lambda self, packets, decoder, needed: packets
    )
    every = list(read_frames(data, 3))
    assert decoded < 40
    assert times(thinned) == times(every)
    np.testing.assert_array_equal([f for _, f in thinned], [f for _, f in every])


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),  # a telephone held upright
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image)),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),  # a mirrored self-portrait
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
        ((0.996, 0.087, -0.087, 0.996), lambda image: image),  # 5 degrees
    ],
)
def test_rotated_recordings_are_set_upright(matrix, expected):
    """The matrix is written into the header: PyAV writes one only from 18 on."""
    data = clip(audio=None, frames=2, corner=True)
    ((_, shown),) = read_frames(rotated(data, matrix), count=1)
    written = expected(image(1, corner=True))
    assert shown.shape == written.shape
    assert shown.flags.c_contiguous
    assert np.abs(shown.astype(int) - written).mean() < 4


def test_large_frames_are_scaled_down():
    data = clip(audio=None, size=(640, 480), frames=1, corner=True)
    ((_, shown),) = read_frames(data, 5, max_side=64)
    assert np.abs(shown.astype(int) - image(0, (64, 48), corner=True)).mean() < 4
    ((_, upright),) = read_frames(rotated(data, (0, 1, -1, 0)), 5, max_side=64)
    assert upright.shape == (64, 48, 3)
    frames = np.stack([image(0, (640, 480), corner=True)])
    ((_, given),) = read_frames(frames, 5, max_side=64)
    assert np.abs(given.astype(int) - image(0, (64, 48), corner=True)).mean() < 4


def test_pixels_are_made_square():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        output.mux(stream.encode(av.VideoFrame.from_ndarray(image(0), format="rgb24")))
        output.mux(stream.encode(None))
    ((_, shown),) = read_frames(buffer.getvalue(), 5)
    assert shown.shape == (HEIGHT, 2 * WIDTH, 3)


def test_refuses_frames_that_are_too_large(monkeypatch):
    monkeypatch.setattr(containers, "MAX_PIXELS", 1000)
    with pytest.raises(MediaError, match="frames of 64 x 48: expected at most 1,000 pixels"):
        list(read_frames(clip(), 5))


def test_frames_in_memory():
    frames = np.stack([image(i) for i in range(FPS)])
    assert times(read_frames((frames, FPS), 5)) == [0, 0.2, 0.4, 0.6, 0.8]
    assert numbers(read_frames((frames, FPS), 5)) == [0, 5, 10, 15, 20]
    assert numbers(read_frames((frames, FPS), 5, start=0.4, end=0.8)) == [10, 15]
    assert numbers(read_frames((frames, FPS), count=5)) == [2, 7, 12, 17, 22]
    # Sampled already: all of them, as this many per second.
    assert numbers(read_frames(frames[:4], 5)) == [0, 1, 2, 3]
    assert times(read_frames(frames[:4], 5)) == [0, 0.2, 0.4, 0.6]
    assert numbers(read_frames(list(frames[:4]), 5)) == [0, 1, 2, 3]
    assert numbers(read_frames(list(frames), count=5)) == [2, 7, 12, 17, 22]
    assert list(read_frames([], 5)) == []


def test_frames_in_image_files(tmp_path):
    images = []
    for i in range(3):
        for container, codec, pixels in (
            ("image2pipe", "png", "rgb24"),
            ("image2pipe", "mjpeg", "yuvj420p"),
        ):
            path = tmp_path / f"{i}.{codec}"
            path.write_bytes(clip(container, codec, None, pixels=pixels, frames=1))
            images.append(path)
    shown = list(read_frames([*images, images[0].read_bytes(), image(4)], 5))
    assert numbers(shown) == [0] * 7 + [4]
    assert numbers(read_frames(images[0], 5)) == [0]


def test_pil_images():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    images = [pillow.fromarray(image(i)).convert("RGBA") for i in range(3)]
    assert numbers(read_frames(images, 5)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            np.zeros((2, 3, 48, 64), np.uint8),
            r"shape \(2, 3, 48, 64\), uint8: expected \(T, H, W, 3",
        ),
        (np.zeros((2, 48, 64), np.uint8), r"expected \(T, H, W, 3\) uint8, RGB"),
        (np.zeros((2, 48, 64, 3)), "frames of float64: expected uint8"),
        ([np.zeros((48, 64), np.uint8)], r"expected \(H, W, 3\) for frame 0 uint8"),
        ((np.zeros((2, 48, 64, 3), np.uint8), 0), "frames per second = 0: expected a number above"),
        (None, r"expected \(T, H, W, 3\)"),
        (["nowhere.png"], "nowhere.png: there is no such file"),
        ([clip("wav", None, "pcm_s16le")], "frame 0 of a video given as frames: is not an image"),
    ],
)
def test_refuses_what_is_not_frames(source, message):
    with pytest.raises(MediaError, match=message):
        list(read_frames(source, 5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "frames_per_second = None, count = None: expected one of them"),
        ({"frames_per_second": 5, "count": 3}, "expected one of them"),
        ({"frames_per_second": 0}, "frames_per_second = 0: expected a number above 0"),
        ({"count": -1}, "count = -1: expected a number above 0"),
        ({"count": 1, "max_side": 0}, "max_side = 0: expected at least 1"),
        ({"count": 1, "start": 2, "end": 1}, r"expected 0 <= start < end"),
    ],
)
def test_settings_are_checked_before_reading(settings, message):
    with pytest.raises(ValueError, match=message):
        read_frames("clip.mp4", **settings)


def test_start_after_the_end_is_refused():
    with pytest.raises(
        MediaError, match=r"start = 5\.0 s: expected less than 1\.\d\d s, where it ends"
    ):
        list(read_frames(clip(), 5, start=5.0))


def test_refuses_a_range_of_frames_without_times():
    with pytest.raises(MediaError, match=r"expected \(frames, frames per second\)"):
        list(read_frames(np.zeros((2, 48, 64, 3), np.uint8), 5, start=1.0))
