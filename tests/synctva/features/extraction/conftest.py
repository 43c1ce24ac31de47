"""Clips, and the feature set that one process makes of them; made once for all of these tests."""

import pytest

from synctva.features.extraction import extract_features, load_clips
from tests.support.media_conversations import MEDIA, write_clips


@pytest.fixture(scope="package")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture(scope="package")
def serial(clips, tmp_path_factory):
    """The folder that one process makes of the clips, and its report."""
    folder = tmp_path_factory.mktemp("serial") / "features"
    return folder, extract_features(load_clips(clips), folder, **MEDIA)
