"""Stand-ins for torchcodec's decoders, with the methods and fields of theirs that we use.

torchcodec needs FFmpeg's libraries of the system, which a test may not have. `decoders` gives the
tests both, and skips torchcodec's own where they do not load.
"""

import io
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch


class AudioDecoder:
    """As `torchcodec.decoders.AudioDecoder`: floats of all channels, on the track's own clock."""

    def __init__(self, source, sample_rate=None):
        with av.open(io.BytesIO(source)) as container:
            stream = container.streams.audio[0]
            rate = sample_rate or stream.rate
            frames = list(container.decode(stream))
            resampler = av.AudioResampler("fltp", frames[0].layout, rate)
            parts = [part for frame in (*frames, None) for part in resampler.resample(frame)]
            self._begin = float(frames[0].pts * frames[0].time_base)
            self.metadata = SimpleNamespace(
                sample_rate=stream.rate, begin_stream_seconds_from_header=self._begin
            )
        self._data = torch.from_numpy(np.concatenate([part.to_ndarray() for part in parts], 1))
        self._rate = rate

    def get_all_samples(self):
        return self.get_samples_played_in_range()

    def get_samples_played_in_range(self, start_seconds=0.0, stop_seconds=None):
        first = max(0, round((start_seconds - self._begin) * self._rate))
        last = None if stop_seconds is None else round((stop_seconds - self._begin) * self._rate)
        if first >= self._data.shape[1]:
            raise RuntimeError("here.cpp:7, No audio frames were decoded.\n")
        data = self._data[:, first : None if last is None else max(last, 0)]
        return SimpleNamespace(data=data, sample_rate=self._rate)


class VideoDecoder:
    """As `torchcodec.decoders.VideoDecoder`."""

    def __init__(self, source, dimension_order="NCHW"):
        with av.open(io.BytesIO(source)) as container:
            frames = list(container.decode(video=0))
        self._images = [frame.to_ndarray(format="rgb24") for frame in frames]
        self._times = [float(frame.pts * frame.time_base) for frame in frames]
        end = self._times[-1] + float(frames[-1].duration * frames[-1].time_base)
        self.metadata = SimpleNamespace(begin_stream_seconds=self._times[0], end_stream_seconds=end)
        self._last = dimension_order == "NHWC"

    def get_frame_played_at(self, seconds):
        if not self._times[0] <= seconds < self.metadata.end_stream_seconds:
            raise IndexError(f"Invalid pts in seconds: {seconds}.")
        shown = int(np.searchsorted(self._times, seconds, "right")) - 1
        data = torch.from_numpy(self._images[shown])
        return SimpleNamespace(
            data=data if self._last else data.permute(2, 0, 1), pts_seconds=self._times[shown]
        )


def decoders(name):
    """Return the two classes: of "torchcodec", or the stand-ins."""
    if name != "torchcodec":
        return AudioDecoder, VideoDecoder
    try:
        from torchcodec import decoders as real
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"torchcodec does not load: {str(error).splitlines()[0]}")
    return real.AudioDecoder, real.VideoDecoder


def as_in_datasets(decoder, data=None, path=None):
    """Return a decoder as a decoded column of `datasets` gives it, with the recording it opened."""
    decoder._hf_encoded = {"path": path, "bytes": data}
    return decoder
