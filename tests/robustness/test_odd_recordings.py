"""Odd recordings: each gives an answer or a clear error, soon and in bounded memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.synthetic_speech import available

ROOT = Path(__file__).parents[2]
SECONDS = 60
"""Of CPU that a recording may take. The longest are six hours of a sound without end."""

pytest.importorskip("av", reason="PyAV is not installed")


def answer_all(folder, *options):
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.odd_recordings", str(folder), *options],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3000,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    report = json.loads(run.stdout.splitlines()[-1])
    for name, became in report["became"].items():
        answered = became["error"] is None
        wanted = {"answer": [True], "error": [False]}.get(became["expected"], [True, False])
        assert answered in wanted, (name, became)
        assert became["seconds"] < SECONDS, (name, became)
        if not answered:
            # Clear: what is wrong, and no exception that nobody expected.
            assert not became["error"].partition(":")[0].endswith("Error"), (name, became)
            assert str(folder) not in became["error"], (name, became)
    assert not report["visited"], "a playlist was followed to an address"
    return report


@pytest.mark.slow  # minutes
def test_odd_recordings_with_a_toy_recogniser(tmp_path):
    report = answer_all(tmp_path)
    assert len(report["became"]) > 250
    assert report["mib"] < 500


@pytest.mark.slow  # minutes
def test_odd_sounds_with_whisper(tmp_path):
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    if not available():
        pytest.skip("espeak-ng is not installed")
    assert answer_all(tmp_path, "--whisper")["mib"] < 1000
