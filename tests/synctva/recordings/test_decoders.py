"""Decoders of torchcodec are read as the files that they were opened on."""

import numpy as np
import pytest

from synctva.audio.decoding import read_audio
from synctva.recordings.decoders import recording_of
from synctva.recordings.sources import MediaError
from synctva.video.decoding import read_frames
from tests.support.decoder_stand_ins import as_in_datasets, decoders
from tests.support.media_files import RATE, clip, tone

STEP = 1 / 32768  # of 16 bits


@pytest.fixture(params=["stand-in", "torchcodec"])
def kinds(request):
    return decoders(request.param)


SOUNDS = {
    "wav": ("wav", None, "pcm_s16le"),
    "mp3": ("mp3", None, "libmp3lame"),
    "mp4": ("mp4", "libx264", "aac"),
}
LAYOUTS = {"mono": 1, "stereo": 2}
RANGES = [(None, None), (0.25, 0.5), (None, 0.3), (0.9, None)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("container", SOUNDS)
def test_sound_equals_that_of_the_file(kinds, container, layout):
    samples = tone(channels=LAYOUTS[layout])
    data = clip(*SOUNDS[container], samples=samples, layout=layout)
    for start, end in RANGES:
        for channel in (None, *range(LAYOUTS[layout])):
            expected = read_audio(data, start, end, channel)
            decoder = kinds[0](data)
            direct = read_audio(decoder, start, end, channel)
            assert direct.sample_rate == expected.sample_rate
            np.testing.assert_allclose(direct.samples, expected.samples, rtol=0, atol=STEP)
            column = read_audio(as_in_datasets(decoder, data), start, end, channel)
            np.testing.assert_array_equal(column.samples, expected.samples)


def test_mono_wav_is_equal_bit_for_bit(kinds):
    data = clip("wav", None, "pcm_s16le")
    np.testing.assert_array_equal(read_audio(kinds[0](data)).samples, read_audio(data).samples)


@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "sampling",
    [
        {"frames_per_second": 5},
        {"count": 4},
        {"frames_per_second": 3, "start": 0.5, "end": 1.3},
        {"frames_per_second": 5, "start": 1.3},
    ],
)
def test_frames_equal_those_of_the_file(kinds, order, sampling):
    data = clip("mp4", frames=40, audio=None)
    expected = list(read_frames(data, **sampling))
    for source in (
        kinds[1](data, dimension_order=order),
        as_in_datasets(kinds[1](data, dimension_order=order), data),
    ):
        frames = list(read_frames(source, **sampling))
        assert [time for time, _ in frames] == pytest.approx([time for time, _ in expected])
        for (_, image), (_, other) in zip(frames, expected, strict=True):
            np.testing.assert_allclose(image.astype(int), other, atol=2)


def test_a_video_column_has_its_sound(kinds):
    data = clip("mp4")
    column = as_in_datasets(kinds[1](data), data)
    np.testing.assert_array_equal(read_audio(column).samples, read_audio(data).samples)


def test_a_local_path_is_read_and_another_address_is_left_to_the_decoder(kinds, tmp_path):
    data = clip("wav", None, "pcm_s16le")
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    decoder = as_in_datasets(kinds[0](data), path=str(path))
    assert recording_of(decoder) == {"bytes": None, "path": str(path)}
    decoder = as_in_datasets(kinds[0](data), path="zip://a.wav::https://example.org/clips.zip")
    assert recording_of(decoder) is decoder
    np.testing.assert_array_equal(read_audio(decoder).samples, read_audio(data).samples)


def test_a_column_cast_to_another_rate_keeps_it(kinds):
    data = clip("wav", None, "pcm_s16le")
    decoder = as_in_datasets(kinds[0](data, sample_rate=RATE // 2), data)
    audio = read_audio(decoder)
    assert audio.sample_rate == RATE // 2
    assert audio.duration == pytest.approx(1, abs=0.01)


def test_what_a_decoder_cannot_give_is_refused(kinds):
    data = clip("mp4")
    sound, video = kinds
    with pytest.raises(MediaError, match=r"AudioDecoder: cannot be decoded \(No audio frames"):
        read_audio(sound(data), 30, 31)
    with pytest.raises(MediaError, match=r"start = 30 s: expected less than 1\.00 s"):
        list(read_frames(video(data), 5, start=30))
    with pytest.raises(MediaError, match="audio is a VideoDecoder, which has frames alone"):
        read_audio(video(data))
    with pytest.raises(MediaError, match="video is a AudioDecoder: expected it as audio"):
        list(read_frames(sound(data), 5))
    with pytest.raises(MediaError, match="channel = 1, but its sound has 1 channel: expected 0"):
        read_audio(sound(data), channel=1)
