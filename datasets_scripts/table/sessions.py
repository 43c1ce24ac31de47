"""The sessions of a table's conversations, for cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from datasets import DatasetDict

from .checking import check_file
from .splits import find_files


def table_sessions(
    data: DatasetDict,
    table: str | Path | Mapping[str, str | Path],
    columns: Mapping[str, str] | None = None,
) -> list[str] | None:
    """Return the session of each conversation, in the order of the splits.

    Args:
        data: what `load_table` has loaded.
        table, columns: its arguments.

    Returns:
        What the column session says; None without that column.

    Raises:
        ValueError: a conversation has several sessions, or none.
    """
    paths = find_files(table)
    files = {
        path: check_file(path, [], names=columns)
        for path in ([paths] if isinstance(paths, Path) else paths.values())
    }
    found = []
    for split, conversations in data.items():
        file = files[paths if isinstance(paths, Path) else paths[str(split)]]
        if "session" not in file.cells:
            return None
        cells = file.cells["session"]
        for name in conversations["dialogue_id"]:
            rows = file.conversations[name]
            for row in rows:
                if not cells[row] or cells[row] != cells[rows[0]]:
                    expected = f"{cells[rows[0]] or 'a name'!r} in all of conversation {name!r}"
                    mistake = file.mistake(row, "session", f"= {cells[row]!r}", expected)
                    raise ValueError(str(mistake))
            found.append(cells[rows[0]])
    return found


__all__ = ["table_sessions"]
