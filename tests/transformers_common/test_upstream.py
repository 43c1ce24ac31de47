import pytest

from . import upstream

pytestmark = pytest.mark.slow


def test_a_failed_download_gives_its_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    reason = upstream.fetch(tmp_path / "tests")
    assert reason.startswith(f"{upstream.DISTRIBUTION}.tar.gz") and "No matching" in reason
    assert not list(tmp_path.iterdir()), "a failed download must not leave files"
