"""torchcodec's decoders, which the decoded Audio and Video columns of `datasets` hold.

They are known by their methods, so torchcodec need not be importable here.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from synctva.recordings.sources import MediaError


def is_audio_decoder(source: Any) -> bool:
    """Return whether a source has the methods of an `AudioDecoder`."""
    return hasattr(source, "get_all_samples")


def is_video_decoder(source: Any) -> bool:
    """Return whether a source has the methods of a `VideoDecoder`."""
    return hasattr(source, "get_frame_played_at")


def recording_of(source: Any) -> Any:
    """Return the recording that `datasets` opened a decoder on; any other source as it is.

    It is the whole file, with the clock and the sound of its own. The decoder itself is read where
    there is no such recording: it was opened without `datasets`, it streams from the Hub, or the
    column was cast to another sample rate.
    """
    encoded = getattr(source, "_hf_encoded", None)
    if not isinstance(encoded, Mapping):
        return source
    data, path = encoded.get("bytes"), encoded.get("path")
    if data is None and not (isinstance(path, str | os.PathLike) and os.path.isfile(path)):
        return source
    if is_audio_decoder(source):
        rate = source.get_samples_played_in_range(0, 0).sample_rate
        if rate != source.metadata.sample_rate:
            return source
    return {"bytes": data, "path": path}


def decoded_samples(decoder: Any, begin: float, stop: float) -> tuple[np.ndarray, int]:
    """Read the sound of an `AudioDecoder`.

    Args:
        decoder: see `is_audio_decoder`.
        begin, stop: seconds from where its track begins, possibly infinite.

    Returns:
        (channels, N) float32 and the sample rate in Hz.

    Raises:
        MediaError: it cannot be decoded, or the range is outside of the track.
    """
    try:
        if math.isinf(begin) and math.isinf(stop):
            samples = decoder.get_all_samples()
        else:
            first = decoder.metadata.begin_stream_seconds_from_header or 0.0
            samples = decoder.get_samples_played_in_range(
                first + max(begin, 0.0), None if math.isinf(stop) else first + stop
            )
    except (RuntimeError, ValueError) as error:
        raise _error(decoder, error) from error
    return np.asarray(samples.data.cpu(), dtype=np.float32), samples.sample_rate


def video_length(decoder: Any) -> float:
    """Return the length in s of the track of a `VideoDecoder`."""
    return decoder.metadata.end_stream_seconds - decoder.metadata.begin_stream_seconds


def shown_frame(decoder: Any, time: float) -> tuple[float, np.ndarray] | None:
    """Return the frame of a `VideoDecoder` that is on display at a time.

    Args:
        decoder: see `is_video_decoder`.
        time: seconds from where its track begins.

    Returns:
        The time in s at which the frame comes on display, and (H, W, 3) uint8 RGB; None if the time
        is outside of the track.

    Raises:
        MediaError: it cannot be decoded.
    """
    first = decoder.metadata.begin_stream_seconds
    try:
        frame = decoder.get_frame_played_at(first + time)
    except IndexError:
        return None
    except (RuntimeError, ValueError) as error:
        raise _error(decoder, error) from error
    image = np.asarray(frame.data.cpu())
    if image.shape[-1] != 3:  # The default order is (3, H, W).
        image = image.transpose(1, 2, 0)
    return frame.pts_seconds - first, image


def _error(decoder: Any, error: Exception) -> MediaError:
    reason = re.sub(r"^.*\.cpp:\d+, ", "", str(error).splitlines()[0])  # torchcodec's own position
    return MediaError(f"media given as a {type(decoder).__name__}: cannot be decoded ({reason})")


__all__ = [
    "decoded_samples",
    "is_audio_decoder",
    "is_video_decoder",
    "recording_of",
    "shown_frame",
    "video_length",
]
