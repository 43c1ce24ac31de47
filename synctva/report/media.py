"""The recordings of a report: linked, or embedded."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from transformers.utils import logging

from synctva.answered import Answered, relative_to

logger = logging.get_logger(__name__)

LARGEST_EMBEDDED = 50_000_000
"""Bytes of all recordings in a page. Browsers become slow with more."""


class Media(NamedTuple):
    """A recording."""

    name: str
    """Of the file, for the reader."""
    address: str
    """A relative URL, or one that contains the recording."""
    frames: bool
    """Whether it may be a video."""


def read_media(
    answered: Sequence[Answered], folder: Path | None, embed: bool, url: str | None = None
) -> tuple[list[Media], list[int | None]]:
    """Return the recordings of the utterances, and the number of each utterance's; None without.

    Args:
        answered: the utterances.
        folder: of the page; None if nobody knows.
        embed: whether the recordings are contained in the page.
        url: of the only recording, in place of a link to its file.

    Raises:
        OSError: a recording to embed cannot be read.
        ValueError: those to embed are too large.
    """
    numbers: dict[str, int] = {}
    found: list[Media] = []
    of_each: list[int | None] = []
    for item in answered:
        path = item.get("video") or item.get("audio") or item.get("file")
        if not isinstance(path, str | os.PathLike):
            of_each.append(None)
            continue
        path = os.fspath(path)
        if path not in numbers:
            sound = (guess_type(path)[0] or "").startswith("audio/")
            frames = "video" in item or ("audio" not in item and not sound)
            if embed:
                require_small([path, *numbers])
            address = url or (_contained(path, frames) if embed else _link(path, folder))
            numbers[path] = len(found)
            found.append(Media(Path(path).name, address, frames))
        of_each.append(numbers[path])
    return found, of_each


def _link(path: str, folder: Path | None) -> str:
    named = relative_to(folder, path)
    elsewhere = folder is not None and not (folder / named).exists()
    if elsewhere and named == Path(path).name:
        logger.warning(
            f"recording = {named}: the report names it without its folder, which would tell a path "
            "of this machine: put it beside the report, or embed it"
        )
    return quote(named, errors="surrogateescape")  # a name need not be UTF-8


def require_small(paths: Iterable[str | os.PathLike]) -> None:
    """Refuse recordings that are together too large to be embedded.

    Raises:
        OSError: one does not exist.
        ValueError: they are too large.
    """
    size = sum(os.path.getsize(path) for path in paths)
    if size > LARGEST_EMBEDDED:
        raise ValueError(
            f"embed = True: the recordings have {size / 1e6:.0f} MB: expected at most "
            f"{LARGEST_EMBEDDED / 1e6:.0f} MB. Without it, the report links to them"
        )


def _contained(path: str, frames: bool) -> str:
    kind = guess_type(path)[0] or ""
    if not kind.startswith(("audio/", "video/")):
        kind = "video/mp4" if frames else "audio/mpeg"
    return f"data:{kind};base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


__all__ = ["LARGEST_EMBEDDED", "Media", "read_media", "require_small"]
