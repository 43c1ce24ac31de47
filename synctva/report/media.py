"""The recordings of a report: linked, or embedded."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from mimetypes import guess_type
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from transformers.utils import logging

from synctva.answered import Answered, relative_to
from synctva.recordings.clips import recording_field

logger = logging.get_logger(__name__)

LARGEST_EMBEDDED = 50_000_000
"""Bytes of all recordings in a page. Browsers become slow with more."""


class Media(NamedTuple):
    """A recording."""

    name: str
    """Of the file, for the reader."""
    address: str
    """A relative URL, or one that contains the recording."""
    pictures: bool
    """Whether it may have pictures."""


def read_media(
    answered: Sequence[Answered], folder: Path | None, embed: bool
) -> tuple[list[Media], list[int | None]]:
    """Return the recordings of the utterances, and the number of each utterance's; None without.

    Args:
        answered: the utterances.
        folder: of the page; None if nobody knows.
        embed: whether the recordings are contained in the page.

    Raises:
        OSError: a recording to embed cannot be read.
        ValueError: those to embed are too large.
    """
    numbers: dict[str, int] = {}
    found: list[Media] = []
    of_each: list[int | None] = []
    size = 0
    for item in answered:
        path = item.get("video") or item.get("audio") or item.get("file")
        if not isinstance(path, str | os.PathLike):
            of_each.append(None)
            continue
        path = os.fspath(path)
        if path not in numbers:
            pictures = "video" in item or ("audio" not in item and recording_field(path) == "video")
            if embed:
                size += os.path.getsize(path)
                _require_small(size)
            address = _contained(path, pictures) if embed else _link(path, folder)
            numbers[path] = len(found)
            found.append(Media(Path(path).name, address, pictures))
        of_each.append(numbers[path])
    return found, of_each


def _link(path: str, folder: Path | None) -> str:
    named = relative_to(folder, path)
    if (
        folder is not None
        and named == Path(path).name
        and Path(path).parent.resolve() != folder.resolve()
    ):
        logger.warning(
            f"recording = {named}: the report names it without its folder, which would tell a path "
            "of this machine: put it beside the report, or embed it"
        )
    return quote(named, errors="surrogateescape")  # a name need not be UTF-8


def _require_small(size: int) -> None:
    if size > LARGEST_EMBEDDED:
        raise ValueError(
            f"embed = True: the recordings have at least {size / 1e6:.0f} MB: expected at most "
            f"{LARGEST_EMBEDDED / 1e6:.0f} MB. Without it, the report links to them"
        )


def _contained(path: str, pictures: bool) -> str:
    kind = guess_type(path)[0] or ""
    if not kind.startswith(("audio/", "video/")):
        kind = "video/mp4" if pictures else "audio/mpeg"
    return f"data:{kind};base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


__all__ = ["LARGEST_EMBEDDED", "Media", "read_media"]
