"""Reads JSON-lines, one object a row, so that whatever is wrong is named by file, line and column.

Functions add every mistake to the list that they are given.
"""

from __future__ import annotations

import contextlib
import json
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .csv_rows import LARGEST, Located, Mistake, read_text

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60


@dataclass(frozen=True)
class JsonTable(Located):
    """A JSON-lines file: its columns (the keys of all its objects) and its rows.

    A key that an object lacks says the same as null: an empty cell.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    lines: list[int]
    """Number in the file of each row's line."""

    def column(self, name: str) -> list[Any]:
        """All values of a column."""
        return [row.get(name) for row in self.rows]

    def strings(self, name: str, mistakes: list[Mistake], required: str | None = None) -> list[str]:
        """A column of strings without the space around them; a whole number stands for its digits.

        Args:
            required: what a value has to say: an empty one is a mistake. None: it may be empty.
        """
        strings = []
        for row, value in enumerate(self.column(name)):
            if value is None or isinstance(value, str):
                string = (value or "").strip()
                if required is not None and not string:
                    mistakes.append(self.mistake(row, name, "empty", required))
            elif type(value) is int:
                string = str(value)
            else:
                string = ""
                found = f"{shown(value)} is not a string"
                mistakes.append(self.mistake(row, name, found, "a string, or a whole number"))
            strings.append(string)
        return strings

    def numbers(self, names: Sequence[str], mistakes: list[Mistake]) -> np.ndarray:
        """Columns of numbers, (rows, columns) float64, NaN where there is none."""
        values = np.full((len(self.rows), len(names)), np.nan)
        for position, name in enumerate(names):
            for row, value in enumerate(self.column(name)):
                if value is None:
                    continue
                if type(value) not in (int, float) or abs(value) > LARGEST:
                    found = f"{shown(value)} is not a finite number"
                    expected = "a number, or null where the value is missing"
                    mistakes.append(self.mistake(row, name, found, expected))
                else:
                    values[row, position] = value
        return values

    def vectors(self, name: str, mistakes: list[Mistake]) -> list[np.ndarray | None]:
        """A column of lists of numbers as (D,) float64; None where there is none."""
        vectors: list[np.ndarray | None] = []
        for row, value in enumerate(self.column(name)):
            vector = None
            # By type, because NumPy takes strings and truth values for numbers.
            if isinstance(value, list) and set(map(type, value)) <= {int, float}:
                # An integer may have more digits than a float64 can hold.
                with contextlib.suppress(OverflowError):
                    vector = np.array(value, dtype=np.float64)
            if value is not None and vector is None:
                found = f"{shown(value)} is not a list of numbers"
                mistakes.append(self.mistake(row, name, found, "a list of numbers, or null"))
            vectors.append(vector)
        return vectors


def read_json_lines(path: Path, required: Sequence[str], mistakes: list[Mistake]) -> JsonTable:
    """Reads a file of JSON objects in UTF-8, one a line; empty lines are passed over.

    Args:
        required: columns that at least one object has to have.

    Raises:
        FileNotFoundError: there is no such file.
    """
    known = len(mistakes)
    text = read_text(path, "JSON objects, one a line", mistakes)
    rows: list[dict[str, Any]] = []
    lines = []
    # Not splitlines: JSON strings may hold the other characters that end a line for it.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
            if not isinstance(row, dict):
                raise ValueError(f"{shown(row)} is not an object")
            if "\\u" in line:
                json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            problem = "half of a pair of \\u escapes"
        except json.JSONDecodeError as error:
            problem = f"not readable as JSON: {error.msg} at character {error.colno}"
        except (ValueError, RecursionError) as error:
            problem = str(error)
        else:
            rows.append(row)
            lines.append(number)
            continue
        expected = 'an object, such as {"dialogue_id": "d1", ...}'
        mistakes.append(Mistake(path, number, None, problem, expected))
    if not rows and len(mistakes) == known:
        mistakes.append(Mistake(path, None, None, "is empty", "JSON objects, one a line"))
    columns = tuple({key: None for row in rows for key in row})
    table = JsonTable(path, columns, rows, lines)
    for name in required if rows else ():
        if name not in columns:
            found = f"lacks the column {name!r}; it has: {', '.join(columns)}"
            expected = f"at least: {', '.join(required)}"
            mistakes.append(table.mistake(None, None, found, expected))
    return table


def shown(value: Any) -> str:
    """A value for messages, cut where it is long."""
    return _REPR.repr(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} twice")
    return row
