import pytest

from . import upstream

pytestmark = pytest.mark.slow


def test_without_a_package_index_the_reason_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    reason = upstream.fetch(tmp_path / "tests")
    assert reason.startswith(f"{upstream.DISTRIBUTION}.tar.gz") and "No matching" in reason
    assert not list(tmp_path.iterdir()), "nothing half done may stay behind"
