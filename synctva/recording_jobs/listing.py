"""The recordings of a job: those in a folder, or those that a table lists."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transformers.utils import logging

from synctva.datasets_scripts.table.csv_rows import CsvTable, read_csv
from synctva.features.extraction.sources import CLIP, name_order
from synctva.speech.transcription import CHANNELS

from .tables import TABLES

logger = logging.get_logger(__name__)

COLUMNS = ("recording", "speakers", "language", "transcript", "rttm")
"""Columns of a table of recordings; all but the first may be missing, and so may their cells."""

SUFFIXES = (".csv", ".tsv")
"""Of a table."""


@dataclass(frozen=True)
class ListedRecording:
    """A recording of a job.

    Attributes:
        name: of its folder in the output, with slashes; no other recording of the job has it.
        path: of the recording.
        speakers: their number, or "channels" if each has a channel; None: estimate it.
        language: code of the language; None: detect it.
        transcript: path of a transcript; None: recognise what is said.
        rttm: path of an RTTM that says who speaks when.
    """

    name: str
    path: str
    speakers: int | str | None = None
    language: str | None = None
    transcript: str | None = None
    rttm: str | None = None


def is_listing(path: str | os.PathLike) -> bool:
    """Return whether a path stands for many recordings: a folder, or by its suffix a table."""
    return Path(path).is_dir() or Path(path).suffix.lower() in SUFFIXES


def list_recordings(
    source: str | os.PathLike, output: str | os.PathLike | None = None
) -> list[ListedRecording]:
    """List the recordings in a folder and its sub-folders, or in a table.

    Files count as recordings by the ending of their names; hidden files do not, and links to
    folders are not followed. In a table, paths are relative to its folder.

    Args:
        source: the folder, or a CSV or TSV with the column `recording` and any of `COLUMNS`.
        output: folder of the results, which is left out where it lies in the source.

    Raises:
        FileNotFoundError: there is no such folder or table, or the folder has no recording.
        ValueError: the table has a mistake, and the message names its line and column; or results
            would stand in place of a file.
    """
    source = Path(source)
    found = _in_folder(source, output) if source.is_dir() else _of_table(source)
    for recording in found:
        if output is not None and Path(output, recording.name).is_file():
            raise ValueError(
                f"output = {output}: has the file {recording.name}, where the results for the "
                "recording of this name belong: expected another folder"
            )
    return found


def _in_folder(source: Path, output: str | os.PathLike | None) -> list[ListedRecording]:
    paths = list(_walk(source, None if output is None else Path(output).resolve()))
    found = [path for path in paths if CLIP.fullmatch(path.suffix)]
    if not found:
        raise FileNotFoundError(
            f"{source} has no recording: expected files that end in .mp4, .mkv, .webm, .wav, .mp3 "
            "or another media format"
        )
    if len(found) < len(paths):
        other = next(path for path in paths if path not in set(found))
        logger.warning(
            f"{source}: {len(paths) - len(found)} of {len(paths)} files are left out, because they "
            f"are not named as recordings are, such as {other.relative_to(source)}: list those "
            "that are recordings in a table"
        )
    return _named([ListedRecording("", str(path)) for path in found], source)


def _walk(folder: Path, output: Path | None) -> Iterator[Path]:
    """Yield the files of a folder and of its sub-folders, in the order of their names."""

    def unread(error: OSError) -> None:
        logger.warning(f"{error.filename}: is left out, it cannot be opened: {error.strerror}")

    for root, folders, files in os.walk(folder, onerror=unread):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and Path(root, name).resolve() != output
        )
        visible = (Path(root, name) for name in files if not name.startswith("."))
        yield from sorted(visible, key=lambda path: (name_order(path), path.name))


def _of_table(path: Path) -> list[ListedRecording]:
    table = read_csv(path, COLUMNS[:1])
    for name in table.columns:
        if name not in COLUMNS:
            logger.warning(f"{path}: the column {name!r} is not read: expected {COLUMNS}")
    names = table.strings("recording", required="the path of a recording")
    cells = {name: table.strings(name) for name in COLUMNS if name in table.columns}
    seen: dict[str, int] = {}
    found = []
    for row, name in enumerate(names):
        given = {column: values[row] for column, values in cells.items() if values[row]}
        files = {
            column: os.path.normpath(path.parent / given[column])
            for column in ("recording", "transcript", "rttm")
            if column in given
        }
        recording = files["recording"]
        if recording in seen:
            mistake = f"is in line {table.lines[seen[recording]]} too"
            raise ValueError(f"{table.where(row, 'recording')} = {name!r} {mistake}: expected once")
        seen[recording] = row
        found.append(
            ListedRecording(
                name="",
                path=recording,
                speakers=_speakers(table, row, given),
                language=given.get("language"),
                transcript=files.get("transcript"),
                rttm=files.get("rttm"),
            )
        )
    return _named(found, path.parent)


def _speakers(table: CsvTable, row: int, given: dict[str, str]) -> int | str | None:
    """Return a row's speakers, as `ListedRecording` has them.

    Raises:
        ValueError: they are neither a number nor channels, or a transcript or RTTM tells them.
    """
    speakers = given.get("speakers")
    if speakers is None:
        return None
    expected = f"their number, {CHANNELS}, or an empty cell"
    told = [name for name in ("transcript", "rttm") if name in given]
    if told:
        expected = f"an empty cell, because of the column {told[0]}"
    elif speakers == CHANNELS:
        return CHANNELS
    elif speakers.isdecimal() and int(speakers) > 0:
        return int(speakers)
    raise ValueError(f"{table.where(row, 'speakers')} = {speakers!r}: expected {expected}")


def _named(recordings: Sequence[ListedRecording], root: Path) -> list[ListedRecording]:
    """Name recordings by their path in `root`, or by their file name outside of it.

    Where two have the same name, as far as some file systems can tell, each gets a part of its
    path's checksum as well.
    """
    root = Path(os.path.normpath(root))
    names = []
    for recording in recordings:
        path = Path(os.path.normpath(recording.path))
        inside = path.is_relative_to(root) and root.is_absolute() == path.is_absolute()
        inside = inside and ".." not in path.relative_to(root).parts
        names.append((path.relative_to(root) if inside else Path(path.name)).as_posix())
    counts = Counter(name.casefold() for name in (*names, *TABLES))
    return [
        replace(one, name=name if counts[name.casefold()] == 1 else f"{name}-{_checksum(one.path)}")
        for name, one in zip(names, recordings, strict=True)
    ]


def _checksum(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


__all__ = ["COLUMNS", "ListedRecording", "is_listing", "list_recordings"]
