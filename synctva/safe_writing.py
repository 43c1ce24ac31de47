"""Files that are there whole or not at all, and folders that one run writes at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


def write_whole(path: str | os.PathLike, text: str) -> Path:
    """Write a text file under another name and rename it, so that no reader meets half of it.

    A failure, such as a full disk, leaves what was there before.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes it private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


@contextmanager
def only_run(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other runs from writing into a folder; the lock goes with the process, however it ends.

    The lock file lies beside the folder, `.<name>.lock`, and stays: removing it would let a third
    run in between two others.

    Raises:
        RuntimeError: another run is writing there.
    """
    folder = Path(folder).resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RuntimeError(
            f"{folder} is being written by another run: expected a folder of its own, or that the "
            "other one has ended"
        ) from None
    try:
        yield
    finally:
        lock.release()


__all__ = ["only_run", "write_whole"]
