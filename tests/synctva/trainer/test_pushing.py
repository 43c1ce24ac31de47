"""Uploads that fail; those that work are tested against a local Hub in tests/hub."""

from synctva.trainer import pushing


def test_a_failed_upload_is_reported_and_its_copy_removed(tmp_path, monkeypatch):
    def fail(**options):
        raise ConnectionError("no route")

    warnings = []
    monkeypatch.setattr(pushing, "upload_folder", fail)
    monkeypatch.setattr(pushing.logger, "warning", warnings.append)
    copy = tmp_path / "_push-1"
    copy.mkdir()
    pushing._upload(str(copy), [{"repo_id": "user/name"}])
    assert warnings == ["a checkpoint could not be pushed: ConnectionError: no route"]
    assert not copy.exists()
