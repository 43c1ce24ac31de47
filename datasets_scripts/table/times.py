"""Read times in a table: seconds, or hours, minutes and seconds as in subtitles."""

from __future__ import annotations

import math
import re

import numpy as np

from .csv_rows import EMPTY_NUMBERS, LARGEST, CsvTable, Mistake
from .json_rows import JsonTable, shown

_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:[.,]\d+)?)")
"""00:16:21,731 as in MELD and in subtitles, or 16:21.731."""


def seconds(value: str) -> float:
    """Return a time in seconds; infinite if it is none.

    >>> seconds("0.5"), seconds("00:16:21,731")
    (0.5, 981.731)
    """
    clock = _CLOCK.fullmatch(value.strip())
    if clock is not None:
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
    try:
        number = float(value)
    except ValueError:
        return math.inf
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
