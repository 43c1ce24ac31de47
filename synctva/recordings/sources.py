"""Sources of media, and the errors about those that cannot be read."""

from __future__ import annotations

import io
import math
import os
import stat
from collections.abc import Mapping
from typing import Any, BinaryIO

from synctva.modeling_synctva.configuration_synctva import how_to_install

EXPECTED = "expected a recording such as mp4, mov, mkv, webm, avi, wav, flac, mp3, ogg"


class MediaError(ValueError):
    """A source cannot be read. The message names it, what is wrong and what was expected."""


class MediaNotFoundError(MediaError, FileNotFoundError):
    """There is no file at a path."""


def import_av() -> Any:
    """Import PyAV, which is needed only to read media.

    Raises:
        ImportError: it is not installed; the message says how to install it.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f"reading audio or video needs PyAV: {how_to_install('media')}"
        ) from error
    return av


def time_range(start: float | None, end: float | None) -> tuple[float, float]:
    """Return start and end in s; a missing bound is infinite.

    Raises:
        ValueError: not 0 <= start < end.
    """
    if not 0 <= (start or 0) < (math.inf if end is None else end):
        raise ValueError(f"start = {start!r} s, end = {end!r} s: expected 0 <= start < end")
    return (-math.inf if start is None else start), (math.inf if end is None else end)


def open_source(source: Any) -> tuple[str, BinaryIO]:
    """Return the name of a source for messages, and its bytes as an open file.

    Args:
        source: path, bytes, or a row of `datasets` ({"path", "bytes"}, either may be None).

    Raises:
        MediaError: it is empty, not a file, or none of the accepted types; `MediaNotFoundError` if
            there is no such file.
    """
    if isinstance(source, Mapping):
        path, data = source.get("path"), source.get("bytes")
        if data is None and path is None:
            raise MediaError(
                f"media source with the fields {sorted(map(str, source))}: expected 'path' or "
                "'bytes' (of `datasets`, cast the column with decode=False)"
            )
        name, file = open_source(data if data is not None else path)
        return (str(path) if path is not None else name), file
    if isinstance(source, bytes | bytearray | memoryview):
        if not len(source):
            raise MediaError(f"media given as bytes: is empty: {EXPECTED}")
        return f"media given as {len(source):,} bytes", io.BytesIO(source)
    if not isinstance(source, str | os.PathLike):
        raise MediaError(f"media source is a {type(source).__name__}: expected a path or bytes")
    path = os.fsdecode(source)
    return path, _open_path(path)


def _open_path(path: str) -> BinaryIO:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a file"
            raise MediaError(f"{path}: is {kind}: {EXPECTED}")
        if not status.st_size:
            raise MediaError(f"{path}: is empty: {EXPECTED}")
        return open(path, "rb")
    except FileNotFoundError as error:
        raise MediaNotFoundError(f"{path}: there is no such file") from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be opened: {error.strerror}") from error
    except MediaError:
        raise
    except ValueError as error:  # a NUL in the name
        raise MediaError(f"{path!r}: is not a path: {error}") from error


__all__ = ["EXPECTED", "MediaError", "MediaNotFoundError", "import_av", "open_source", "time_range"]
