"""Recordings of any container, opened with PyAV: frames with their times, or one clear error."""

from __future__ import annotations

import errno
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from synctva.recordings.sources import EXPECTED, MediaError, import_av, open_source

logger = logging.getLogger(__name__)

MAX_PIXELS = 8192 * 4320
"""Largest frame that is decoded. A damaged header can ask for gigabytes."""

SEEK_FROM = 30.0
"""Below this start in s, decode from the beginning, which is exact in every container."""

PREROLL = 2.0
"""Seconds to decode before the start after a seek, because codecs need time to settle."""

LOOKAHEAD = 32
"""Packets to read ahead when choosing which frames to decode. No codec reorders more than 16."""

# The formats that are opened. Playlists (hls, dash, concat, sdp) are not among them: they make the
# demuxer open other files and addresses, which a stranger's clip must not do. Neither are demuxers
# that make sound or images from arbitrary bytes or text.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,dv,eac3,flac,flv,gif,h264,hevc,ivf,matroska,mjpeg,mov,"
    "mp3,mp4,mpeg,mpegts,mpegvideo,mxf,nistsphere,nut,ogg,rm,tta,voc,w64,wav,webm,wv,"
    "apng,bmp_pipe,gif_pipe,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
)
# FFmpeg's flags of a track: the default one; cover art and preview images.
_DEFAULT = 0x0001
_ATTACHED = 0x0400 | 0x0800


