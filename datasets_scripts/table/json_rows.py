"""Read JSON lines, one object per row, and name each mistake by file, line and column.

Functions add all mistakes to the list that they are passed.
"""

from __future__ import annotations

import contextlib
import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .csv_rows import LARGEST, Located, Mistake, read_text

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60


@dataclass(frozen=True)
class JsonTable(Located):
    """A JSON lines file: its columns, which are the keys of all objects, and its rows.

    A key that an object lacks means the same as null: an empty cell.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    lines: list[int]
    """Line number of each row."""
    given: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> list[Any]:
        """Return all values of a column."""
        return [row.get(name) for row in self.rows]

    def strings(self, name: str, mistakes: list[Mistake], required: str | None = None) -> list[str]:
        """Return a column of strings without the space around them, and numbers as their digits.

        Args:
            required: what each value must contain, for messages: empty values are mistakes. None:
                values may be empty.
        """
        strings = []
        for row, value in enumerate(self.column(name)):
            if value is None or isinstance(value, str):
                string = (value or "").strip()
                if required is not None and not string:
                    mistakes.append(self.mistake(row, name, "is empty", required))
            elif type(value) is int:
                string = str(value)
            else:
                string = ""
                found = f"= {shown(value)}"
                mistakes.append(self.mistake(row, name, found, "a string or a whole number"))
            strings.append(string)
        return strings

    def numbers(self, names: Sequence[str], mistakes: list[Mistake]) -> np.ndarray:
        """Return columns of numbers, (rows, columns) float64, NaN where there is none."""
        values = np.full((len(self.rows), len(names)), np.nan)
        for position, name in enumerate(names):
            for row, value in enumerate(self.column(name)):
                if value is None:
                    continue
                if type(value) not in (int, float) or abs(value) > LARGEST:
                    expected = "a finite number, or null if the value is missing"
                    mistakes.append(self.mistake(row, name, f"= {shown(value)}", expected))
                else:
                    values[row, position] = value
        return values

    def vectors(self, name: str, mistakes: list[Mistake]) -> list[np.ndarray | None]:
        """Return a column of lists of numbers as (D,) float64, None where there is none."""
        vectors: list[np.ndarray | None] = []
        for row, value in enumerate(self.column(name)):
            vector = None
            # Checked by type, because NumPy converts strings and booleans to numbers.
            if isinstance(value, list) and set(map(type, value)) <= {int, float}:
                # An integer may be too large for float64.
                with contextlib.suppress(OverflowError):
                    vector = np.array(value, dtype=np.float64)
            if value is not None and vector is None:
                found = f"= {shown(value)}"
                mistakes.append(self.mistake(row, name, found, "a list of numbers, or null"))
            vectors.append(vector)
        return vectors


def read_json_lines(path: Path, mistakes: list[Mistake]) -> JsonTable:
    """Read a file of JSON objects in UTF-8, one per line; empty lines are skipped.

    Args:
        mistakes: all mistakes are added to this list.

    Raises:
        FileNotFoundError: there is no such file.
    """
    known = len(mistakes)
    text = read_text(path, "JSON objects, one per line", mistakes)
    rows: list[dict[str, Any]] = []
    lines = []
    # Not splitlines: it also splits at characters that JSON strings may contain.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
            if "\\u" in line:
                json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            problem = "has half of a pair of \\u escapes"
        except json.JSONDecodeError as error:
            problem = f"is not readable as JSON ({error.msg} at character {error.colno})"
        except (ValueError, RecursionError) as error:
            problem = f"is not readable as JSON ({error})"
        else:
            if isinstance(row, dict):
                rows.append(row)
                lines.append(number)
                continue
            problem = f"= {shown(row)}"
        expected = 'an object, such as {"dialogue_id": "d1", ...}'
        mistakes.append(Mistake(path, number, None, problem, expected))
    if not rows and len(mistakes) == known:
        mistakes.append(Mistake(path, None, None, "is empty", "JSON objects, one per line"))
    columns = tuple({key: None for row in rows for key in row})
    return JsonTable(path, columns, rows, lines)


def shown(value: Any) -> str:
    """Return a value for messages, shortened if it is long."""
    return _REPR.repr(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return row
