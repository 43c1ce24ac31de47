"""Sound: containers, channels, ranges and arrays, compared with what was written."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from synctva.audio.decoding import Audio, audio_pieces, read_audio
from synctva.recordings import containers
from synctva.recordings.containers import Recording
from synctva.recordings.sources import MediaError
from tests.support.media_files import RATE, clip, tone
from tests.support.odd_media import plain_wav
from tests.support.odd_recordings import voice, with_times

EXACT = [
    ("wav", "pcm_s16le", None, 2**-16),
    ("wav", "pcm_u8", None, 2**-7),
    ("wav", "pcm_s24le", None, 2**-15),
    ("wav", "pcm_f32le", None, 2**-15),
    ("wav", "pcm_f64le", None, 2**-15),
    ("aiff", "pcm_s16be", None, 2**-15),
    ("caf", "pcm_s16le", None, 2**-15),
    ("w64", "pcm_s16le", None, 2**-15),
    ("mov", "pcm_s16le", "mjpeg", 2**-15),
    ("flac", "flac", None, 2**-15),
    ("ogg", "flac", None, 2**-15),
    ("matroska", "flac", "mpeg4", 2**-15),
]
LOSSY = [
    ("mp4", "aac", RATE, "libx264"),
    ("ipod", "aac", RATE, None),
    ("adts", "aac", RATE, None),
    ("mpegts", "aac", RATE, "libx264"),
    ("mp3", "libmp3lame", RATE, None),
    ("avi", "libmp3lame", RATE, "mpeg4"),
    ("flv", "libmp3lame", 22050, "flv"),
    ("ogg", "libopus", 48000, None),
    ("webm", "libopus", 48000, "libvpx"),
    ("mp4", "ac3", 48000, None),
]


def published_mix(data):
    """Return the mix that the published prosody tables were made from, by PyAV's own calls."""
    with av.open(io.BytesIO(data)) as container:
        resampler = av.AudioResampler("s16", "mono", container.streams.audio[0].rate)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += [out for out in resampler.resample(None) if out is not None]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]) / 32768


@pytest.mark.parametrize(("container", "codec", "video", "tolerance"), EXACT)
def test_lossless_sound_comes_back(container, codec, video, tolerance):
    pixels = "yuvj420p" if video == "mjpeg" else "yuv420p"
    audio = read_audio(clip(container, video, codec, pixels=pixels, frames=3))
    assert isinstance(audio, Audio)
    assert audio.sample_rate == RATE
    assert audio.samples.dtype == np.float32
    np.testing.assert_allclose(audio.samples, tone()[0], atol=tolerance)


@pytest.mark.parametrize(("container", "codec", "rate", "video"), LOSSY)
def test_lossy_sound_is_alike(container, codec, rate, video):
    audio = read_audio(clip(container, video, codec, rate=rate))
    assert audio.sample_rate == rate
    assert 1 <= audio.duration < 1.1  # padded by the codec
    written, read = tone(rate=rate)[0], audio.samples
    spectrum = np.fft.rfft(written, 2 * len(read)) * np.fft.rfft(read, 2 * len(read)).conj()
    alike = np.fft.irfft(spectrum).max() / np.linalg.norm(written) / np.linalg.norm(read)
    assert alike > 0.99


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_the_sample_rate_is_kept(rate):
    audio = read_audio(clip("wav", None, "pcm_s16le", rate=rate))
    assert (audio.sample_rate, len(audio.samples)) == (rate, rate)


@pytest.mark.parametrize("layout", ["mono", "stereo", "2.1", "quad", "5.1", "7.1"])
@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("mp4", "aac")])
def test_channels_are_mixed_in_16_bits(container, codec, layout):
    if (layout, codec) == ("quad", "aac"):
        layout = "4.0"
    data = clip(container, None, codec, layout=layout, rate=48000)
    np.testing.assert_array_equal(read_audio(data).samples, published_mix(data).astype(np.float32))


def test_full_scale_channels_do_not_clip():
    loud = np.full((6, 4000), 0.99, np.float32)
    audio = read_audio(clip("wav", None, "pcm_s16le", samples=loud, layout="5.1"))
    np.testing.assert_allclose(audio.samples, 0.99, atol=1e-3)


@pytest.mark.parametrize("channels", [3, 6, 8, 9, 12, 24, 40])
def test_channels_of_unknown_layout(channels):
    """They are averaged in some way: equal channels come out unchanged."""
    same = np.repeat(tone(0.2), channels, 0)
    packed = np.round(same.T * 32767).astype("<i2").reshape(-1)
    audio = read_audio((np.reshape(packed, (-1, channels)), RATE))
    np.testing.assert_allclose(audio.samples, same[0], atol=1e-3)