class Recording:
    """An open recording.

    Times are in s on the recording's clock, whose 0 is where its first track begins, as players
    show them: a track may begin later.

    Args:
        source: path, bytes, or a row of `datasets` ({"path", "bytes"}, either may be None).

    Raises:
        MediaError: it is not a recording, or not one that can be read; `MediaNotFoundError` where
            there is no such file.
        ImportError: PyAV is not installed.

    Example:
        >>> with Recording("clip.mp4") as recording:  # doctest: +SKIP
        ...     times = [time for time, _ in recording.frames("video")]
    """

    def __init__(self, source: Any):
        self._av = import_av()
        self._errors = (
            *(self._av.error.FFmpegError, ValueError, OSError, RuntimeError),
            *(ArithmeticError, LookupError, AssertionError, MemoryError),
        )
        self.name, self._file = open_source(source)
        self._container: Any = None
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
        self._file.close()

    def _open(self) -> None:
        """Open or reopen the container, at its beginning and with new decoders."""
        if self._container is not None:
            self._container.close()
        self._file.seek(0)
        release = int(self._av.__version__.split(".")[0])
        try:
            self._container = self._av.open(
                self._file,
                # For what is decoded during opening. Before 18, PyAV crashes on options for
                # decoders if a format announces its tracks late (FLV, MPEG-TS).
                options={"max_pixels": str(MAX_PIXELS)} if release >= 18 else {},
                container_options={"format_whitelist": _FORMATS},
                # Tags need not be UTF-8. From 19 on, PyAV takes any, and has no such argument.
                **({"metadata_errors": "replace"} if release < 19 else {}),
            )
            kinds = {stream.type for stream in self._container.streams}
        except self._errors as error:
            reason = _reason(error, "of another kind, or damaged")
            raise self.error(f"cannot be read as a recording ({reason}): {EXPECTED}") from error
        if not kinds & {"audio", "video"}:
            raise self.error(f"has neither an audio nor a video track: {EXPECTED}")
        start = self._container.start_time
        self._origin = 0.0 if start is None or abs(start) >= 1 << 62 else start / 1e6

    def error(self, reason: str) -> MediaError:
        """Return an error that names this recording."""
        return MediaError(f"{self.name}: {reason}")

    def track(self, kind: str) -> Any:
        """Return the stream of a kind, "audio" or "video"; None if there is none.

        If there are several, it is the one that players choose. Cover art does not count as video.

        Raises:
            MediaError: there is no decoder for it, or its frames are too large.
        """
        streams = [
            stream
            for stream in self._container.streams
            if stream.type == kind and not stream.disposition.value & _ATTACHED
        ]
        if not streams:
            return None
        known = [stream for stream in streams if stream.codec_context is not None]
        if not known:
            raise self.error(f"there is no decoder for its {kind} track")
        defaults = [stream for stream in known if stream.disposition.value & _DEFAULT]
        stream = (defaults or known)[0]
        if kind == "video" and stream.width * stream.height > MAX_PIXELS:
            raise self.error(
                f"frames of {stream.width} x {stream.height}: expected at most {MAX_PIXELS:,} "
                "pixels"
            )
        return stream

    @property
    def length(self) -> float:
        """Duration in s according to the header; infinite if it does not say."""
        length = self._container.duration
        return length / 1e6 if length and length > 0 else math.inf

    def duration(self, kind: str) -> float | None:
        """Return the time in s at which a track ends according to the headers; None if unknown."""
        stream = self.track(kind)
        if stream.duration and stream.time_base:
            begin = (stream.start_time or 0) * stream.time_base
            return float(begin + stream.duration * stream.time_base) - self._origin
        return None if math.isinf(self.length) else self.length

    def scanned_duration(self, kind: str) -> float:
        """Read a track without decoding; return the time in s at which it ends, 0 if unknown."""
        last = 0.0
        for packet in self._packets(self.track(kind)):
            time = self._time(packet)
            length = float((packet.duration or 0) * (packet.time_base or 0))
            last = last + length if time is None else max(last, time + length)
        self._open()
        return last

    def frames(
        self,
        kind: str,
        start: float = 0.0,
        needed: Callable[[float, float], bool] | None = None,
    ) -> Iterator[tuple[float | None, Any]]:
        """Decode a track in order.

        Damaged parts are left out, with a warning.

        Args:
            kind: "audio" or "video".
            start: time in s. Earlier frames are yielded too, but only the last ones before it if it
                is far into the recording.
            needed: whether a frame that is on display from one time in s to another is needed. If
                not, it may be left out: it is not decoded unless other frames depend on it.

        Yields:
            (time in s or None where unknown, av.AudioFrame or av.VideoFrame)

        Raises:
            MediaError: the track has data, but none of it can be decoded.
        """
        if start > SEEK_FROM and self._seek(kind, start - PREROLL):
            frames = self._decoded(kind, needed)
            try:
                first = next(frames, None)
            except MediaError:
                first = None
            if first is not None and first[0] is not None and first[0] <= start:
                yield first
                yield from frames
                return
            self._open()  # The index is wrong, or the track begins after `start`.
        yield from self._decoded(kind, needed)

    def _seek(self, kind: str, time: float) -> bool:
        """Seek to the last position at or before a time from which decoding can begin."""
        stream = self.track(kind)
        try:
            self._container.seek(int((time + self._origin) / stream.time_base), stream=stream)
        except (*self._errors, TypeError):
            self._open()
            return False
        return True

    def _decoded(
        self, kind: str, needed: Callable[[float, float], bool] | None
    ) -> Iterator[tuple[float | None, Any]]:
        stream = self.track(kind)
        # One thread: worker processes decode clips in parallel anyway, and frame threads decode
        # damaged data differently from run to run.
        stream.thread_type = "NONE"
        if kind == "video":
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        packets = self._packets(stream)
        if needed is not None:
            packets = self._thinned(packets, stream.codec_context, needed)
        count, damaged, reason = 0, 0, ""
        for packet in packets:
            try:
                frames = packet.decode()
            except self._errors as error:
                damaged += 1
                reason = _reason(error, f"damaged, not supported, or over {MAX_PIXELS:,} pixels")
                continue
            for frame in frames:
                count += 1
                yield self._time(frame), frame
        if damaged and not count:
            raise self.error(f"nothing of its {kind} track can be decoded ({reason})")
        if damaged:
            logger.warning(
                f"{self.name}: {damaged} packets of its {kind} track cannot be decoded ({reason})"
            )

    def _packets(self, stream: Any) -> Iterator[Any]:
        """Yield the track's packets until reading fails; the ones before that are kept."""
        try:
            yield from self._container.demux(stream)
        except self._errors as error:
            reason = _reason(error, "damaged")
            logger.warning(f"{self.name}: cannot be read to its end ({reason})")

    def _thinned(
        self, packets: Iterable[Any], decoder: Any, needed: Callable[[float, float], bool]
    ) -> Iterator[Any]:
        """Yield the packets, and tell the decoder before each whether it may skip the frame."""
        ahead: deque[Any] = deque()
        known: deque[float] = deque(maxlen=2 * LOOKAHEAD)  # times of frames, some already decoded

        def first() -> Any:
            packet = ahead.popleft()
            time = self._time(packet)
            following = min((t for t in known if time is not None and t > time), default=math.inf)
            wanted = time is None or following == math.inf or needed(time, following)
            decoder.skip_frame = "DEFAULT" if wanted else "NONREF"
            return packet

        for packet in packets:
            ahead.append(packet)
            time = self._time(packet)
            if time is not None:
                known.append(time)
            if len(ahead) > LOOKAHEAD:
                yield first()
        while ahead:
            yield first()

    def _time(self, part: Any) -> float | None:
        """Return the time in s of a packet or a frame."""
        if part.pts is None or part.time_base is None:
            return None
        return float(part.pts * part.time_base) - self._origin


def _reason(error: BaseException, unclear: str) -> str:
    """Return what went wrong, without the number and the name that PyAV adds.

    "Invalid argument", which FFmpeg says in several cases, becomes `unclear`.
    """
    if getattr(error, "errno", None) == errno.EINVAL:
        return unclear
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()


__all__ = ["Recording"]
