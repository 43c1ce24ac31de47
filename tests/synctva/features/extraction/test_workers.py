"""Two workers against one process, a killed run and a killed worker."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from synctva.features.extraction import extract_features, load_clips, media
from synctva.features.feature_sets import read_schema
from tests.support.media_conversations import MEDIA

ROOT = Path(__file__).parents[4]


@pytest.mark.slow  # two processes that import torch
def test_two_workers_make_the_same_as_one(serial, clips, tmp_path):
    extract_features(load_clips(clips), tmp_path / "two", **MEDIA, workers=2)
    one, two = (read_schema(folder) for folder in (serial[0], tmp_path / "two"))
    assert one == two  # checksums and all
    names = ("skipped.csv", "README.md")
    assert [(tmp_path / "two" / name).read_bytes() for name in names] == [
        (serial[0] / name).read_bytes() for name in names
    ]


@pytest.mark.slow  # three processes that import torch
def test_a_killed_run_continues_and_leaves_no_process(serial, clips, tmp_path, monkeypatch):
    output, stuck = tmp_path / "features", tmp_path / "stuck"
    process = start(clips, output, stuck, stderr=subprocess.DEVNULL)
    partial = Path(f"{output}.partial")
    wait_for(lambda: stuck.exists() and list(partial.glob("*.parquet")))
    worker = int(stuck.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not alive(worker))
    (finished,) = partial.glob("*.parquet")
    before = finished.stat().st_mtime_ns
    assert not output.exists()

    decoded = []

    def audio_vector(utterance, encoder):
        decoded.append(Path(utterance["video"]).parent.name)
        assert finished.stat().st_mtime_ns == before
        return original(utterance, encoder)

    original = media.audio_vector
    monkeypatch.setattr(media, "audio_vector", audio_vector)
    report = extract_features(load_clips(clips), output, **MEDIA)
    assert decoded == ["2"] * 4
    assert report.extracted == 1
    assert read_schema(output) == read_schema(serial[0])
    assert not partial.exists()


@pytest.mark.slow  # three processes that import torch
def test_a_killed_worker_is_an_error_that_says_what_to_do(clips, tmp_path):
    output, stuck = tmp_path / "features", tmp_path / "stuck"
    process = start(clips, output, stuck, stderr=subprocess.PIPE, text=True)
    wait_for(stuck.exists)
    os.kill(int(stuck.read_text()), signal.SIGKILL)
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 1
    message = next(line for line in printed.splitlines() if line.startswith("RuntimeError: "))
    assert re.search(r"a worker process died .* in work or next: \[.*'2'\].*Run it again", message)
    assert Path(f"{output}.partial").exists()
    assert not output.exists()


def start(*arguments, **options):
    """Run `extraction_program.py`, which never finishes conversation 2."""
    program = ROOT / "tests/support/extraction_program.py"
    return subprocess.Popen([sys.executable, str(program), *map(str, arguments)], **options)


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
