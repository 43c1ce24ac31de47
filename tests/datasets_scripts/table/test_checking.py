"""One file of a table: its cells, and all of its mistakes at once."""

import pickle

import numpy as np
import pytest

from synctva.datasets_scripts.table.checking import SHOWN_MISTAKES, TableError, check_file
from synctva.datasets_scripts.table.csv_rows import Mistake
from tests.support.corpora import write_csv

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]


def places(mistakes):
    return [(m.line, m.column, m.found) for m in mistakes]


@pytest.fixture
def check(tmp_path):
    """Check a CSV; return the file and its mistakes."""

    def checker(header, rows):
        mistakes = []
        return check_file(write_csv(tmp_path / "some.csv", header, rows), mistakes), mistakes

    return checker


def test_a_sound_file(check, tmp_path):
    header = [*HEADER, "start", "end", "media_path", "audio_f0", "notes"]
    rows = [
        [" a ", 1, "ann", "Hello. ", "glad", 0.5, 1.5, "clips/a.mp4", 1, "!"],
        ["b", 1, "", "", "calm", "", 2, "", "", ""],
        ["a", 2, "bo", "No.", "calm", 2, 2, "", 3, ""],
    ]
    file, mistakes = check(header, rows)
    assert not mistakes
    assert file.cells["dialogue_id"] == ["a", "b", "a"]
    assert file.cells["text"] == ["Hello.", "", "No."]
    assert "split" not in file.cells
    assert file.conversations == {"a": [0, 2], "b": [1]}
    np.testing.assert_array_equal(file.times, [[0.5, 1.5], [np.nan, 2], [2, 2]])
    assert file.media == [tmp_path / "clips/a.mp4", None, None]
    assert file.features["audio"].columns == ("audio_f0",)
    assert file.features["text"].columns == file.features["visual"].columns == ()
    assert file.ignored == ["notes"]


def test_every_mistake_in_a_file_is_found(check):
    header = [*HEADER, "start", "end", "media_path", "audio_f0", "visual_file"]
    rows = [
        ["a", 1, "ann", "Hi.", "glad", 1, 2, "", 1, ""],
        ["", 1, "ann", "Hi.", "glad", 1, 2, "", 1, ""],
        ["a", "", "ann", "Hi.", "", 1, 2, "", 1, ""],
        ["a", 1, "bo", "Hi.", "glad", 3, 2, "", "inf", ""],
        ["a", 3, "bo", "Hi."],
        ["a", 4, "bo", "Hi.", "glad", "soon", 2, "../a.mp4", "x", "gone.npy"],
    ]
    file, all_mistakes = check(header, rows)
    assert sorted(places(all_mistakes), key=str) == sorted(
        [
            (3, "dialogue_id", "is empty"),
            (4, "utterance_id", "is empty"),
            (5, "utterance_id", "= '1'"),
            (5, "end", "= 2"),
            (5, "audio_f0", "= 'inf'"),
            (6, None, "has 4 cells"),
            (7, "start", "= 'soon'"),
            (7, "media_path", "= '../a.mp4', which leads out of the table's folder"),
            (7, "audio_f0", "= 'x'"),
            (7, "visual_file", "= 'gone.npy', which is missing"),
        ],
        key=str,
    )
    expected = {m.column: m.expected for m in all_mistakes if m.line == 5}
    assert expected["utterance_id"] == "different ids in conversation 'a', line 2 has the same"
    assert expected["end"] == "at least the start, 3"
    assert file.lines == [2, 3, 4, 5, 7]


def test_missing_columns_do_not_hide_other_mistakes(check):
    _, mistakes = check(["utterance_id", "speaker", "audio_f0"], [["a", "ann", "x"]])
    found = "lacks the column {!r}, it has utterance_id, speaker, audio_f0"
    assert places(mistakes) == [
        (None, None, found.format("dialogue_id")),
        (None, None, found.format("emotion")),
        (2, "audio_f0", "= 'x'"),
    ]
    assert [mistake.expected for mistake in mistakes[:2]] == [
        "at least dialogue_id, emotion; --columns dialogue_id=<name> says how it is called here",
        "at least dialogue_id, emotion; --label <name> says how it is called here",
    ]
    _, mistakes = check(["dialogue_id", "emotion"], [["a", "calm"]])
    assert "lacks the column 'text', it has dialogue_id, emotion" in str(*mistakes)


def test_the_error_lists_the_first_mistakes_and_counts_the_rest(tmp_path):
    mistakes = [
        Mistake(tmp_path / "a.csv", line, "emotion", "is empty", "a label") for line in range(2, 27)
    ]
    error = pickle.loads(pickle.dumps(TableError(mistakes)))
    assert isinstance(error, ValueError)
    assert error.mistakes == mistakes
    lines = str(error).splitlines()
    assert lines[0] == "25 mistakes:"
    assert lines[1:-1] == [str(mistake) for mistake in mistakes[:SHOWN_MISTAKES]]
    assert lines[1] == f"{tmp_path}/a.csv, line 2, column 'emotion' is empty: expected a label"
    assert lines[-1] == "... and 5 more."
    assert str(TableError(mistakes[:1])) == str(mistakes[0])
