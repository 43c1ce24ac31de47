"""Whisper's weights come from a folder, the Hub's cache, two packages, or the Hub."""

import hashlib

import pytest

from synctva.speech import whisper_weights
from synctva.speech.whisper_weights import BASE_REPOSITORY, locate_whisper

FILES = {"config.json": b"{}", "tokenizer.json": b"[]", "vocabulary.txt": b"a\nb\n"}
PARTS = (b"first half, ", b"second half")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two packages whose module would fail if it were imported; the cache is empty."""
    for name, package in enumerate(whisper_weights._PACKAGES):
        data = tmp_path / package / "data"
        data.mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("raise RuntimeError('imported')")
        (data / f"model.bin.part{name + 1}").write_bytes(PARTS[name])
    for name, content in FILES.items():
        (tmp_path / whisper_weights._PACKAGES[0] / "data" / name).write_bytes(content)
    content = {**FILES, "model.bin": b"".join(PARTS)}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    monkeypatch.setattr(whisper_weights, "_CHECKSUMS", sums)
    monkeypatch.syspath_prepend(str(tmp_path))
    cache = tmp_path / "cache"
    monkeypatch.setattr(whisper_weights, "cached_assets_path", lambda *_, **__: cache)
    monkeypatch.setattr(whisper_weights, "snapshot_download", refused)
    return tmp_path


def refused(*_, **__):
    raise OSError("the Hub cannot be reached")


def test_the_packages_are_joined_once(packages):
    folder = locate_whisper("base")
    assert (packages / "cache" / "model.bin").read_bytes() == b"".join(PARTS)
    assert folder == str(packages / "cache")
    for package in whisper_weights._PACKAGES:  # from now on they are not needed
        for file in (packages / package / "data").iterdir():
            file.unlink()
    assert locate_whisper("base") == folder


@pytest.mark.parametrize("name", ["model.bin.part1", "tokenizer.json"])
def test_a_package_with_other_files_is_refused(packages, name):
    (packages / whisper_weights._PACKAGES[0] / "data" / name).write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"sha256 of .*: expected"):
        locate_whisper("base")
    assert not (packages / "cache" / "model.bin").exists()


def test_a_joined_model_that_was_damaged_is_refused(packages):
    locate_whisper("base")
    (packages / "cache" / "model.bin").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"model.bin = .*: expected"):
        locate_whisper("base")


def test_the_hub_is_asked_for_a_pinned_revision(monkeypatch, tmp_path):
    asked = []

    def snapshot(name, revision, local_files_only=False, **_):
        asked.append((name, revision, local_files_only))
        if local_files_only:
            raise OSError("not in the cache")
        return str(tmp_path)

    monkeypatch.setattr(whisper_weights, "snapshot_download", snapshot)
    monkeypatch.setattr(whisper_weights, "_package_folders", lambda: None)
    assert locate_whisper("base") == str(tmp_path)
    assert asked == [(*BASE_REPOSITORY, True), (*BASE_REPOSITORY, False)]


def test_what_is_nowhere_is_named_with_its_remedy(packages, monkeypatch):
    monkeypatch.setattr(whisper_weights, "_package_folders", lambda: None)
    with pytest.raises(OSError, match="hf download Systran/faster-whisper-base --revision ebe41f"):
        locate_whisper("base")


def test_a_folder_with_a_model_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    monkeypatch.setattr(whisper_weights, "_package_folders", lambda: None)
    monkeypatch.setattr(whisper_weights, "snapshot_download", refused)
    with pytest.raises(OSError):  # a folder of that name without a model is not meant
        locate_whisper("base")
    (tmp_path / "base" / "model.bin").write_bytes(b"")
    assert locate_whisper("base") == "base"
    assert locate_whisper("large-v3-turbo") == "large-v3-turbo"
