"""Complete files or none, and one run per folder."""

import resource
import signal
import subprocess
import sys

import pytest

from synctva import files
from synctva.files import (
    UNFINISHED,
    WriteError,
    explained,
    moved_at_the_end,
    only_run,
    require_new_folder,
    write_whole,
)

# The file alone: importing the package takes seconds.
HOLD = """
import runpy, sys
only_run = runpy.run_path(sys.argv[2])["only_run"]
with only_run(sys.argv[1]):
    print("inside", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_replaced_whole(tmp_path):
    path = write_whole(tmp_path / "card.md", "one")
    assert write_whole(path, "two ☂").read_text(encoding="utf-8") == "two ☂"
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_block_that_fails_changes_nothing_and_keeps_its_error(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(RuntimeError, match=r"^why$"), moved_at_the_end(tmp_path) as unfinished:
        (unfinished / path.name).write_text("half")
        raise RuntimeError("why")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_with_content_and_a_file_are_not_new_folders(tmp_path):
    assert require_new_folder(tmp_path / "new") == tmp_path / "new"
    assert require_new_folder(tmp_path) == tmp_path
    (tmp_path / "file").touch()
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(FileExistsError, match="already exists: expected a new or an empty"):
            require_new_folder(taken)


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = write_whole(tmp_path / "card.md", "one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # acts like a full disk
    try:
        with pytest.raises(WriteError, match=r"written: .*File too large.* MB are free there"):
            write_whole(path, "x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["card.md"]


def test_a_second_run_into_a_folder_is_refused_until_the_first_has_ended(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLD, str(folder), files.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"inside\n"
        with pytest.raises(RuntimeError, match="being written by another run"), only_run(folder):
            pass
        with only_run(tmp_path / "another"):
            holder.kill()  # SIGKILL, so that nothing is cleaned up
            holder.wait()
    with only_run(folder):
        assert not folder.exists()  # the run creates it


def test_a_process_can_take_the_lock_again(tmp_path):
    for _ in range(2):
        with only_run(tmp_path / "run"):
            pass


def test_unfinished_folders_of_a_killed_run_are_removed_by_the_next(tmp_path):
    left = tmp_path / "run" / f"{UNFINISHED}abc"
    left.mkdir(parents=True)
    (left / "half").touch()
    write_whole(tmp_path / "run" / "whole", "text")
    with only_run(tmp_path / "run"):
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["whole"]


def test_an_error_in_writing_is_explained_once_and_others_are_not(tmp_path):
    with pytest.raises(WriteError) as raised, explained(tmp_path / "a"), explained(tmp_path / "b"):
        raise RuntimeError("why")
    assert str(raised.value).startswith(f"{tmp_path / 'b'} could not be written: why (")
    with pytest.raises(ValueError, match="why"), explained(tmp_path):
        raise ValueError("why")
