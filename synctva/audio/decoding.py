"""The sound of a recording as one channel of samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from synctva.recordings.containers import Recording
from synctva.recordings.decoders import (
    decoded_samples,
    is_audio_decoder,
    is_video_decoder,
    recording_of,
)
from synctva.recordings.sources import MediaError, import_av, time_range

SAMPLE_RATES = (1000, 768_000)
"""Lowest and highest sample rate in Hz. Any other comes from a damaged header."""

GAP = 0.1
"""Where timestamps run ahead of the samples by more seconds than this, sound is missing.
A smaller difference is rounding: some containers count in milliseconds."""

_PEAK = 8.0  # Floats beyond it are integers that were not divided by their full scale.


class Audio(NamedTuple):
    """Sound.

    Attributes:
        samples: (N,) float32 in [-1, 1].
        sample_rate: in Hz.
    """

    samples: np.ndarray
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length in s."""
        return len(self.samples) / self.sample_rate


def read_audio(
    source: Any,
    start: float | None = None,
    end: float | None = None,
    channel: int | None = None,
) -> Audio | None:
    """Read the sound of a source as one channel, at its own sample rate.

    Without `channel`, a file is mixed down in 16 bits, as the recordings behind the published
    prosody tables were: the mixed channels are scaled so that they cannot clip, where a mix in
    floats would come out 3 dB louder for stereo and 10 dB for 5.1.

    Only the requested range is kept, so memory does not grow with the recording. A `start` far into
    the recording is reached by seeking. It is then exact to the resolution of the container's
    clock: one sample in most containers, 1 ms in Matroska, WebM and FLV.

    Args:
        source: path, bytes, (array, sample rate), or a value of `datasets` or transformers:
            {"array" or "raw", "sampling_rate"}, {"path", "bytes"} or an `AudioDecoder`. An array is
            (N,), (channels, N) or (N, channels), of floats in [-1, 1] or of integers over their
            full range.
        start, end: seconds on the recording's clock; the sound from `start` up to before `end`.
        channel: index of the channel to take, from 0; None for the mix of all.

    Returns:
        The sound, with no samples where the range lies outside the track; None where the source
        has no audio track.

    Raises:
        MediaError: the source cannot be read, holds values that are not finite, lacks the channel,
            or has ended before `start`.
        ValueError: not 0 <= start < end.
        ImportError: PyAV is not installed, and the source is not an array of one channel.

    Example:
        >>> read_audio((np.zeros(8000), 16000), start=0.25).duration
        0.25
    """
    begin, stop = time_range(start, end)
    source = recording_of(source)
    if is_audio_decoder(source):
        samples, rate = decoded_samples(source, begin, stop)
        return Audio(_as_in_file(_one_channel(samples, rate, channel, "its sound")), rate)
    if is_video_decoder(source):
        raise MediaError(
            f"audio is a {type(source).__name__}, which has frames alone: expected an AudioDecoder "
            "or the recording itself"
        )
    given = _array_and_rate(source)
    if given is not None:
        samples, rate = _from_array(*given, channel)
        samples = samples[_sample(begin, rate) or 0 : _sample(stop, rate)]
        return Audio(samples, rate)
    with Recording(source) as recording:
        if recording.track("audio") is None:
            return None
        audio = _decode(recording, begin, stop, channel)
        if not len(audio.samples) and begin > recording.length:
            raise recording.error(
                f"start = {start} s: expected less than {recording.length:.2f} s, where it ends"
            )
        return audio


