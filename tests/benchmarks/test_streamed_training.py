"""One run of the benchmark on a few conversations: it must report, its speed is not tested."""

import pytest

from benchmarks.streamed_training import train, write


@pytest.mark.parametrize("source", ["files", "memory"])
def test_a_run_reports_what_it_trained_on(tmp_path, source):
    write(tmp_path / "features", 30)
    report = train(str(tmp_path / "features"), source)
    assert report["conversations"] == 30
    assert report["conversations_per_second"] == pytest.approx(30 / report["seconds"])
    assert report["peak_megabytes"] > 0
