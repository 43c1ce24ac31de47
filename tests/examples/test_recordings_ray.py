import importlib
import os

import pytest
import torch

from synctva.recording_jobs.listing import list_recordings
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.recording_jobs.running import run_job
from tests.support.recording_jobs import FAILED, toy_recogniser, write_recordings, write_toy_model


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow  # Ray starts several processes
def test_ray_gives_the_files_of_one_process_and_each_goes_on_after_the_other(tmp_path, monkeypatch):
    # Both are read when ray is imported: nothing is reported, and nothing waits for a console.
    monkeypatch.setitem(os.environ, "RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setitem(os.environ, "RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    ray = pytest.importorskip("ray", reason="ray is not installed: pip install '.[ray]'")
    program = importlib.import_module("examples.recordings_ray")

    class WithToyRecogniser(program.Worker):
        def __init__(self, recordings, settings):
            super().__init__(recordings, {**settings, "recogniser": toy_recogniser})

    monkeypatch.setattr(program, "Worker", WithToyRecogniser)
    model = write_toy_model(tmp_path / "model")
    folder = tmp_path / "recordings"
    write_recordings(folder, 5)
    (folder / "half \udcff.mp4").write_bytes(b"not a recording either")

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as a worker has
    serial = RecordingRecogniser(
        model, tmp_path / "serial", parameters={"top_k": None}, recogniser=toy_recogniser
    )
    errors = run_job(list_recordings(folder), tmp_path / "serial", serial)
    torch.set_num_threads(threads)
    assert set(FAILED) < set(errors)

    program.main([str(folder), "--output", str(tmp_path / "ray"), "--model", model])
    assert not ray.is_initialized()
    expected = contents(tmp_path / "serial")
    assert contents(tmp_path / "ray") == expected

    kept = tmp_path / "ray" / "0.wav" / "answers.json"
    written = kept.stat().st_mtime_ns
    (tmp_path / "ray" / "1.wav" / "made_from.json").unlink()
    program.main([str(folder), "--output", str(tmp_path / "ray"), "--model", model])
    assert contents(tmp_path / "ray") == expected
    assert kept.stat().st_mtime_ns == written
