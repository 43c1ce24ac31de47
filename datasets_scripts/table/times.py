"""Read times in a table: seconds, or hours, minutes and seconds as in subtitles."""

from __future__ import annotations

import math

import numpy as np

from synctva.modeling_synctva.conversation_input import clock_seconds

from .csv_rows import EMPTY_NUMBERS, LARGEST, CsvTable, Mistake
from .json_rows import JsonTable, shown


def seconds(value: str) -> float:
    """Return a time in seconds; infinite if it is none.

    >>> seconds("0.5"), seconds("00:16:21,731")
    (0.5, 981.731)
    """
    number = clock_seconds(value)
    return number if abs(number) <= LARGEST else math.inf


def read_times(table: CsvTable | JsonTable, mistakes: list[Mistake]) -> np.ndarray:
    """Return the (rows, 2) start and end in seconds, NaN where unknown."""
    times = np.full((len(table.lines), 2), np.nan)
    for position, name in enumerate(("start", "end")):
        for row, cell in enumerate(table.column(name) if name in table.columns else ()):
            if cell is None or str(cell).strip().lower() in EMPTY_NUMBERS:
                continue
            times[row, position] = seconds(str(cell)) if type(cell) in (str, int, float) else np.inf
            if np.isinf(times[row, position]):
                times[row, position] = np.nan
                expected = "seconds, or a time such as 00:16:21,731"
                mistakes.append(table.mistake(row, name, f"= {shown(cell)}", expected))
    for row in np.flatnonzero(times[:, 1] < times[:, 0]).tolist():
        expected = f"at least the start, {times[row, 0]:g}"
        mistakes.append(table.mistake(row, "end", f"= {times[row, 1]:g}", expected))
    return times
