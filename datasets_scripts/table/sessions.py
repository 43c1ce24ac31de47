"""The sessions of a table's conversations, for cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from datasets import DatasetDict

from .checking import read_file
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
        ValueError: a conversation has several sessions, or an empty one.
    """
    paths = find_files(table)
    known: dict[Path, dict[str, str]] = {}
    found = []
    for split, conversations in data.items():
        path = paths if isinstance(paths, Path) else paths[str(split)]
        if path not in known:
            file, _ = read_file(path, [], columns)
            if "session" not in file.columns:
                return None
            known[path] = {}
            names, sessions = file.strings("dialogue_id"), file.strings("session")
            for row, (name, session) in enumerate(zip(names, sessions, strict=True)):
                if not session or known[path].setdefault(name, session) != session:
                    expected = known[path].get(name, "a name")
                    raise ValueError(
                        f"{file.where(row, 'session')} = {session!r}: expected {expected!r} in "
                        f"every row of conversation {name!r}"
                    )
        found += [known[path][name] for name in conversations["dialogue_id"]]
    return found


__all__ = ["table_sessions"]
