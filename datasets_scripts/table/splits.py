"""Find which files and which conversations of a table are train, dev and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synctva.datasets_scripts.builder import data_folder
from synctva.datasets_scripts.labels import SPLITS
from synctva.modeling_synctva.configuration_synctva import counted

from .checking import TableFile, check_file
from .csv_rows import Mistake
from .paths import IN_THE_FOLDER, MediaPaths

SUFFIXES = (".csv", ".tsv", ".jsonl")

SPLIT_OF = {split: split for split in SPLITS} | dict.fromkeys(("validation", "valid", "val"), "dev")
"""Name of a split, in any case -> the split."""

_OTHER_TABLES = (".json", ".parquet", ".xls", ".xlsx", ".ods")


@dataclass(frozen=True)
class Part:
    """The rows of a file that are one split, by conversation, both in the file's order."""

    file: TableFile
    conversations: list[list[int]]

    @property
    def rows(self) -> list[int]:
        """The rows of all conversations."""
        return [row for rows in self.conversations for row in rows]


@dataclass(frozen=True)
class SplitTable:
    """A table's files, and the rows of each split."""

    files: list[TableFile]
    parts: dict[str, Part]
    """By split, without the splits that the table does not have."""
    drawn: bool = False
    """Whether the splits were drawn here because the data has none."""
    notes: list[str] = field(default_factory=list)


def find_files(data: str | Path | Mapping[str, str | Path]) -> Path | dict[str, Path]:
    """Find the one file, or the file of each split in the order of the splits.

    Raises:
        FileNotFoundError: there is no such file, or the folder has none.
        ValueError: a split is unknown or has two files, or a file is neither CSV nor JSON lines.
    """
    if isinstance(data, Mapping):
        wrong = [split for split in data if split.lower() not in SPLIT_OF]
        if wrong or not data:
            raise ValueError(f"splits of data = {[*data]}: expected some of {', '.join(SPLITS)}")
        found = [(SPLIT_OF[split.lower()], data_folder(path)) for split, path in data.items()]
        return {split: _table_file(path) for split, path in _one_each(found, "data").items()}
    path = data_folder(data)
    if not path.is_dir():
        return _table_file(path)
    found = [
        (SPLIT_OF[file.stem.lower()], file)
        for file in sorted(path.iterdir())
        if file.stem.lower() in SPLIT_OF and file.suffix.lower() in SUFFIXES and file.is_file()
    ]
    if not found and (path / "label.csv").is_file():
        return path / "label.csv"  # of MMSA's folders
    if not found:
        expected = ", ".join(f"{split}{suffix}" for suffix in SUFFIXES for split in SPLITS)
        raise FileNotFoundError(f"{path} has no table: expected one of {expected}")
    return _one_each(found, str(path))


def unread_tables(data: str | Path | Mapping[str, str | Path], files: Mapping[str, Path]) -> str:
    """Return a sentence that names the tables in a folder that are not read, "" without any.

    Args:
        data: as given to `find_files`.
        files: what it found.
    """
    if isinstance(data, Mapping):
        return ""
    folder = data_folder(data)
    names = [
        file.name
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in (*SUFFIXES, *_OTHER_TABLES)
        and not file.name.startswith(".")
        and file not in files.values()
    ]
    if not names:
        return ""
    return f"{folder}: not read: {', '.join(names)}; only files named train, dev and test are"


def _one_each(found: Sequence[tuple[str, Path]], where: str) -> dict[str, Path]:
    """Return the file of each split, in the order of the splits."""
    files: dict[str, Path] = {}
    for split in SPLITS:
        own = [path for name, path in found if name == split]
        if len(own) > 1:
            names = " and ".join(path.name for path in own)
            raise ValueError(f"{where} has {names}: expected one file per split")
        if own:
            files[split] = own[0]
    return files


