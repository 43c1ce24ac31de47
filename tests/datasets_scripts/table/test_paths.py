"""Paths in a table: in its folder, in `media_root`, or anywhere if the user says so."""

import pytest

from synctva.datasets_scripts.table import paths
from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.table.paths import MediaPaths, path_column
from tests.support.corpora import write_csv


@pytest.fixture
def read(tmp_path):
    """Read a column of paths from a table in `table`, beside the folder `clips`."""
    for name in ("table", "clips"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").touch()

    def reader(cells, media, column="media_path"):
        path = write_csv(tmp_path / "table/own.csv", [column, "x"], [[cell, 1] for cell in cells])
        mistakes = []
        return path_column(read_csv(path), column, mistakes, media), mistakes

    return reader


def test_a_media_root_holds_relative_and_absolute_paths(read, tmp_path):
    clips = tmp_path / "clips"
    outside = str(tmp_path / "table/a.wav")
    (clips / "link.wav").symlink_to(outside)
    climbing = f"{clips}/../table/a.wav"
    cells = ["a.wav", str(clips / "a.wav"), outside, "../table/a.wav", "link.wav", climbing]
    found, mistakes = read(cells, MediaPaths(clips))
    assert found == [clips / "a.wav", clips / "a.wav", None, None, None, None]
    assert [(m.line, m.found.split(", which ")[1]) for m in mistakes] == [
        (4, "leads out of media_root"),
        (5, "leads out of media_root"),
        (6, "leads out of media_root by a link"),
        (7, "leads out of media_root"),
    ]


def test_absolute_paths_are_allowed_only_if_the_user_says_so(read, tmp_path):
    clip = tmp_path / "clips/a.wav"
    found, mistakes = read([str(clip)], MediaPaths())
    assert found == [None]
    assert mistakes[0].expected.endswith("or --media_root with the folder of the files")
    cells = [str(clip), "a.wav", "../clips/a.wav", "C:\\a.wav"]
    found, mistakes = read(cells, MediaPaths(absolute=True))
    assert found == [clip, tmp_path / "table/a.wav", None, None]
    assert [m.line for m in mistakes] == [4, 5]


def test_files_of_features_stay_in_the_folder(read, tmp_path):
    found, mistakes = read([str(tmp_path / "clips/a.npy")], MediaPaths(), "audio_file")
    assert found == [None]
    assert "media_root" not in mistakes[0].expected


def test_a_table_from_the_hub_opens_nothing_up(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "HF_HUB_CACHE", str(tmp_path / "hub"))
    theirs = tmp_path / "hub/datasets--user--name/snapshots/1/own.csv"
    for media, name in (
        (MediaPaths(tmp_path), "media_root"),
        (MediaPaths(absolute=True), "allow_absolute_paths"),
    ):
        with pytest.raises(ValueError, match=f"{name} is set and .*own.csv comes from the Hub"):
            media.check(theirs)
        media.check(tmp_path / "own.csv")
    MediaPaths().check(theirs)
