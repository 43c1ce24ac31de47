"""Files that are there whole or not at all, and folders that one run writes at a time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError

UNFINISHED = "_unfinished-"
"""Begins the name of a folder in which something is being written, or was when its run was killed.
The underscore keeps it out of uploads to the Hub."""


class WriteError(OSError):
    """Something could not be written; says what, why and what to do."""


def require_new_folder(folder: str | os.PathLike) -> Path:
    """A folder that may be written, because there is nothing in it; asked before hours of work.

    Raises:
        FileExistsError: there is something.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there already: expected a new or an empty folder")
    return folder


def write_whole(path: str | os.PathLike, text: str) -> Path:
    """Write a text file, whole or not at all; see `written_whole`."""
    path = Path(path)
    with written_whole(path.parent) as unfinished:
        (unfinished / path.name).write_text(text, encoding="utf-8")
    return path


@contextmanager
def written_whole(folder: str | os.PathLike) -> Iterator[Path]:
    """Gives a folder to write files to; they are renamed into `folder` when all of them are there.

    No reader meets half a file. A failure, such as a full disk, leaves what was there before; a
    kill also leaves a folder `_unfinished-...`, which the next `only_run` removes.

    Raises:
        WriteError: a file could not be written.
    """
    folder = Path(folder)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder, prefix=UNFINISHED))
    try:
        with explained(folder):
            yield unfinished
            for path in sorted(unfinished.rglob("*")):
                target = folder / path.relative_to(unfinished)
                if path.is_dir():
                    target.mkdir(exist_ok=True)
                else:
                    os.replace(path, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def explained(target: str | os.PathLike) -> Iterator[None]:
    """Say of an error in writing what could not be written, and what to do.

    torch, safetensors and Arrow each have their own for a full disk, and the first two do not tell
    it from others.

    Raises:
        WriteError: in place of any of them.
    """
    try:
        yield
    except WriteError:  # said already
        raise
    except (OSError, RuntimeError, SafetensorError) as error:
        target = Path(target).absolute()
        there = next(path for path in (target, *target.parents) if path.exists())
        free = shutil.disk_usage(there).free / 1e6
        raise WriteError(
            f"{target} could not be written: {error} ({free:,.1f} MB are free there). What was "
            "there before is untouched: make room, or see to what the error says, and run it again"
        ) from error


@contextmanager
def only_run(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other runs from writing into a folder; the lock goes with the process, however it ends.

    What a killed run has left unfinished there is removed. The lock file lies beside the folder,
    `.<name>.lock`, and stays: removing it would let a third run in between two others.

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
        for unfinished in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        yield
    finally:
        lock.release()


__all__ = [
    "UNFINISHED",
    "WriteError",
    "explained",
    "only_run",
    "require_new_folder",
    "write_whole",
    "written_whole",
]
