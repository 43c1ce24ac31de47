"""Check one file of a table and collect all of its mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .channels import read_channels
from .csv_rows import CsvTable, Located, Mistake, read_csv
from .features import FileFeatures, read_features
from .json_rows import JsonTable, read_json_lines
from .labels import read_labels
from .paths import IN_THE_FOLDER, MediaPaths, path_column
from .times import read_times

COLUMNS = ("dialogue_id", "utterance_id", "speaker", "text", "emotion")
OPTIONAL_COLUMNS = ("split", "start", "end", "media_path", "channel")
SHOWN_MISTAKES = 20

# Columns whose cells may not be empty, and what they must contain.
_REQUIRED_CELLS = {"dialogue_id": "a name", "utterance_id": "a name"}


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
    """`COLUMNS`, and split if the file has it."""
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


def check_file(path: Path, mistakes: list[Mistake], media: MediaPaths = IN_THE_FOLDER) -> TableFile:
    """Read a .csv, .tsv or .jsonl file and add its mistakes to the list.

    Args:
        media: where the files in the column media_path may lie.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see `MediaPaths.check`.
    """
    media.check(path)
    table = read_file(path, mistakes, COLUMNS)
    cells = {name: [""] * len(table.lines) for name in COLUMNS}
    for name in (*COLUMNS, "split"):
        if name == "emotion" and name in table.columns:
            cells[name] = read_labels(table, mistakes)
        elif name in table.columns:
            cells[name] = table.strings(name, mistakes, _REQUIRED_CELLS.get(name))
    known = (*COLUMNS, *OPTIONAL_COLUMNS)
    prefixes = tuple(f"{modality}_" for modality in MODALITIES)
    file = TableFile(
        path,
        table.lines,
        cells,
        times=read_times(table, mistakes),
        media=path_column(table, "media_path", mistakes, media),
        channels=read_channels(table, mistakes),
        conversations=_conversations(cells["dialogue_id"]),
        features={modality: read_features(table, modality, mistakes) for modality in MODALITIES},
        ignored=[c for c in table.columns if c not in known and not c.startswith(prefixes)],
    )
    _check_utterances(file, mistakes)
    return file


def read_file(
    path: Path, mistakes: list[Mistake], required: Sequence[str] = ()
) -> CsvTable | JsonTable:
    """Read a .csv, .tsv or .jsonl file; errors are those of `check_file`."""
    if path.suffix.lower() == ".jsonl":
        return read_json_lines(path, required, mistakes)
    return read_csv(path, required, mistakes)


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
