"""Frames of a recording, sampled in time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from synctva.recordings.containers import Recording
from synctva.recordings.decoders import (
    is_audio_decoder,
    is_video_decoder,
    recording_of,
    shown_frame,
    video_length,
)
from synctva.recordings.sources import MediaError, import_av, time_range

T = TypeVar("T")

MAX_SIDE = 1280
"""Longest side in pixels that a frame keeps. More does not help to find a speaking face."""

_CLOCK = 1e-6  # Seconds that two equal times may differ by after rounding.
_ASPECTS = (0.25, 4.0)  # Shapes of a pixel that are believed.


def read_frames(
    source: Any,
    frames_per_second: float | None = None,
    *,
    count: int | None = None,
    start: float | None = None,
    end: float | None = None,
    max_side: int = MAX_SIDE,
) -> Iterator[tuple[float, np.ndarray]]:
    """Read frames at regular times: for each time, the frame on display.

    One frame is held in memory at a time. A frame that is on display at several of the times is
    returned once. Frames are sampled by their timestamps, so a variable frame rate is as good as a
    constant one. Rotated and mirrored frames are set upright, pixels made square, large frames
    scaled down.

    Args:
        source: path or bytes of a video or an image; a row of `datasets` ({"path", "bytes"});
            (frames, frames per second); or frames that were sampled already. Frames are an array
            (T, H, W, 3) uint8, or a list of images, each an array (H, W, 3) uint8, a PIL image, a
            path or bytes; or a `VideoDecoder`.
        frames_per_second: sample at `start`, `start` + 1 / frames_per_second, ... Frames that were
            sampled already are all taken, as this many per second.
        count: sample in the middle of this many equal parts instead.
        start, end: seconds on the recording's clock; by default all of it.
        max_side: longest side in pixels.

    Returns:
        Iterator of (time in s at which the frame comes on display, (H, W, 3) uint8 RGB); empty if
        there is no video track, or nothing in the range. Cover art does not count as video.

    Raises:
        MediaError: while iterating: the source cannot be read, or has ended before `start`.
        ValueError: not 0 <= start < end, or not one of `frames_per_second` and `count`, above 0.
        ImportError: while iterating: PyAV is not installed, and the source is not an array.

    Example:
        >>> frames = np.zeros((50, 48, 64, 3), np.uint8)
        >>> [round(time, 2) for time, _ in read_frames((frames, 25), 2)]
        [0.0, 0.48, 1.0, 1.48]
    """
    begin, stop = time_range(start, end)
    for name, value in (("frames_per_second", frames_per_second), ("count", count)):
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} = {value!r}: expected a number above 0")
    if (frames_per_second is None) == (count is None):
        raise ValueError(
            f"frames_per_second = {frames_per_second!r}, count = {count!r}: expected one of them"
        )
    if max_side < 1:
        raise ValueError(f"max_side = {max_side!r}: expected at least 1")
    grid = _Grid(max(begin, 0.0), stop, frames_per_second, count)
    source = recording_of(source)
    if is_video_decoder(source):
        return _decoder_frames(source, grid, max_side)
    if is_audio_decoder(source):
        raise MediaError(f"video is a {type(source).__name__}: expected it as audio")
    if is_frames(source):
        return _given_frames(source, grid, max_side)
    return _recorded_frames(source, grid, max_side)


class _Grid:
    """The times to sample at, in s: `first`, `first` + `step`, ... before `end`."""

    def __init__(
        self, start: float, end: float, frames_per_second: float | None, count: int | None
    ):
        self.start, self.end, self.count = start, end, count
        self.first = start
        self.step = 1 / frames_per_second if frames_per_second is not None else math.nan

    def fit(self, duration: float) -> None:
        """Spread the times over the recording, if a number of frames was requested."""
        if self.count is not None:
            self.end = min(self.end, max(duration, self.start))
            self.step = (self.end - self.start) / self.count
            self.first = self.start + self.step / 2

    def after(self, time: float) -> float:
        """Return the first sampling time at or after a time; infinity if there is none."""
        if not self.step > 0 or time >= self.end:
            return math.inf
        steps = max(0, math.ceil((time - _CLOCK - self.first) / self.step))
        if self.count is not None and steps >= self.count:
            return math.inf
        target = self.first + steps * self.step
        return target if target < self.end else math.inf

    def wanted(self, time: float, until: float) -> bool:
        """Return whether a frame that is on display between two times is sampled."""
        return self.after(time) < until


def _sampled(
    frames: Iterable[tuple[float | None, T]], grid: _Grid, interval: float
) -> Iterator[tuple[float, T]]:
    """Yield the frames that are on display at a sampling time, each once.

    Args:
        frames: (time in s or None, frame) in order; times that do not increase are corrected.
        grid: the times.
        interval: usual time in s between two frames, for which the last one is on display.
    """
    target = grid.after(grid.first)
    shown: tuple[float, T] | None = None
    for time, frame in frames:
        if shown is None:
            time = grid.first if time is None else time
            target = max(target, time)  # A track that begins late is sampled from there on.
        else:
            if time is None or time <= shown[0]:
                time = shown[0] + interval
            if target < time - _CLOCK:
                yield shown
                target = grid.after(time)
        if target >= grid.end:
            return
        shown = time, frame
    if shown is not None and target < shown[0] + interval - _CLOCK:
        yield shown


def _recorded_frames(source: Any, grid: _Grid, max_side: int) -> Iterator[tuple[float, np.ndarray]]:
    with Recording(source) as recording:
        track = recording.track("video")
        if track is None:
            return
        interval = float(1 / track.average_rate) if track.average_rate else 0.04
        aspect = float(track.sample_aspect_ratio or 1)
        if not _ASPECTS[0] <= aspect <= _ASPECTS[1]:
            aspect = 1.0
        if grid.count is not None and math.isinf(grid.end):
            duration = recording.duration("video") or recording.scanned_duration("video")
            grid.fit(max(duration, interval))
        else:
            grid.fit(grid.end)
        reformatter = import_av().video.reformatter.VideoReformatter()
        frames = recording.frames("video", grid.start, grid.wanted)
        empty = True
        for time, frame in _sampled(frames, grid, interval):
            empty = False
            try:
                image = _rgb(frame, reformatter, aspect, max_side)
            except (import_av().error.FFmpegError, ValueError, MemoryError) as error:
                raise recording.error(
                    f"a frame of {frame.width} x {frame.height} in {frame.format.name} at "
                    f"{time:.2f} s cannot be converted: {error}"
                ) from error
            yield time, image
        if empty and grid.start > recording.length:
            raise recording.error(
                f"start = {grid.start} s: expected less than {recording.length:.2f} s, "
                "where it ends"
            )


def _rgb(frame: Any, reformatter: Any, aspect: float, max_side: int) -> np.ndarray:
    """Convert a decoded frame to (H, W, 3) uint8, upright, with square pixels."""
    width, height = _fitted(frame.width * aspect, frame.height, max_side)
    # One reformatter for all frames: setting one up takes longer than several conversions.
    image = reformatter.reformat(frame, width, height, "rgb24").to_ndarray()
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        image = _upright(image, np.frombuffer(matrix, np.int32, 9).reshape(3, 3))
    return np.ascontiguousarray(image)


def _upright(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a display matrix: a stored point (x, y) is shown at (x, y) @ matrix[:2, :2].

    Only quarter turns and mirroring are applied; another angle becomes the nearest of them.
    """
    (a, b), (c, d) = matrix[:2, :2].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):  # x and y change places
        image = image.swapaxes(0, 1)
        a, d = c, b
    if a < 0:
        image = image[:, ::-1]
    if d < 0:
        image = image[::-1]
    return image


