"""Conversations with media: release trees, tables, and folders of clips."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset, DatasetDict
from transformers.utils import logging

from synctva.datasets_scripts.builder import data_folder
from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.meld import load_meld
from synctva.datasets_scripts.corpora.text_repair import decode, repair_text
from synctva.datasets_scripts.schema import (
    UNLABELLED,
    Conversation,
    conversation_features,
    new_conversation,
)
from synctva.datasets_scripts.table.loading import load_table

logger = logging.get_logger(__name__)

SOURCES = ("meld", "iemocap", "table", "clips")

_CLIP = re.compile(
    r"\.(3gp|aac|aiff?|avi|flac|flv|m4a|m4v|mkv|mov|mp3|mp4|mpe?g|og[agv]|opus|ts|wav|webm|wma|wmv)",
    re.IGNORECASE,
)
"""What the files of clips end in; others are not looked at."""


def load_media(
    source: str, data_dir: str | Path, label_names: Sequence[str] | None = None
) -> DatasetDict:
    """Conversations with media_paths, without audio and visual features of other origin.

    Args:
        source: one of `SOURCES`: MELD's or IEMOCAP's release, a table of one's own with the column
            media_path, or a folder of clips.
        data_dir: where it lies.
        label_names: of a table, see `load_table`.

    Raises:
        FileNotFoundError, ValueError: as `load_meld`, `load_iemocap`, `load_table`, `load_clips`;
            or the source is unknown.
    """
    data_dir = data_folder(data_dir)  # absolute: workers of other machines read the paths, too
    if source == "meld":
        return load_meld(data_dir, prosody=False)
    if source == "iemocap":
        return load_iemocap(data_dir, prosody=False)
    if source == "table":
        return load_table(data_dir, label_names)
    if source == "clips":
        return load_clips(data_dir)
    raise ValueError(f"source = {source!r}: expected one of {SOURCES}")


def load_clips(folder: str | Path) -> DatasetDict:
    """A folder of clips as conversations without labels, in one split, train.

    Each sub-folder with clips is a conversation; or the folder itself is one, where it has no
    sub-folders with clips. Utterances are in the order of the files' names, numbers in them taken
    as numbers: 2.mp4 comes before 10.mp4. What was said stands in a .txt file of the same name,
    where there is one. Speakers are unknown: a table can say who they are.

    Args:
        folder: with the clips, files that end as recordings do; others are not looked at.

    Returns:
        The split, with the columns of `synctva.datasets_scripts.schema`; labels are -1.

    Raises:
        FileNotFoundError: there is no folder, or no clip in it.
        ValueError: clips beside sub-folders with clips, or two files of one name.
    """
    root = data_folder(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is a file: expected a folder of clips")
    folders = [path for path in root.iterdir() if path.is_dir() and not _hidden(path)]
    found = {path: _clips(path) for path in sorted(folders, key=_name_order)}
    found = {path: clips for path, clips in found.items() if clips}
    flat = _clips(root)
    if flat and found:
        raise ValueError(
            f"{root} has clips ({flat[0].name}) and sub-folders with clips "
            f"({next(iter(found)).name}): expected one of them"
        )
    if flat:
        found = {root: flat}
    if not found:
        expected = ".mp4, .mkv, .webm, .wav, .mp3 or as other recordings do"
        raise FileNotFoundError(f"{root} has no clip: expected files that end in {expected}")
    rows = [_conversation(path, clips) for path, clips in found.items()]
    return DatasetDict(train=Dataset.from_list(rows, features=conversation_features([])))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _clips(folder: Path) -> list[Path]:
    """The clips of a folder in their order."""
    files = [
        path
        for path in folder.iterdir()
        if _CLIP.fullmatch(path.suffix) and path.is_file() and not _hidden(path)
    ]
    files.sort(key=_name_order)
    names: dict[str, Path] = {}
    for file in files:
        if file.stem in names:
            raise ValueError(
                f"{folder} has {names[file.stem].name} and {file.name}: expected one file for an "
                "utterance, a video with its sound or a sound"
            )
        names[file.stem] = file
    return files


def _name_order(path: Path) -> list[tuple[int, str]]:
    """Sorts by name, digits in it as numbers."""
    parts = re.findall(r"\d+|\D+", path.stem)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _conversation(folder: Path, clips: list[Path]) -> Conversation:
    transcripts = {path.stem: path for path in folder.glob("*.txt") if not _hidden(path)}
    texts = [_text(transcripts.pop(clip.stem, None)) for clip in clips]
    if transcripts:
        logger.warning(f"{folder}: {len(transcripts)} .txt files have no clip of the same name")
    count = len(clips)
    conversation = new_conversation(
        folder.name,
        [clip.stem for clip in clips],
        [""] * count,
        texts,
        [UNLABELLED] * count,
    )
    conversation["media_paths"] = [str(clip) for clip in clips]
    return conversation


def _text(path: Path | None) -> str:
    """What a transcript says, in one line."""
    if path is None:
        return ""
    return " ".join(repair_text(decode(path.read_bytes())).split())


__all__ = ["SOURCES", "load_clips", "load_media"]