def audio_pieces(source: Any, seconds: float, channel: int | None = None) -> Iterator[Audio]:
    """Read the sound of a file as one channel, piece by piece, at its own sample rate.

    The pieces follow the recording's clock: where sound is missing, they are silent. So the memory
    does not grow with the recording, and it is decoded once.

    Args:
        source: path, bytes or {"path", "bytes"}.
        seconds: length of each piece but the last.
        channel: see `read_audio`.

    Yields:
        The pieces in order; none where the source has no audio track or nothing in it.

    Raises:
        MediaError: see `read_audio`.
    """
    with Recording(source) as recording:
        if recording.track("audio") is None:
            return
        piece = np.empty(0, np.float32)
        first, position = 0, None  # samples from 0 on the clock: of the piece, and of what follows
        for time, rate, samples in _mixed(recording, -math.inf, channel):
            if not len(piece):
                piece = np.zeros(round(seconds * rate), np.float32)
            if position is None or (time is not None and time * rate > position + GAP * rate):
                position = round((time or 0.0) * rate)
            before = min(max(0, -position), len(samples))
            samples, position = samples[before:], position + before
            while len(samples):
                while position >= first + len(piece):
                    yield Audio(piece, rate)
                    piece, first = np.zeros_like(piece), first + len(piece)
                taken = min(len(samples), first + len(piece) - position)
                piece[position - first :][:taken] = samples[:taken] / np.float32(32768)
                position, samples = position + taken, samples[taken:]
        if position is not None and position > first:
            yield Audio(piece[: position - first], rate)


def _sample(time: float, rate: int) -> int | None:
    """Return the index of the sample at a time in s; None for an infinite time."""
    return None if math.isinf(time) else round(time * rate)