@pytest.mark.parametrize(("layout", "count"), [("mono", 1), ("stereo", 2), ("5.1", 6)])
@pytest.mark.parametrize(
    ("container", "codec"), [("wav", "pcm_s16le"), ("matroska", "flac"), ("wav", "pcm_f32le")]
)
def test_a_channel_is_the_file_of_that_channel(container, codec, layout, count):
    sound = tone(0.5, channels=count)
    data = clip(container, None, codec, samples=sound, layout=layout)
    mix = read_audio(data).samples
    for channel in range(count):
        alone = read_audio(clip(container, None, codec, samples=sound[channel : channel + 1]))
        np.testing.assert_array_equal(read_audio(data, channel=channel).samples, alone.samples)
        for array in (sound, sound.T):
            chosen = read_audio((array, RATE), channel=channel).samples
            np.testing.assert_allclose(chosen, sound[channel], atol=2**-15)
    np.testing.assert_array_equal(read_audio(data, channel=None).samples, mix)
    have = "1 channel" if count == 1 else f"{count} channels"
    for source, name in ((data, "bytes"), ((sound, RATE), "an array")):
        with pytest.raises(MediaError, match=f"channel = {count}, but .*{name} has {have}: expect"):
            read_audio(source, channel=count)


def test_a_channel_of_compressed_sound_is_alike():
    sound = tone(1.0, channels=2)
    data = clip("mp4", "libx264", "aac", samples=sound, layout="stereo")
    for channel in (0, 1):
        samples = read_audio(data, 0.2, 0.8, channel).samples
        right = np.corrcoef(samples, sound[channel, 3200:12800])[0, 1]
        other = np.corrcoef(samples, sound[1 - channel, 3200:12800])[0, 1]
        assert right > 0.98 > 0.2 > abs(other)


def test_no_audio_track():
    assert read_audio(clip(audio=None)) is None


def test_track_without_samples():
    assert len(read_audio(plain_wav([])).samples) == 0
    one = read_audio(plain_wav([1000]))
    assert (len(one.samples), one.sample_rate) == (1, RATE)


def test_bytes_and_rows_equal_the_path(tmp_path):
    data = clip()
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    expected = read_audio(path)
    row = {"path": None, "bytes": data}
    for source in (str(path), data, bytearray(data), memoryview(data), row, {"path": str(path)}):
        audio = read_audio(source)
        assert audio.sample_rate == expected.sample_rate
        np.testing.assert_array_equal(audio.samples, expected.samples)