def _fitted(width: float, height: float, max_side: int) -> tuple[int, int]:
    """Return width and height in pixels, scaled down if a side is longer than `max_side`."""
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def is_frames(source: Any) -> bool:
    """Return whether a source consists of frames instead of a recording."""
    return not isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | Mapping)


def _decoder_frames(decoder: Any, grid: _Grid, max_side: int) -> Iterator[tuple[float, np.ndarray]]:
    """Sample the frames of torchcodec's `VideoDecoder`."""
    length = video_length(decoder)
    if grid.start > length:
        raise MediaError(
            f"video given as a {type(decoder).__name__}: start = {grid.start} s: expected less "
            f"than {length:.2f} s, where it ends"
        )
    grid.fit(length)
    shown_since = None
    target = grid.after(grid.first)
    while target < length and (found := shown_frame(decoder, target)) is not None:
        time, image = found
        if time != shown_since:
            yield time, _image(image, 0, max_side)
        shown_since = time
        target = grid.after(target + grid.step / 2)


def _given_frames(source: Any, grid: _Grid, max_side: int) -> Iterator[tuple[float, np.ndarray]]:
    """Sample frames that are in memory or in image files."""
    frames, rate = source, None
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[1], Real):
        frames, rate = source
        if not 0 < rate < math.inf:
            raise MediaError(
                f"video given as frames: frames per second = {rate!r}: expected a number above 0"
            )
    elif grid.start > 0 or not math.isinf(grid.end):
        raise MediaError(
            "video given as frames, with start or end: expected (frames, frames per second)"
        )
    step = 1 / float(rate) if rate else grid.step if grid.count is None else 1.0
    if not isinstance(frames, Sequence):
        frames = _checked(frames, 4, "(T, H, W, 3)")
    grid.fit(len(frames) * step)
    timed = ((i * step, i) for i in range(len(frames)))
    for time, i in _sampled(timed, grid, step):
        yield time, _image(frames[i], i, max_side)


def _image(image: Any, index: int, max_side: int) -> np.ndarray:
    """Convert one frame in any accepted form to (H, W, 3) uint8."""
    if not is_frames(image):
        found = next(read_frames(image, count=1, max_side=max_side), None)
        if found is None:
            raise MediaError(f"frame {index} of a video given as frames: is not an image")
        return found[1]
    if hasattr(image, "convert"):  # PIL
        image = image.convert("RGB")
    array = _checked(image, 3, f"(H, W, 3) for frame {index}")
    height, width = array.shape[:2]
    fitted = _fitted(width, height, max_side)
    if fitted == (width, height):
        return array
    frame = import_av().VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
    return np.ascontiguousarray(frame.reformat(*fitted).to_ndarray())


def _checked(frames: Any, ndim: int, expected: str) -> np.ndarray:
    array = np.asarray(frames)
    if array.ndim != ndim or array.shape[-1] != 3 or 0 in array.shape[1:]:
        raise MediaError(
            f"video given as frames of shape {array.shape}, {array.dtype}: expected {expected} "
            "uint8, RGB"
        )
    if array.dtype != np.uint8:
        raise MediaError(f"video given as frames of {array.dtype}: expected uint8, RGB")
    return array


__all__ = ["is_frames", "read_frames"]
