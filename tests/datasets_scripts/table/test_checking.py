"""One file of a table: its sound cells, and every mistake in it at once."""

import pickle

import numpy as np
import pytest

from synctva.datasets_scripts.table.checking import SHOWN_MISTAKES, TableError, check_file
from synctva.datasets_scripts.table.csv_rows import Mistake
from tests.support.corpora import write_csv

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]


@pytest.fixture
def check(tmp_path):
    """Checks a CSV; gives the file and the line, column and finding of each mistake."""

    def checker(header, rows):
        mistakes = []
        file = check_file(write_csv(tmp_path / "some.csv", header, rows), mistakes)
        return file, [(m.line, m.column, m.found) for m in mistakes]

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
    file, mistakes = check(header, rows)
    assert sorted(mistakes, key=str) == sorted(
        [
            (3, "dialogue_id", "empty"),
            (4, "utterance_id", "empty"),
            (
                5,
                "utterance_id",
                "conversation 'a': duplicate utterance id '1', the first of which is in line 2",
            ),
            (5, "end", "2 is before the start, 3"),
            (5, "audio_f0", "'inf' is not a finite number"),
            (6, None, "4 cells"),
            (7, "start", "'soon' is not a finite number"),
            (7, "media_path", "'../a.mp4' leads out of the table's folder"),
            (7, "audio_f0", "'x' is not a finite number"),
            (7, "visual_file", "there is no file 'gone.npy'"),
        ],
        key=str,
    )
    assert file.lines == [2, 3, 4, 5, 7]


def test_missing_columns_do_not_hide_other_mistakes(check):
    _, mistakes = check(["dialogue_id", "text", "audio_f0"], [["a", "Hi.", "x"]])
    found = "lacks the column {!r}; it has: dialogue_id, text, audio_f0"
    assert mistakes == [
        (None, None, found.format("utterance_id")),
        (None, None, found.format("speaker")),
        (None, None, found.format("emotion")),
        (2, "audio_f0", "'x' is not a finite number"),
    ]


def test_the_error_lists_the_first_mistakes_and_counts_the_rest(tmp_path):
    mistakes = [
        Mistake(tmp_path / "a.csv", line, "emotion", "empty", "a label") for line in range(2, 27)
    ]
    error = pickle.loads(pickle.dumps(TableError(mistakes)))
    assert isinstance(error, ValueError)
    assert error.mistakes == mistakes
    lines = str(error).splitlines()
    assert lines[0] == "25 mistakes:"
    assert lines[1:-1] == [str(mistake) for mistake in mistakes[:SHOWN_MISTAKES]]
    assert lines[1] == f"{tmp_path}/a.csv, line 2, column 'emotion': empty; expected a label."
    assert lines[-1] == "... and 5 more."
    assert str(TableError(mistakes[:1])) == str(mistakes[0])
