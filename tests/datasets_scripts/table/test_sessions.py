"""The column session of a table."""

import pytest

from synctva import load_table
from synctva.datasets_scripts.table.sessions import table_sessions
from tests.support.corpora import write_csv

HEADER = ["dialogue_id", "text", "emotion", "session"]
ROWS = [[f"d{d}", "yes", "glad" if d % 2 else "sad", f"S{d % 3}"] for d in range(9) for _ in "ab"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def test_sessions_are_in_the_order_of_the_splits(tmp_path, caplog):
    table = write_csv(tmp_path / "own.csv", HEADER, ROWS)
    data = load_table(table)
    assert "session" not in caplog.text  # it is not called unread
    names = [name for split in data.values() for name in split["dialogue_id"]]
    assert table_sessions(data, table) == [f"S{int(name[1]) % 3}" for name in names]


def test_files_may_use_the_same_names_and_columns_others(tmp_path):
    header = [*HEADER[:3], "recording"]
    for number, split in enumerate(("train", "dev")):
        rows = [[*row[:1], f"{row[1]} {split}", row[2], f"S{number}"] for row in ROWS]
        write_csv(tmp_path / f"{split}.csv", header, rows)
    columns = {"session": "recording"}
    data = load_table(tmp_path, columns=columns)
    assert table_sessions(data, tmp_path, columns) == ["S0"] * 9 + ["S1"] * 9
    assert table_sessions(load_table(tmp_path), tmp_path) is None


@pytest.mark.parametrize("cell", ["", "S2"])
def test_a_conversation_has_one_session(cell, tmp_path):
    rows = [list(row) for row in ROWS]
    rows[3][3] = cell
    table = write_csv(tmp_path / "own.csv", HEADER, rows)
    expected = f"line 5, column 'session' = '{cell}': expected 'S1' in all of conversation 'd1'"
    with pytest.raises(ValueError, match=expected):
        table_sessions(load_table(table), table)
