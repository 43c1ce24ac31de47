"""Check one file of a table and collect all of its mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

import numpy as np

from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .channels import read_channels
from .column_names import COLUMNS, OPTIONAL_COLUMNS, named
from .csv_rows import CsvTable, Located, Mistake, read_csv
from .features import FileFeatures, read_features
from .json_rows import JsonTable, read_json_lines
from .labels import read_labels
from .paths import IN_THE_FOLDER, MediaPaths, path_column
from .times import read_times

SHOWN_MISTAKES = 20

# Columns whose cells may not be empty, and what they must contain.
_REQUIRED_CELLS = {"dialogue_id": "a name", "utterance_id": "a name"}

_PREFIXES = tuple(f"{modality}_" for modality in MODALITIES)


class TableError(ValueError):
    """A table has mistakes; the message lists the first `SHOWN_MISTAKES`.

    Attributes:
        mistakes: all mistakes, in the order of files and lines.
    """

    def __init__(self, mistakes: Sequence[Mistake]):
        super().__init__(mistakes)
        self.mistakes = list(mistakes)

    def __str__(self) -> str:
        lines = [str(mistake) for mistake in self.mistakes[:SHOWN_MISTAKES]]
        if len(self.mistakes) > 1:
            lines.insert(0, f"{len(self.mistakes)} mistakes:")
        if len(self.mistakes) > SHOWN_MISTAKES:
            lines.append(f"... and {len(self.mistakes) - SHOWN_MISTAKES} more.")
        return "\n".join(lines)


@dataclass(frozen=True)
class TableFile(Located):
    """A checked file; cells with a mistake are empty."""

    path: Path
    lines: list[int]
    """Line number of each row."""
    cells: dict[str, list[str]]
    """`COLUMNS`, and split and session if the file has them."""
    times: np.ndarray
    """(rows, 2) start and end in seconds, NaN where unknown."""
    media: list[Path | None]
    channels: list[int | None] | None
    """Which channel of its file an utterance is on, None for all; None without the column."""
    conversations: dict[str, list[int]]
    """Rows of each conversation; both in the file's order."""
    features: dict[str, FileFeatures]
    """By modality, for all three."""
    ignored: list[str]
    """Columns that have no meaning here."""
    said: list[str]
    """Sentences on how the columns were understood, and on what stands in for missing ones."""
    given: Mapping[str, str] = field(default_factory=dict)


def check_file(
    path: Path,
    mistakes: list[Mistake],
    media: MediaPaths = IN_THE_FOLDER,
    names: Mapping[str, str] | None = None,
) -> TableFile:
    """Read a .csv, .tsv or .jsonl file and add its mistakes to the list.

    Args:
        media: where the files in the column media_path may lie.
        names: of the columns in this file by ours, see `column_names`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see `MediaPaths.check`.
    """
    media.check(path)
    table, said = read_file(path, mistakes, names)
    _check_columns(table, names or {}, mistakes)
    cells = {name: [""] * len(table.lines) for name in COLUMNS}
    for name in (*COLUMNS, "split", "session"):
        if name == "emotion" and name in table.columns:
            cells[name] = read_labels(table, mistakes)
        elif name in table.columns:
            cells[name] = table.strings(name, mistakes, _REQUIRED_CELLS.get(name))
    filled = _fill_names(table, cells)
    said = said or filled  # a known form says it all
    known = (*COLUMNS, *OPTIONAL_COLUMNS)
    file = TableFile(
        path,
        table.lines,
        cells,
        times=read_times(table, mistakes),
        media=path_column(table, "media_path", mistakes, media),
        channels=read_channels(table, mistakes),
        conversations=_conversations(cells["dialogue_id"]),
        features={modality: read_features(table, modality, mistakes) for modality in MODALITIES},
        ignored=[
            str(table.name(column))
            for column in table.columns
            if column not in known and not column.startswith(_PREFIXES)
        ],
        said=said,
        given=table.given,
    )
    _check_utterances(file, mistakes)
    return file


def read_file(
    path: Path, mistakes: list[Mistake], names: Mapping[str, str] | None = None
) -> tuple[CsvTable | JsonTable, list[str]]:
    """Read a .csv, .tsv or .jsonl file; names and errors are those of `check_file`.

    Returns:
        The table with our names of its columns, and sentences on how its form was understood.
    """
    read = read_json_lines if path.suffix.lower() == ".jsonl" else read_csv
    return named(read(path, mistakes=mistakes), names or {}, mistakes)


def _check_columns(
    table: CsvTable | JsonTable, names: Mapping[str, str], mistakes: list[Mistake]
) -> None:
    """Find required columns that are not there; `named` has found those that the user named."""
    has_files = "media_path" in table.columns
    required = ["emotion"]
    if not has_files and not any(column.startswith(_PREFIXES) for column in table.columns):
        required.insert(0, "text")
    if not _is_list_of_files(table):
        required.insert(0, "dialogue_id")
    for name in required if table.columns else ():
        if name not in table.columns and name not in names:
            columns = ", ".join(str(table.name(column)) for column in table.columns)
            found = f"lacks the column {name!r}, it has {columns}"
            option = "--label <name>" if name == "emotion" else f"--columns {name}=<name>"
            expected = f"at least {', '.join(required)}; {option} says how it is called here"
            mistakes.append(table.mistake(None, None, found, expected))


def _is_list_of_files(table: CsvTable | JsonTable) -> bool:
    """Return whether the rows name files, but neither conversations nor utterances."""
    return "media_path" in table.columns and not (
        {"dialogue_id", "utterance_id"} & set(table.columns)
    )


def _fill_names(table: CsvTable | JsonTable, cells: dict[str, list[str]]) -> list[str]:
    """Name what the table has no names for, in place; return sentences that say so."""
    if _is_list_of_files(table):
        stems = [PureWindowsPath(str(cell)).stem for cell in table.column("media_path")]
        numbers = [str(line) for line in table.lines]
        cells["dialogue_id"] = stems if len({*stems, ""}) > len(stems) else numbers
        cells["utterance_id"] = ["0"] * len(table.lines)
        return ["no column 'dialogue_id': each row is a conversation of its own"]
    said = []
    if "utterance_id" not in table.columns:
        for rows in _conversations(cells["dialogue_id"]).values():
            for number, row in enumerate(rows):
                cells["utterance_id"][row] = str(number)
        said.append("no column 'utterance_id': utterances are numbered in the order of the rows")
    if "speaker" not in table.columns:
        said.append("no column 'speaker': each conversation has one speaker")
    if "text" not in table.columns:
        said.append("no column 'text': no utterance has words")
    return said


def _conversations(names: Sequence[str]) -> dict[str, list[int]]:
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name:
            rows_of.setdefault(name, []).append(row)
    return rows_of


def _check_utterances(file: TableFile, mistakes: list[Mistake]) -> None:
    utterances = file.cells["utterance_id"]
    for conversation, rows in file.conversations.items():
        first: dict[str, int] = {}
        for row in rows:
            name = utterances[row]
            if name and first.setdefault(name, row) != row:
                expected = (
                    f"different ids in conversation {conversation!r}, "
                    f"line {file.lines[first[name]]} has the same"
                )
                mistakes.append(file.mistake(row, "utterance_id", f"= {name!r}", expected))
