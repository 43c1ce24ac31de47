"""A training, extraction or folder job that is killed at any moment and restarted ends the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KINDS = pytest.mark.parametrize("kind", ["training", "extraction"])


def kill_at_random(kind, folder, kills, seed):
    options = {"kind": kind, "folder": str(folder), "kills": kills, "seed": seed}
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.killing_program", json.dumps(options)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    report = json.loads(run.stdout)
    assert report["kills"] == kills
    assert report["different"] == []
    return report


def test_an_extraction_continues_after_kill_9(tmp_path):
    kill_at_random("extraction", tmp_path, kills=5, seed=0)


@pytest.mark.slow  # ten minutes of training on a busy machine, one of extraction
@KINDS
def test_fifty_kills_at_random_moments(kind, tmp_path):
    report = kill_at_random(kind, tmp_path, kills=50, seed=1)
    print(json.dumps(report))
    assert len(report["stages"]) > 2, "all kills hit the same stage"


@pytest.mark.slow
def test_a_folder_job_is_killed_at_ten_random_moments(tmp_path):
    report = kill_at_random("recordings", tmp_path, kills=10, seed=2)
    print(json.dumps(report))
    assert {"writing a result", "between results"} <= set(report["stages"])
