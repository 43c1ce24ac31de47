"""Which files and which conversations of a table, see `table`, are train, dev and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synctva.datasets_scripts.builder import data_folder
from synctva.datasets_scripts.labels import SPLITS

from .checking import TableFile, check_file
from .csv_rows import Mistake

SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True)
class Part:
    """The rows of a file that are one split, by conversation, both in the order of the file."""

    file: TableFile
    conversations: list[list[int]]

    @property
    def rows(self) -> list[int]:
        """Those of all its conversations."""
        return [row for rows in self.conversations for row in rows]


@dataclass(frozen=True)
class SplitTable:
    """A table's files, and which of their rows are which split."""

    files: list[TableFile]
    parts: dict[str, Part]
    """By split; only those that there are."""
    drawn: bool = False
    """The splits are not the data's but ours."""
    notes: list[str] = field(default_factory=list)


def find_files(data: str | Path | Mapping[str, str | Path]) -> Path | dict[str, Path]:
    """The one file, or the file of each split in the order of the splits.

    Raises:
        FileNotFoundError: there is no such file, or the folder has none.
        ValueError: a split or a kind of file that is none, or a split with two files.
    """
    if isinstance(data, Mapping):
        wrong = [split for split in data if split not in SPLITS]
        if wrong or not data:
            found = repr(wrong[0]) if wrong else "none"
            raise ValueError(f"data: splits: {found}; expected some of: {', '.join(SPLITS)}.")
        return {split: _table_file(data_folder(data[split])) for split in SPLITS if split in data}
    path = data_folder(data)
    if not path.is_dir():
        return _table_file(path)
    files: dict[str, Path] = {}
    for split in SPLITS:
        names = [f"{split}{suffix}" for suffix in SUFFIXES]
        names = [name for name in names if (path / name).is_file()]
        if len(names) > 1:
            raise ValueError(f"data: {path} has {' and '.join(names)}; expected one file a split.")
        if names:
            files[split] = path / names[0]
    if not files:
        expected = ", ".join(f"{split}{suffix}" for suffix in SUFFIXES for split in SPLITS)
        raise FileNotFoundError(f"{path} has none of {expected}.")
    return files


def read_splits(paths: Path | Mapping[str, Path], seed: int, mistakes: list[Mistake]) -> SplitTable:
    """Reads what `find_files` found and tells the splits apart; adds what is wrong to the mistakes.

    Args:
        seed: of the split of one file that has no column split.

    Raises:
        FileNotFoundError: a file is gone.
    """
    if isinstance(paths, Path):
        file = check_file(paths, mistakes)
        drawn = "split" not in file.cells
        split_of = _draw_splits(file, seed, mistakes) if drawn else _given_splits(file, mistakes)
        found = set(split_of.values())
        parts = {split: Part(file, []) for split in SPLITS if split in found}
        for conversation, split in split_of.items():
            parts[split].conversations.append(file.conversations[conversation])
        table = SplitTable([file], parts, drawn)
        if drawn:
            sizes = ", ".join(f"{len(part.conversations)} {split}" for split, part in parts.items())
            table.notes.append(f"conversations split with seed {seed}: {sizes}")
    else:
        files = {path: check_file(path, mistakes) for path in dict.fromkeys(paths.values())}
        parts = {
            split: Part(files[path], list(files[path].conversations.values()))
            for split, path in paths.items()
        }
        _check_repeated(parts, mistakes)
        table = SplitTable(list(files.values()), parts)
    for file in table.files:
        if file.ignored:
            table.notes.append(f"{file.path.name}: not looked at: {', '.join(file.ignored)}")
    return table


def _given_splits(file: TableFile, mistakes: list[Mistake]) -> dict[str, str]:
    """Split of each conversation by the file's column."""
    splits = file.cells["split"]
    for row, split in enumerate(splits):
        if split not in SPLITS:
            expected = f"one of: {', '.join(SPLITS)}"
            mistakes.append(file.mistake(row, "split", repr(split), expected))
    split_of: dict[str, str] = {}
    for conversation, rows in file.conversations.items():
        known = [row for row in rows if splits[row] in SPLITS]
        found = sorted({splits[row] for row in known})
        if len(found) > 1:
            other = next(row for row in known if splits[row] != splits[known[0]])
            problem = f"conversation {conversation!r} is in the splits {', '.join(found)}"
            mistakes.append(file.mistake(other, "split", problem, "a conversation in one split"))
        if found:
            split_of[conversation] = found[0]
    return split_of


def _draw_splits(file: TableFile, seed: int, mistakes: list[Mistake]) -> dict[str, str]:
    """Split of each conversation: a tenth is test, a tenth dev.

    They are put in the order of a checksum of the seed and their names, so that the order of the
    rows does not matter and a conversation more or less moves few others.
    """
    count = len(file.conversations)
    if 0 < count < len(SPLITS):
        found = f"has {count} conversations and no column 'split'"
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
    """Looks for a conversation that is in two splits.

    The same name is not enough: names may start anew in each file, as MELD's do.
    """
    split_of: dict[tuple, str] = {}
    for split, part in parts.items():
        columns = [part.file.cells[name] for name in ("dialogue_id", "utterance_id", "text")]
        for rows in part.conversations:
            conversation = tuple(tuple(column[row] for row in rows) for column in columns)
            other = split_of.setdefault(conversation, split)
            if other != split:
                name = conversation[0][0]
                found = (
                    f"conversation {name!r} is in the splits {other}, {split} with the same texts"
                )
                expected = "a conversation in one split"
                mistakes.append(part.file.mistake(rows[0], "dialogue_id", found, expected))


def _table_file(path: Path) -> Path:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"data: {path}; expected a file named {' or '.join(SUFFIXES)}.")
    return path
