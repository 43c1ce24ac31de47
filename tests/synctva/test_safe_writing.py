import resource
import signal
import subprocess
import sys

import pytest

from synctva.safe_writing import only_run, write_whole

HOLD = """
import sys
from synctva.safe_writing import only_run
with only_run(sys.argv[1]):
    print("inside", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_replaced_whole(tmp_path):
    path = write_whole(tmp_path / "card.md", "one")
    assert write_whole(path, "two ☂").read_text(encoding="utf-8") == "two ☂"
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = write_whole(tmp_path / "card.md", "one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # as full as it gets without root
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(path, "x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_a_second_run_into_the_folder_is_refused_until_the_first_is_gone(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"inside\n"
        with pytest.raises(RuntimeError, match="being written by another run"), only_run(folder):
            pass
        with only_run(tmp_path / "another"):
            holder.kill()  # as SIGKILL: nothing is cleaned up
            holder.wait()
    with only_run(folder):
        assert not folder.exists()  # making it is the run's affair


def test_the_same_process_may_come_back(tmp_path):
    for _ in range(2):
        with only_run(tmp_path / "run"):
            pass
