"""Read a CSV with a header, and name each mistake by file, line and column.

Cells are separated by commas, semicolons or tabs, whichever the header has most of.

Functions raise the first mistake or, if they are passed a list, add all mistakes to it.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from synctva.datasets_scripts.text_repair import decode

# Cells that mean "no value" in a column of numbers; Praat writes the last one.
EMPTY_NUMBERS = ("", "nan", "na", "null", "none", "--undefined--")

SEPARATORS = (",", ";", "\t")

# In this order: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_UTF_8 = "text saved in UTF-8 (in Excel: CSV UTF-8)"

LARGEST = float(np.finfo(np.float32).max)
"""Larger numbers become infinite, because features are float32."""


@dataclass(frozen=True)
class Mistake:
    """A mistake at one place in a file; as text `place found: expected ...`."""

    path: Path
    line: int | None
    """None: the whole file."""
    column: str | None
    """None: the whole line."""
    found: str
    """What is there, in words that follow the place: "= 'loud'", "has 4 cells"."""
    expected: str

    def __str__(self) -> str:
        place = str(self.path)
        place += "" if self.line is None else f", line {self.line}"
        place += "" if self.column is None else f", column {self.column!r}"
        return f"{place} {self.found}: expected {self.expected}"


def note(mistake: Mistake, mistakes: list[Mistake] | None) -> None:
    """Add the mistake to the list or, without a list, raise it.

    Raises:
        ValueError: the mistake.
    """
    if mistakes is None:
        raise ValueError(str(mistake))
    mistakes.append(mistake)


class Located:
    """The rows of a file with their line numbers."""

    path: Path
    lines: list[int]
    given: Mapping[str, str] = MappingProxyType({})
    """Our name of a column -> its name in the file, where they differ."""

    def mistake(self, row: int | None, column: str | None, found: str, expected: str) -> Mistake:
        """Return a mistake in this file; row None: in the whole file."""
        line = None if row is None else self.lines[row]
        return Mistake(self.path, line, self.name(column), found, expected)

    def name(self, column: str | None) -> str | None:
        """Return the file's name of a column."""
        return column if column is None else self.given.get(column, column)


@dataclass(frozen=True)
class CsvTable(Located):
    """A CSV: its columns, and its rows as lists of cells in that order."""

    path: Path
    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    """Line number of each row's last line, for messages."""
    given: Mapping[str, str] = field(default_factory=dict)

    def where(self, row: int, column: str | None = None) -> str:
        """Return the place of a row or cell, for messages."""
        place = f"{self.path}, line {self.lines[row]}"
        return place if column is None else f"{place}, column {column!r}"

    def column(self, name: str) -> list[str]:
        """Return all cells of a column."""
        position = self.columns.index(name)
        return [row[position] for row in self.rows]

    def strings(
        self, name: str, mistakes: list[Mistake] | None = None, required: str | None = None
    ) -> list[str]:
        """Return a column without the space around its cells.

        Args:
            required: what each cell must contain, for messages: empty cells are mistakes. None:
                cells may be empty.
        """
        cells = [cell.strip() for cell in self.column(name)]
        if required is not None:
            for row, cell in enumerate(cells):
                if not cell:
                    note(self.mistake(row, name, "is empty", required), mistakes)
        return cells

    def integers(self, name: str) -> list[int]:
        """Return a column of whole numbers.

        Raises:
            ValueError: a cell is not a whole number.
        """
        numbers = []
        for row, cell in enumerate(self.column(name)):
            try:
                numbers.append(int(cell))
            except ValueError:
                raise ValueError(
                    f"{self.where(row, name)} = {cell!r}: expected a whole number"
                ) from None
        return numbers

    def numbers(self, names: Sequence[str], mistakes: list[Mistake] | None = None) -> np.ndarray:
        """Return columns of numbers, (rows, columns) float64, NaN where a cell is empty.

        Raises:
            ValueError: a cell is neither empty nor a finite float32 number.
        """
        values = np.full((len(self.rows), len(names)), np.nan)
        positions = [self.columns.index(name) for name in names]
        for row, cells in enumerate(self.rows):
            with contextlib.suppress(ValueError):
                values[row] = [float(cells[position]) for position in positions]
        # Most rows have a number in every cell; only the others are read cell by cell.
        for row in np.flatnonzero(~(np.abs(values) <= LARGEST).all(axis=1)).tolist():
            for index, position in enumerate(positions):
                number = _number(self.rows[row][position])
                values[row, index] = number
                if math.isinf(number):
                    values[row, index] = math.nan
                    found = f"= {self.rows[row][position]!r}"
                    expected = "a finite number, or an empty cell if the value is missing"
                    note(self.mistake(row, names[index], found, expected), mistakes)
        return values


