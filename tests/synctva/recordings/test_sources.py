"""Sources: what is refused and how, and ranges of time."""

import os
import sys

import pytest

from synctva.audio.decoding import read_audio
from synctva.recordings.sources import MediaError, MediaNotFoundError, time_range
from synctva.video.decoding import read_frames
from tests.support.media_files import tone


@pytest.mark.parametrize("read", [read_audio, lambda source: list(read_frames(source, 5))])
def test_what_cannot_be_opened_is_refused_by_name(tmp_path, read):
    (tmp_path / "empty.wav").touch()
    for source, message in (
        (str(tmp_path / "empty.wav"), "empty.wav: is empty: expected a recording"),
        (tmp_path, f"{tmp_path}: is a folder: expected a recording"),
        (os.devnull, f"{os.devnull}: is not a file: expected a recording"),
        ("a\0b.mp4", "is not a path"),
        (b"", "media given as bytes: is empty"),
        ({"path": None, "bytes": None}, r"fields \['bytes', 'path'\]: expected 'path' or 'bytes'"),
    ):
        with pytest.raises(MediaError, match=message):
            read(source)
    for source in (tmp_path / "nowhere.mp4", {"path": str(tmp_path / "nowhere.mp4")}):
        with pytest.raises(MediaNotFoundError, match=r"nowhere.mp4: there is no such file"):
            read(source)
    assert issubclass(MediaNotFoundError, FileNotFoundError)


@pytest.mark.parametrize("times", [(-1.0, 1.0), (2.0, 1.0), (1.0, 1.0), (float("nan"), None)])
def test_times_that_are_not_a_range_are_refused(times):
    with pytest.raises(ValueError, match=r"expected 0 <= start < end"):
        time_range(*times)


def test_the_message_without_pyav_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[media\]'"):
        read_audio(b"RIFF")
    assert read_audio((tone()[0], 16000)).duration == 1.0
