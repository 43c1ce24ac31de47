"""A private folder for what is written only for a while: uploads, plots, files to download."""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

PREFIX = "synctva-temporary-"

LOCK = "lock"
"""File in the folder that its process holds locked. The system frees it however that ends."""


@functools.cache
def private_folder() -> Path:
    """Let this process write its temporary files into a folder of its own, and return the folder.

    The folder lies where temporary files do (`TMPDIR` says where) and only this user can open it
    (mode 0700). It becomes Python's folder for temporary files and that of child processes, so that
    libraries use it too. It is removed when the process ends, SIGTERM and SIGHUP included. After
    a SIGKILL, the next call in any process removes it, and never that of a process that lives.
    """
    place = Path(tempfile.gettempdir())
    _remove_abandoned(place)
    folder = _locked_folder(place)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not a child that was forked
            shutil.rmtree(folder, ignore_errors=True)

    def remove_and_end(number: int, _: object) -> None:
        remove()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    atexit.register(remove)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, remove_and_end)
    return folder


def _locked_folder(place: Path) -> Path:
    """Return a new folder whose lock this process holds until it ends."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if (folder / LOCK).exists():
            return folder
        os.close(descriptor)  # another process found it before it was locked, and removed it


def _remove_abandoned(place: Path) -> None:
    """Remove this user's folders whose process has ended."""
    for lock in place.glob(f"{PREFIX}*/{LOCK}"):
        try:
            if lock.parent.lstat().st_uid != os.getuid():
                continue
            descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:  # removed meanwhile
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:  # its process lives
            pass
        finally:
            os.close(descriptor)


__all__ = ["private_folder"]