def read_csv(
    path: Path, required: Sequence[str] = (), mistakes: list[Mistake] | None = None
) -> CsvTable:
    """Read a CSV in UTF-8, UTF-16 (or Windows-1252) whose first line names the columns.

    Args:
        required: columns that the file must have.
        mistakes: all mistakes are added to this list, bytes that are not UTF-8 among them, and the
            rest is read. By default the first mistake is raised, and Windows-1252 is accepted.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not readable as a CSV, or lacks a required column.
    """
    reader, columns = _open(path, mistakes)
    table = CsvTable(path, columns, [], [])
    if not columns:
        return table
    for name in required:
        if name not in columns:
            found = f"lacks the column {name!r}, it has {', '.join(columns)}"
            expected = f"at least {', '.join(required)}, separated by commas, semicolons or tabs"
            note(table.mistake(None, None, found, expected), mistakes)
    empty = True
    try:
        for row in reader:
            if not row:
                continue
            empty = False
            if len(row) != len(columns):
                found, expected = f"has {len(row)} cells", f"{len(columns)}, one per column"
                note(Mistake(path, reader.line_num, None, found, expected), mistakes)
                continue
            table.rows.append(row)
            table.lines.append(reader.line_num)
    except csv.Error as error:
        note(_unreadable(path, reader, error), mistakes)
        empty = False
    if empty:
        note(Mistake(path, None, None, "has a header but no rows", "at least one row"), mistakes)
    return table


def read_columns(path: Path) -> tuple[str, ...]:
    """Return the names of a CSV's columns; errors are those of `read_csv`."""
    return _open(path)[1]


def read_text(path: Path, kind: str, mistakes: list[Mistake] | None = None) -> str:
    """Read a text file in UTF-8, UTF-16 with its mark, or Windows-1252; see `read_csv`.

    Args:
        kind: the expected kind of file, for messages.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: expected {kind}") from None
    except OSError as error:
        note(Mistake(path, None, None, f"cannot be read ({error.strerror})", kind), mistakes)
        return ""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is not None:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            note(Mistake(path, None, None, f"is not readable as {encoding}", kind), mistakes)
            return ""
    if b"\0" in data:
        note(Mistake(path, None, None, "is not a text file", kind), mistakes)
        return ""
    if mistakes is not None:
        for number, line in enumerate(data.split(b"\n"), start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                found = f"has the byte 0x{line[error.start]:02x}, which is not UTF-8"
                mistakes.append(Mistake(path, number, None, found, _UTF_8))
    return decode(data)


def _number(cell: str) -> float:
    """Return the number in a cell: NaN if it is empty, infinite if it is not a finite number."""
    if cell.strip().lower() in EMPTY_NUMBERS:
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        return math.inf
    return math.inf if abs(number) > LARGEST else number


def _open(path: Path, mistakes: list[Mistake] | None = None) -> tuple[Any, tuple[str, ...]]:
    """Return a reader positioned after the header, and the columns; none in an unreadable file."""
    known = 0 if mistakes is None else len(mistakes)
    text = read_text(path, "a CSV in UTF-8 with a header", mistakes)
    header = next((line for line in io.StringIO(text) if line.strip()), "")
    separator = max(SEPARATORS, key=header.count)  # the first of those that are equally frequent
    # newline="" keeps line ends in a quoted cell as they are.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    try:
        columns = tuple(name.strip() for name in next(_rows(reader), []))
    except csv.Error as error:
        note(_unreadable(path, reader, error), mistakes)
        return reader, ()
    if not columns and (mistakes is None or len(mistakes) == known):
        found, expected = "is empty", "a header that names the columns"
        note(Mistake(path, None, None, found, expected), mistakes)
    for name in sorted({name for name in columns if columns.count(name) > 1}):
        found = f"has the column {name!r} more than once"
        note(Mistake(path, None, None, found, "each column once"), mistakes)
    return reader, columns


def _unreadable(path: Path, reader: Any, error: csv.Error) -> Mistake:
    found = f"is not readable as CSV ({error})"
    expected = "cells separated by commas, semicolons or tabs"
    return Mistake(path, reader.line_num, None, found, expected)


def _rows(reader: Iterable[list[str]]) -> Iterator[list[str]]:
    return (row for row in reader if row)
