"""Writing files so that they are complete or absent, and only one run per folder."""

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
"""Prefix of a folder in which something is being written, or was when its run was killed.
The underscore keeps it out of uploads to the Hub."""


class WriteError(OSError):
    """Something could not be written. The message says what, why and what to do."""


def require_new_folder(folder: str | os.PathLike) -> Path:
    """Return the folder as a path if it is new or empty; call this before hours of work.

    Raises:
        FileExistsError: the folder has content, or is a file.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} already exists: expected a new or an empty folder")
    return folder


def write_whole(path: str | os.PathLike, text: str) -> Path:
    """Write a text file so that it is complete or unchanged, see `written_whole`."""
    path = Path(path)
    with written_whole(path.parent) as unfinished:
        (unfinished / path.name).write_text(text, encoding="utf-8")
    return path


@contextmanager
def written_whole(folder: str | os.PathLike) -> Iterator[Path]:
    """Yield a folder to write files to, and move all of them into `folder` at the end.

    No reader sees an incomplete file. If writing fails, for example because the disk is full,
    `folder` keeps its content. A killed process also leaves a folder `_unfinished-...`, which the
    next `only_run` removes.

    Raises:
        WriteError: a file could not be written.
    """
    with explained(folder), moved_at_the_end(folder) as unfinished:
        yield unfinished


@contextmanager
def moved_at_the_end(folder: str | os.PathLike) -> Iterator[Path]:
    """Do the same as `written_whole`, but let errors pass as they are.

    For a block that does more than writing, whose errors are not all errors in writing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder, prefix=UNFINISHED))
    try:
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
    """Replace an error in writing by one that says what could not be written and what to do.

    On a full disk, torch, safetensors and Arrow each raise an exception of their own. Those of the
    first two do not differ from their other errors.

    Raises:
        WriteError: in place of any of these.
    """
    try:
        yield
    except WriteError:  # explained already
        raise
    except (OSError, RuntimeError, SafetensorError) as error:
        target = Path(target).absolute()
        there = next(path for path in (target, *target.parents) if path.exists())
        free = shutil.disk_usage(there).free / 1e6
        raise WriteError(
            f"{target} could not be written: {error} ({free:,.1f} MB are free there). What was "
            "there before is untouched: make room, or correct what the error names, and run it "
            "again"
        ) from error


@contextmanager
def only_run(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other runs from writing into a folder; the lock ends with the process, however it ends.

    Folders that a killed run left unfinished are removed. The lock file `.<name>.lock` lies beside
    the folder and stays there: if it were removed, a third run could start while the second holds
    the lock of the removed file.

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
            f"{folder} is being written by another run: expected a folder of its own for each run, "
            "or that the other run has ended"
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
    "moved_at_the_end",
    "only_run",
    "require_new_folder",
    "write_whole",
    "written_whole",
]