def _decode(recording: Recording, begin: float, stop: float, channel: int | None) -> Audio:
    """Return the track's samples from `begin` up to, but not including, `stop`."""
    chunks: list[np.ndarray] = []
    track = recording.track("audio")
    rate = track.codec_context.sample_rate or 0  # known better from the first frame
    position = None
    for time, rate, samples in _mixed(recording, begin, channel):
        if position is None or (time is not None and time * rate > position + GAP * rate):
            position = round((time or 0.0) * rate)
        first, last = _sample(begin, rate), _sample(stop, rate)
        if last is not None and position >= last:
            break
        skipped = 0 if first is None else max(0, first - position)
        kept = samples[skipped : None if last is None else last - position]
        if len(kept):
            chunks.append(kept)
        position += len(samples)
    _check_rate(recording.name, rate)
    whole = np.empty(sum(map(len, chunks)), np.float32)
    filled = 0
    for chunk in chunks:
        whole[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    whole /= 32768
    return Audio(whole, rate)


def _mixed(
    recording: Recording, begin: float, channel: int | None
) -> Iterator[tuple[float | None, int, np.ndarray]]:
    """Yield the time in s or None, the sample rate and (n,) int16 samples of each decoded frame.

    All come at the rate of the first: a broadcast may change it on the way.
    """
    mixer = None
    rate = 0
    for time, frame in recording.frames("audio", begin):
        if not frame.samples:
            continue
        layout = (frame.format.name, frame.layout.name, frame.sample_rate)
        rate = rate or frame.sample_rate
        _check_rate(recording.name, rate)
        if not _is_finite(frame):
            when = "" if time is None else f" at {time:.2f} s"
            raise recording.error(f"its sound has values that are not finite{when}")
        if mixer is None or mixer.layout != layout:
            if mixer is not None:
                yield None, rate, mixer(None)
            _check_channel(channel, frame.layout.nb_channels, recording.name)
            mixer = _Mixer(frame, rate, layout, channel)
        try:
            samples = mixer(frame)
        except (mixer.error, ValueError) as error:
            raise recording.error(f"sound of {layout} cannot be mixed down: {error}") from error
        yield time, rate, samples
    if mixer is not None:
        yield None, rate, mixer(None)


def _is_finite(frame: Any) -> bool:
    # PyAV counts the planes of a frame wrongly from 8 on and reads beyond them.
    if frame.format.is_planar and frame.layout.nb_channels >= 8:
        return True
    return not frame.format.name.startswith(("flt", "dbl")) or bool(
        np.isfinite(frame.to_ndarray()).all()
    )


def _check_channel(channel: int | None, count: int, name: str) -> None:
    if channel is not None and not 0 <= channel < count:
        have = "1 channel" if count == 1 else f"{count} channels"
        expected = "0" if count == 1 else f"0 to {count - 1}"
        raise MediaError(f"channel = {channel!r}, but {name} has {have}: expected {expected}")


class _Mixer:
    """Converts frames of one format into 16-bit samples of one channel: the mix, or one of them."""

    def __init__(
        self, frame: Any, rate: int, layout: tuple[str, str, int], channel: int | None = None
    ):
        av = import_av()
        self.error = av.error.FFmpegError
        self.layout = layout
        self._channel = channel
        if channel is not None:
            self._resampler = av.AudioResampler("s16", frame.layout, rate)
            return
        self._resampler = av.AudioResampler("s16", "mono", rate)
        try:
            av.AudioResampler("s16", "mono", rate).resample(frame)
        except (self.error, ValueError):
            # If the file does not say what the channels are, take their mean.
            self._resampler = av.AudioResampler("s16", frame.layout, rate)

    def __call__(self, frame: Any) -> np.ndarray:
        """Return (n,) int16; for None, the samples that are still buffered."""
        frames = [mixed for mixed in self._resampler.resample(frame) if mixed is not None]
        if not frames:
            return np.empty(0, np.int16)
        channels = frames[0].layout.nb_channels
        samples = np.concatenate([mixed.to_ndarray()[0] for mixed in frames])  # (n * channels,)
        if self._channel is not None:
            return samples.reshape(-1, channels)[:, self._channel]
        return samples if channels == 1 else samples.reshape(-1, channels).mean(1).astype(np.int16)


def _check_rate(name: str, rate: int) -> None:
    low, high = SAMPLE_RATES
    if not low <= rate <= high:
        raise MediaError(f"{name}: sample rate = {rate!r} Hz: expected {low:,} to {high:,}")


def _array_and_rate(source: Any) -> tuple[Any, Any] | None:
    """Return the array and sample rate of a source given as an array; None for any other source."""
    if isinstance(source, tuple) and len(source) == 2:
        return source
    if isinstance(source, Mapping):
        for name in ("array", "raw"):
            if source.get(name) is not None:
                return source[name], source.get("sampling_rate")
    return None


def _from_array(array: Any, rate: Any, channel: int | None) -> tuple[np.ndarray, int]:
    """Convert an array as described in `read_audio` to (N,) float32 in [-1, 1], and its rate."""
    name = "audio given as an array"
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        raise MediaError(f"{name}: sample rate = {rate!r}: expected a number in Hz")
    if not math.isfinite(rate) or rate != int(rate):
        raise MediaError(f"{name}: sample rate = {rate!r}: expected a whole number in Hz")
    _check_rate(name, int(rate))
    try:
        samples = np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists, tensors on a GPU
        raise MediaError(f"{name}: cannot be read: {error}") from error
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "fiu":
        raise MediaError(
            f"{name}: shape = {samples.shape}, dtype = {samples.dtype}: expected numbers, (N,), "
            "(channels, N) or (N, channels)"
        )
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise MediaError(f"{name}: has values that are not finite")
        peak = float(np.abs(samples).max(initial=0))
        if peak > _PEAK:
            raise MediaError(f"{name}: largest value = {peak:g}: expected floats in [-1, 1]")
        samples = samples.astype(np.float32).clip(-1, 1)
    else:
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        offset = half if samples.dtype.kind == "u" else 0.0
        samples = ((samples - offset) / half).astype(np.float32)
    if samples.ndim == 1:
        samples = samples[None]
    elif len(samples) > samples.shape[1]:
        samples = samples.T
    return _one_channel(samples, int(rate), channel, name), int(rate)


def _as_in_file(samples: np.ndarray) -> np.ndarray:
    """Round samples to 16 bits, as those of a file are."""
    steps: np.ndarray = np.rint(samples * 32768).clip(-32768, 32767)
    return (steps / 32768).astype(np.float32)


def _one_channel(samples: np.ndarray, rate: int, channel: int | None, name: str) -> np.ndarray:
    """Take a channel of (channels, N), or mix them to (N,) as for a file with as many channels."""
    _check_channel(channel, len(samples), name)
    if channel is not None:
        return samples[channel]
    if len(samples) <= 1:
        return samples.reshape(-1)
    packed = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = import_av().AudioFrame.from_ndarray(packed, "flt", f"{len(samples)} channels")
    frame.sample_rate = rate
    mixer = _Mixer(frame, rate, ("flt", "", rate))
    return np.concatenate([mixer(frame), mixer(None)]).astype(np.float32) / 32768


__all__ = ["Audio", "audio_pieces", "read_audio"]