def read_splits(
    paths: Path | Mapping[str, Path],
    seed: int,
    mistakes: list[Mistake],
    media: MediaPaths = IN_THE_FOLDER,
    undivided: str | None = None,
    names: Mapping[str, str] | None = None,
) -> SplitTable:
    """Read the files that `find_files` found and separate the splits.

    Args:
        seed: of the split of one file that has no column split.
        mistakes: all mistakes are added to this list.
        media: where the files in the column media_path may lie.
        undivided: the split that all of one file without a column split becomes; None: it is split.
        names: of the files' columns by ours, see `column_names`.

    Raises:
        FileNotFoundError: a file has disappeared.
    """
    if isinstance(paths, Path):
        file = check_file(paths, mistakes, media, names)
        drawn = "split" not in file.cells and undivided is None
        if drawn:
            split_of = _draw_splits(file, seed, mistakes)
        elif undivided is not None and "split" not in file.cells:
            split_of = dict.fromkeys(file.conversations, undivided)
        else:
            split_of = _named_splits(file, mistakes)
        found = set(split_of.values())
        parts = {split: Part(file, []) for split in SPLITS if split in found}
        for conversation, split in split_of.items():
            parts[split].conversations.append(file.conversations[conversation])
        table = SplitTable([file], parts, drawn)
        if drawn:
            sizes = ", ".join(f"{len(part.conversations)} {split}" for split, part in parts.items())
            table.notes.append(f"conversations split with seed {seed}: {sizes}")
        elif "split" not in file.cells:
            table.notes.append(f"{paths.name} has no column 'split': all of it is {undivided}")
    else:
        files = {
            path: check_file(path, mistakes, media, names) for path in dict.fromkeys(paths.values())
        }
        parts = {
            split: Part(files[path], list(files[path].conversations.values()))
            for split, path in paths.items()
        }
        _check_repeated(parts, mistakes)
        table = SplitTable(list(files.values()), parts)
    return table


def _named_splits(file: TableFile, mistakes: list[Mistake]) -> dict[str, str]:
    """Return the split of each conversation that the column split names."""
    splits = [SPLIT_OF.get(cell.lower(), cell) for cell in file.cells["split"]]
    for row, split in enumerate(splits):
        if split not in SPLITS:
            expected = f"one of {', '.join(SPLITS)}"
            mistakes.append(file.mistake(row, "split", f"= {split!r}", expected))
    split_of: dict[str, str] = {}
    for conversation, rows in file.conversations.items():
        known = [row for row in rows if splits[row] in SPLITS]
        found = sorted({splits[row] for row in known})
        if len(found) > 1:
            first = splits[known[0]]
            other = next(row for row in known if splits[row] != first)
            expected = f"{first!r}, as in the first row of conversation {conversation!r}"
            mistakes.append(file.mistake(other, "split", f"= {splits[other]!r}", expected))
        if found:
            split_of[conversation] = found[0]
    return split_of


def _draw_splits(file: TableFile, seed: int, mistakes: list[Mistake]) -> dict[str, str]:
    """Return a split for each conversation: a tenth is test, a tenth dev.

    They are ordered by a checksum of the seed and their names, so that the order of the rows does
    not matter, and adding or removing a conversation moves few others.
    """
    count = len(file.conversations)
    if 0 < count < len(SPLITS):
        found = f"has {counted(count, 'conversation')} and no column 'split'"
        expected = f"at least {len(SPLITS)}, one for each of {', '.join(SPLITS)}, or that column"
        mistakes.append(file.mistake(None, None, found, expected))
    order = sorted(
        file.conversations, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest()
    )
    tenth = max(1, round(count / 10))
    split_of = dict.fromkeys(file.conversations, "train")
    split_of |= dict.fromkeys(order[:tenth], "test")
    return split_of | dict.fromkeys(order[tenth : 2 * tenth], "dev")


def _check_repeated(parts: Mapping[str, Part], mistakes: list[Mistake]) -> None:
    """Find conversations that are in two splits.

    The same name is not enough: each file may number its conversations from 0, as MELD's do.
    """
    split_of: dict[tuple, str] = {}
    for split, part in parts.items():
        cells = part.file.cells
        said = [
            text or str(clip) for text, clip in zip(cells["text"], part.file.media, strict=True)
        ]
        columns = [cells["dialogue_id"], cells["utterance_id"], said]
        for rows in part.conversations:
            conversation = tuple(tuple(column[row] for row in rows) for column in columns)
            other = split_of.setdefault(conversation, split)
            if other != split:
                expected = f"a conversation in one split, {other} has it with the same texts"
                found = f"= {conversation[0][0]!r}"
                mistakes.append(part.file.mistake(rows[0], "dialogue_id", found, expected))


def _table_file(path: Path) -> Path:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"data = {path}: expected a file named *{' or *'.join(SUFFIXES)}")
    return path
