"""The private folder is removed however its process ends, and never while that lives."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from synctva import temporary

# The module alone: importing the package takes seconds.
PROGRAM = f"""
import os, runpy, sys, tempfile, threading
call = runpy.run_path({temporary.__file__!r})["private_folder"]
folder = call()
assert call() == folder
with tempfile.NamedTemporaryFile("w", delete=False, suffix=".wav") as file:
    file.write("what somebody said")
assert os.path.dirname(file.name) == str(folder)
"""

WAIT = PROGRAM + "print(folder, flush=True)\nsys.stdin.read()"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def start(place):
    """Start processes that have a folder each, and end them after the test."""
    processes = []

    def begin(program=WAIT):
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Where the tests run in the background, a child would ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        processes.append(process)
        return process, Path(process.stdout.readline().strip())

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def run(program=PROGRAM):
    subprocess.run([sys.executable, "-c", program], check=True)


def test_only_this_user_can_open_it(start, place):
    _, folder = start()
    assert folder.parent == place
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert any(path.suffix == ".wav" for path in folder.iterdir())


@pytest.mark.parametrize("end", ["", "raise ValueError", "sys.exit(3)"])
def test_it_is_removed_at_the_end(place, end):
    subprocess.run([sys.executable, "-c", f"{PROGRAM}\n{end}"], stderr=subprocess.DEVNULL)
    assert not list(place.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_is_removed_when_the_process_is_told_to_end(start, place, number):
    process, folder = start()
    assert folder.exists()
    process.send_signal(number)
    assert process.wait(10) == -number  # as without the folder
    assert not list(place.iterdir())


def test_after_a_kill_the_next_start_removes_it_and_not_that_of_a_live_process(start, place):
    killed, left = start()
    alive, kept = start()
    killed.kill()
    killed.wait()
    assert left.exists()
    run()
    assert list(place.iterdir()) == [kept]
    assert any(path.suffix == ".wav" for path in kept.iterdir())
    alive.communicate(timeout=10)
    assert not kept.exists()


def test_what_is_not_ours_stays(start, place, monkeypatch):
    by_hand = place / f"{temporary.PREFIX}mine"
    by_hand.mkdir()
    (by_hand / "thesis.txt").write_text("Chapter 1")
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / temporary.LOCK).touch()
    (place / f"{temporary.PREFIX}link").symlink_to(elsewhere)
    linked = place / f"{temporary.PREFIX}locked"
    linked.mkdir()
    (linked / temporary.LOCK).symlink_to(by_hand / "thesis.txt")
    run()
    assert (by_hand / "thesis.txt").exists() and (elsewhere / temporary.LOCK).exists()
    assert linked.exists()
    another, folder = start()
    another.kill()
    another.wait()
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    temporary._remove_abandoned(place)
    assert folder.exists()


def test_a_child_that_was_forked_does_not_remove_it(place):
    run(
        PROGRAM
        + "child = os.fork()\n"
        + "if child:\n    os.waitpid(child, 0)\n    assert folder.exists()\n"
    )
    assert not list(place.iterdir())


def test_a_folder_removed_before_it_is_locked_is_made_anew(place, monkeypatch):
    flock, calls = temporary.fcntl.flock, []

    def late(descriptor, operation):
        if not calls:
            calls.append(1)
            temporary._remove_abandoned(place)
        flock(descriptor, operation)

    monkeypatch.setattr(temporary.fcntl, "flock", late)
    folder = temporary._locked_folder(place)
    assert calls and list(place.iterdir()) == [folder]
