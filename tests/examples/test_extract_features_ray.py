"""Extraction by Ray against one process."""

import importlib
import os

import pytest

from synctva.commands import extract
from synctva.features.feature_sets import read_schema
from tests.support.media_conversations import write_clips


@pytest.mark.slow  # Ray starts several processes
def test_ray_makes_what_one_process_makes(tmp_path, monkeypatch, toy_encoder_spec, capsys):
    # Both are read when ray is imported: nothing is reported, and nothing waits for a console.
    monkeypatch.setitem(os.environ, "RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setitem(os.environ, "RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    ray = pytest.importorskip("ray", reason="ray is not installed: pip install '.[ray]'")
    for module in ("synctva.features.extraction.extraction", "synctva.commands.extract"):
        monkeypatch.setattr(f"{module}.MINILM_SPEC", toy_encoder_spec)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    by_ray = importlib.import_module("examples.extract_features_ray")
    clips = ["--dataset", "clips", "--data_dir", str(write_clips(tmp_path / "clips"))]
    extract.main([*clips, "--output", str(tmp_path / "serial")])
    printed = capsys.readouterr().out.splitlines()[:-1]
    by_ray.main([*clips, "--output", str(tmp_path / "ray"), "--workers", "2"])
    assert not ray.is_initialized()
    assert read_schema(tmp_path / "ray") == read_schema(tmp_path / "serial")
    skipped = [(tmp_path / name / "skipped.csv").read_text() for name in ("ray", "serial")]
    assert skipped[0] == skipped[1]
    assert capsys.readouterr().out.splitlines()[-len(printed) :] == printed
