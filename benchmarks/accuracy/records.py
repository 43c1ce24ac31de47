"""Records on disk: JSON lines, one object per line, sorted by a key that no two of them share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from synctva.files import write_whole

Record = dict[str, Any]


def read_records(path: Path) -> list[Record]:
    """Read all records of a file; a file that does not exist has none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_record(path: Path, record: Record, key: Callable[[Record], tuple]) -> None:
    """Add a record to a file, in place of the one with the same key.

    The file is replaced as a whole, so a reader never sees half a record, and it is locked
    meanwhile, so of several processes none loses another's records. The lines are sorted by key:
    a new record changes one line of a diff.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        records = {key(known): known for known in read_records(path)}
        records[key(record)] = record
        lines = [
            json.dumps(records[k], ensure_ascii=False, allow_nan=False) for k in sorted(records)
        ]
        write_whole(path, "\n".join(lines) + "\n")


__all__ = ["Record", "read_records", "write_record"]
