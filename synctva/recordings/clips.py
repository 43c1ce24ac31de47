"""Clips for recognition, as a user names them: files, folders and patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from synctva.features.extraction.sources import load_clips, name_order

_SOUND = re.compile(r"\.(aac|aiff?|amr|au|caf|flac|m4a|mka|mp3|og[ag]|opus|wav|wma)", re.IGNORECASE)
"""Endings of recordings without pictures."""


def recording_field(path: str | Path) -> str:
    """Return the field of an utterance for a recording: "audio", or "video" if it has pictures."""
    return "audio" if _SOUND.fullmatch(Path(path).suffix) else "video"


def find_clips(names: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Return conversations of the clips that the names stand for.

    All files are one conversation, in the order of their names, and so are those of a pattern such
    as `clips/*.wav`. A folder is a conversation of its own, or each of its folders is one, with
    the texts in .txt files, see `load_clips`. Numbers in names of files count as numbers: 2.wav
    comes before 10.wav.

    Args:
        names: paths and patterns. A path that does not exist is kept, for its reader to refuse it.

    Raises:
        FileNotFoundError: nothing matches a pattern, or a folder has no clip.
        ValueError: see `load_clips`.
    """
    files: list[Path] = []
    conversations: list[list[dict[str, Any]]] = []
    for name in names:
        found = [Path(name)]
        if has_magic(name) and not found[0].exists():
            found = sorted(map(Path, glob(name, recursive=True)), key=_path_order)
            if not found:
                raise FileNotFoundError(f"clips = {name}: nothing matches: expected recordings")
        for path in found:
            if path.is_dir():
                conversations += _of_folder(path)
            else:
                files.append(path)
    own = [{recording_field(file): str(file)} for file in files]
    return [own, *conversations] if own else conversations


def _of_folder(folder: Path) -> list[list[dict[str, Any]]]:
    """Return the conversations of a folder, with paths as the user wrote them."""
    found = []
    for row in load_clips(folder)["train"]:
        utterances = []
        for text, path in zip(row["texts"], row["media_paths"], strict=True):
            clip = folder / Path(path).relative_to(folder.resolve())
            words = {"text": text} if text else {}
            utterances.append({**words, recording_field(clip): str(clip)})
        found.append(utterances)
    return found


def _path_order(path: Path) -> list[list[tuple[int, str]]]:
    return [name_order(Path(part)) for part in path.parts]


__all__ = ["find_clips", "recording_field"]
