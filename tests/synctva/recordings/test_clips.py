"""Clips by the names of files, folders and patterns."""

from pathlib import Path

import pytest

from synctva.recordings.clips import find_clips, recording_field


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def files(conversation):
    return [clip.get("audio") or clip["video"] for clip in conversation]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("a.wav", "audio"),
        ("A.MP3", "audio"),
        ("a.mp4", "video"),
        ("a", "video"),
        ("a.mkv", "video"),
    ],
)
def test_sound_has_no_frames_to_read(name, field):
    assert recording_field(name) == field


def test_files_and_patterns_are_one_conversation_in_order():
    make("b/10.wav", "b/9.wav", "b/9.txt", "a.mp4", "[1].wav")
    found = find_clips(["a.mp4", "b/*.wav", "missing.wav", "[1].wav"])
    assert [files(conversation) for conversation in found] == [
        ["a.mp4", "b/9.wav", "b/10.wav", "missing.wav", "[1].wav"]
    ]
    assert found[0][0] == {"video": "a.mp4"}
    assert files(find_clips(["**/*.wav"])[0]) == ["[1].wav", "b/9.wav", "b/10.wav"]


def test_a_folder_is_a_conversation_and_so_is_each_of_its_folders():
    make("calls/b/2.wav", "calls/b/10.wav", "calls/a/1.mp4", "single/x.mp3", "single/notes.csv")
    Path("calls/b/10.txt").write_text("I won!")
    found = find_clips(["single", "calls"])
    assert [files(conversation) for conversation in found] == [
        ["single/x.mp3"],
        ["calls/a/1.mp4"],
        ["calls/b/2.wav", "calls/b/10.wav"],
    ]
    assert found[2] == [{"audio": "calls/b/2.wav"}, {"text": "I won!", "audio": "calls/b/10.wav"}]


def test_a_folder_keeps_the_form_of_its_path(folder):
    make("clips/1.wav")
    for name in ("clips", "./clips/", str(folder / "clips")):
        assert files(find_clips([name])[0]) == [str(Path(name, "1.wav"))]


@pytest.mark.parametrize("name", ["*.wav", "clips/[0-9].mp4", "empty"])
def test_a_name_of_nothing_is_refused(name):
    Path("empty").mkdir()
    with pytest.raises(FileNotFoundError, match="expected"):
        find_clips([name])
