"""Conversations with media: release trees, tables, and folders of clips."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets import Dataset, DatasetDict
from transformers.utils import logging

from synctva.datasets_scripts.builder import data_folder
from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.meld import load_meld
from synctva.datasets_scripts.schema import (
    UNLABELLED,
    Conversation,
    conversation_features,
    new_conversation,
)
from synctva.datasets_scripts.table.loading import check_table_options, load_table
from synctva.datasets_scripts.text_repair import decode, repair_text

logger = logging.get_logger(__name__)

SOURCES = ("meld", "iemocap", "table", "clips")

CLIP = re.compile(
    r"\.(3g[2p]|aac|aiff?|amr|au|avi|caf|flac|flv|m2ts|m4a|m4v|mka|mkv|mov|mp3|mp4|mpe?g|mts|og[agv]"
    r"|opus|ts|wav|webm|wma|wmv)",
    re.IGNORECASE,
)
"""Endings of the files that count as clips; others are ignored."""


def load_media(
    source: str,
    data_dir: str | Path,
    label_names: Sequence[str] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    label: str | None = None,
    media_root: str | Path | None = None,
    allow_absolute_paths: bool = False,
) -> DatasetDict:
    """Load conversations with media_paths, and without audio features of another origin.

    Args:
        source: one of `SOURCES`: MELD's or IEMOCAP's release, your own table with the column
            media_path, or a folder of clips.
        data_dir: the folder or file.
        label_names, columns, label, media_root, allow_absolute_paths: of a table, see `load_table`.
            The label may also be "sentiment", of MELD.

    Raises:
        FileNotFoundError, ValueError: see `load_meld`, `load_iemocap`, `load_table`, `load_clips`;
            or the source is unknown, or an option of tables is set for another source.
    """
    given = {
        "columns": columns,
        "label": label,
        "media_root": media_root,
        "allow_absolute_paths": allow_absolute_paths,
    }
    check_table_options(source, **given)
    data_dir = data_folder(data_dir)  # absolute, because workers on other machines read the paths
    if source == "meld":
        return load_meld(data_dir, prosody=False, label=label or "emotion")
    if source == "iemocap":
        return load_iemocap(data_dir, prosody=False)
    if source == "table":
        return load_table(data_dir, label_names, **given)
    if source == "clips":
        return load_clips(data_dir)
    raise ValueError(f"source = {source!r}: expected one of {SOURCES}")


def load_clips(folder: str | Path) -> DatasetDict:
    """Load a folder of clips as unlabelled conversations, in one split, train.

    Each sub-folder with clips is a conversation. If there are none, the folder itself is one.
    Utterances follow the order of the file names, with numbers compared as numbers: 2.mp4 comes
    before 10.mp4. A .txt file of the same name is the clip's transcript. Speakers are unknown; use
    a table to name them.

    Args:
        folder: with the clips. Files with other endings than those of recordings are ignored.

    Returns:
        The split, with the columns of `synctva.datasets_scripts.schema`; labels are -1.

    Raises:
        FileNotFoundError: the folder does not exist or has no clip.
        ValueError: there are clips beside sub-folders with clips, or two clips of the same name.
    """
    root = data_folder(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is a file: expected a folder of clips")
    folders = [path for path in root.iterdir() if path.is_dir() and not _hidden(path)]
    found = {path: _clips(path) for path in sorted(folders, key=name_order)}
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
        expected = ".mp4, .mkv, .webm, .wav, .mp3 or another media format"
        raise FileNotFoundError(f"{root} has no clip: expected files that end in {expected}")
    rows = [_conversation(path, clips) for path, clips in found.items()]
    return DatasetDict(train=Dataset.from_list(rows, features=conversation_features([])))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _clips(folder: Path) -> list[Path]:
    """Return the clips of a folder in order."""
    files = [
        path
        for path in folder.iterdir()
        if CLIP.fullmatch(path.suffix) and path.is_file() and not _hidden(path)
    ]
    files.sort(key=name_order)
    names: dict[str, Path] = {}
    for file in files:
        if file.stem in names:
            raise ValueError(
                f"{folder} has {names[file.stem].name} and {file.name}: expected one file per "
                "utterance, either a video with its sound or a sound file"
            )
        names[file.stem] = file
    return files


def name_order(path: Path) -> list[tuple[int, str]]:
    """Return a sort key that compares digits in names as numbers."""
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
    """Return a transcript as one line, or an empty string without one."""
    if path is None:
        return ""
    return " ".join(repair_text(decode(path.read_bytes())).split())


__all__ = ["CLIP", "SOURCES", "load_clips", "load_media", "name_order"]
