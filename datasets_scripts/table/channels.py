"""Read the column channel: which channel of its recording a speaker is on."""

from __future__ import annotations

from .csv_rows import CsvTable, Mistake
from .json_rows import JsonTable, shown

_SIDES = {"left": 0, "right": 1}


def read_channels(table: CsvTable | JsonTable, mistakes: list[Mistake]) -> list[int | None] | None:
    """Return each row's channel, counted from 0; None for all channels, or without the column."""
    if "channel" not in table.columns:
        return None
    channels: list[int | None] = []
    for row, cell in enumerate(table.strings("channel", mistakes)):
        number = _SIDES.get(cell.lower(), int(cell) if cell.isdecimal() else None)
        if cell and number is None:
            expected = "left, right, or the number of a channel, from 0"
            mistakes.append(table.mistake(row, "channel", f"= {shown(cell)}", expected))
        channels.append(number)
    return channels
