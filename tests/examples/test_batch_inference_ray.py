import csv
import importlib
import os

import pytest

from synctva.batch_inference import CorpusRecogniser, corpus_blocks, read_answers
from tests.support.toy import WIDTHS, toy_rows
from tests.synctva.test_batch_inference import toy_checkpoint, write_corpus


@pytest.mark.slow  # Ray starts several processes
def test_ray_gives_the_answers_of_one_process_and_continues(tmp_path, monkeypatch, capsys):
    # Both are read when ray is imported: nothing is reported, and nothing waits for a console.
    monkeypatch.setitem(os.environ, "RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setitem(os.environ, "RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    ray = pytest.importorskip("ray", reason="ray is not installed: pip install '.[ray]'")
    checkpoint = toy_checkpoint(tmp_path / "model")
    rows = toy_rows(40)
    rows[7]["text_features"][0] = [float("inf")] * WIDTHS["text"]
    rows[7]["modality_mask"][0] = [True, True, True]
    files, _ = write_corpus(tmp_path / "corpus", rows)
    blocks = corpus_blocks(files, 6)
    serial = CorpusRecogniser(checkpoint, tmp_path / "serial")
    for block in blocks:
        serial(block)

    program = importlib.import_module("examples.batch_inference_ray")
    options = ["--corpus", str(tmp_path / "corpus"), "--output", str(tmp_path / "ray")]
    options += ["--model", checkpoint, "--block", "6"]
    program.main(options)
    assert not ray.is_initialized()
    assert "39 conversations answered" in capsys.readouterr().out
    by_ray, expected = (read_answers(tmp_path / name, blocks) for name in ("ray", "serial"))
    assert by_ray.drop_columns("scores") == expected.drop_columns("scores")
    for one, other in zip(
        by_ray["scores"].to_pylist(), expected["scores"].to_pylist(), strict=True
    ):
        assert one == pytest.approx(other)
    with (tmp_path / "ray" / "failed.csv").open(encoding="utf-8", newline="") as file:
        (failure,) = csv.DictReader(file)
    assert failure["dialogue_id"] == "conversation 7" and "text_features" in failure["error"]

    kept = sorted((tmp_path / "ray").glob("*.parquet"))
    before = {path: path.stat().st_mtime_ns for path in kept[1:]}
    kept[0].unlink()
    program.main(options)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert read_answers(tmp_path / "ray", blocks).drop_columns("scores") == by_ray.drop_columns(
        "scores"
    )