@pytest.mark.parametrize("times", [(0.25, 0.75), (None, 0.3), (0.61, None), (0.0, 9.0)])
@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("mp4", "aac")])
def test_a_range_equals_a_slice(container, codec, times):
    data = clip(container, None, codec)
    first, last = (None if time is None else round(time * RATE) for time in times)
    expected = read_audio(data).samples[first:last]
    np.testing.assert_array_equal(read_audio(data, *times).samples, expected)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 8000),
        ("flac", "flac", 8000),
        ("mp4", "aac", 8000),
        ("mp3", "libmp3lame", 8000),
        ("ogg", "libopus", 48000),
        ("mpegts", "aac", 8000),
        ("adts", "aac", 8000),
        ("matroska", "flac", 8000),
    ],
)
def test_a_range_far_in_equals_a_slice(container, codec, rate, monkeypatch):
    monkeypatch.setattr(containers, "SEEK_FROM", 3.0)
    data = clip(container, None, codec, samples=tone(9, rate), rate=rate)
    start, end = 8.1239, 8.9
    with Recording(data) as recording:
        assert next(recording.frames("audio", start))[0] > 2  # it did seek
    first, last = round(start * rate), round(end * rate)
    part, whole = read_audio(data, start, end).samples, read_audio(data).samples
    # Matroska's clock counts in milliseconds.
    lags = range(-rate // 1000, rate // 1000 + 1) if container == "matroska" else [0]
    assert min(np.abs(part - whole[first + lag : last + lag]).max() for lag in lags) < 1e-4


def test_a_range_after_a_gap_is_found_by_its_time():
    """Two seconds of sound, with a gap of five seconds between them."""
    sound = (tone(2)[0] * 32767).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for first in range(0, len(sound), 800):
            frame = av.AudioFrame.from_ndarray(sound[None, first : first + 800], "s16", "mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = first + (5 * RATE if first >= RATE else 0)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    part = read_audio(buffer.getvalue(), 6.25, 6.5)
    np.testing.assert_array_equal(part.samples, sound[RATE + 4000 : RATE + 8000] / 32768)
    assert len(read_audio(buffer.getvalue(), 2.0, 5.0).samples) == 0
    assert len(read_audio(buffer.getvalue()).samples) == 2 * RATE


def test_arrays_are_scaled_by_their_type():
    sound = tone(0.1)[0]
    for array, tolerance in (
        (sound, 0),
        (sound.astype(np.float64), 1e-7),
        (np.round(sound * 32767).astype(np.int16), 1e-4),
        (np.round(sound * (2**31 - 1)).astype(np.int32), 1e-4),
        (np.round(sound * 127 + 128).astype(np.uint8), 1e-2),
        (sound[None], 0),
        (sound[:, None], 0),
        (list(map(float, sound)), 1e-7),
    ):
        for source in ((array, RATE), {"array": array, "sampling_rate": RATE}):
            audio = read_audio(source)
            assert audio.samples.dtype == np.float32
            np.testing.assert_allclose(audio.samples, sound, atol=tolerance)
    np.testing.assert_array_equal(read_audio((sound, RATE), 0.02, 0.04).samples, sound[320:640])
    assert read_audio((np.float32([1.5, -3.0]), RATE)).samples.tolist() == [1, -1]


def test_an_array_of_channels_equals_a_file_of_them():
    sound = tone(0.2, channels=6)
    file = clip("wav", None, "pcm_f32le", samples=sound, layout="5.1")
    for array in (sound, sound.T):
        np.testing.assert_allclose(
            read_audio((array, RATE)).samples, read_audio(file).samples, atol=2**-14
        )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((np.zeros(9), None), "sample rate = None: expected a number in Hz"),
        ((np.zeros(9), 0), "sample rate = 0 Hz: expected 1,000 to 768,000"),
        ((np.zeros(9), 16000.5), "sample rate = 16000.5: expected a whole number"),
        ((np.zeros(9), float("nan")), "sample rate = nan: expected a whole number"),
        ((np.float32([0, np.nan]), 16000), "values that are not finite"),
        ((np.float32([0, 12000]), 16000), r"largest value = 12000: expected floats in \[-1, 1\]"),
        ((np.zeros((2, 3, 4)), 16000), r"shape = \(2, 3, 4\), dtype = float64: expected numbers"),
        ((np.array(["a"]), 16000), "dtype = <U1: expected numbers"),
        (([[1.0], [1.0, 2.0]], 16000), "audio given as an array: cannot be read: "),
        ((torch.ones(9, requires_grad=True), 16000), "audio given as an array: cannot be read"),
        (7, "media source is a int: expected a path or bytes"),
    ],
)
def test_invalid_arrays_are_refused(source, message):
    with pytest.raises(MediaError, match=message):
        read_audio(source)


@pytest.mark.parametrize("times", [(5.0,), (5000.0, 5001.0)])
def test_a_start_after_the_end_is_refused(times):
    with pytest.raises(
        MediaError, match=r"start = 50*\.0 s: expected less than 1\.\d\d s, where it"
    ):
        read_audio(clip(), *times)


def test_values_that_are_not_finite_are_refused():
    sound = tone()
    sound[0, 9000] = np.nan
    with pytest.raises(MediaError, match=r"values that are not finite at 0\.5\d s"):
        read_audio(clip("wav", None, "pcm_f32le", samples=sound))


@pytest.mark.parametrize("settings", [{}, {"layout": "stereo"}, {"rate": 44100}])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 60.0])
def test_pieces_are_the_whole_sound(settings, seconds):
    data = clip("wav", None, "pcm_s16le", **settings)
    whole = read_audio(data)
    pieces = list(audio_pieces(data, seconds))
    assert [piece.duration for piece in pieces[:-1]] == [seconds] * (len(pieces) - 1)
    assert 0 < pieces[-1].duration <= seconds
    assert {piece.sample_rate for piece in pieces} == {whole.sample_rate}
    joined = np.concatenate([piece.samples for piece in pieces])
    np.testing.assert_array_equal(joined, whole.samples)


@pytest.mark.parametrize("container", ["matroska", "nut"])
@pytest.mark.parametrize("starts", [(0, 7), (0, 200), (5, 6, 130)])
def test_pieces_keep_the_clock_where_sound_is_missing(container, starts):
    pieces = list(audio_pieces(with_times(container, starts), 3.0))
    joined = np.concatenate([piece.samples for piece in pieces])
    starts = [start - starts[0] for start in starts]  # a recording's clock begins with its sound
    assert len(joined) == (starts[-1] + 1) * RATE
    for start in starts:
        begin = start * RATE
        np.testing.assert_allclose(joined[begin : begin + RATE], voice(1.0)[0], atol=2**-14)
        joined[begin : begin + RATE] = 0
    assert not joined.any()


def test_no_sound_has_no_pieces():
    assert list(audio_pieces(clip(audio=None), 1.0)) == []
    assert list(audio_pieces(plain_wav([]), 1.0)) == []
