"""CSVs are read like `csv` and `float` read them; mistakes are named by line and column."""

import csv

import numpy as np
import pytest

from synctva.datasets_scripts.table.csv_rows import Mistake, read_columns, read_csv
from tests.support.corpora import write_csv

BROKEN = b"name,f0\nann,1\nbo\ncy\xe9,loud\nda,1e39\n"


@pytest.fixture
def write(tmp_path):
    def writer(data: bytes):
        path = tmp_path / "some.csv"
        path.write_bytes(data)
        return path

    return writer


def test_cells_are_those_of_the_csv_module(tmp_path):
    rows = [["a, b", 'say "no"', "1"], ["two\nlines", "", "-2.5e3"], [" c ", "é", " 0.1 "]]
    path = write_csv(tmp_path / "some.csv", ["x", " y ", "z"], rows)
    table = read_csv(path, ("x", "y"))
    assert (table.columns, table.rows) == (("x", "y", "z"), rows)
    assert table.lines == [2, 4, 5]
    assert table.strings("x") == ["a, b", "two\nlines", "c"]
    assert read_columns(path) == table.columns
    assert table.numbers(["z"])[:, 0].tolist() == [float(row[2]) for row in rows]


def test_numbers_are_those_of_float_and_gaps_are_nan(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(6, 3)) * 10.0 ** np.arange(-3, 3)[:, None]
    cells = [[repr(float(number)) for number in row] for row in numbers]
    cells[1][2], cells[4] = "", ["NA", " nan ", "--undefined--"]
    numbers[1, 2], numbers[4] = np.nan, np.nan
    table = read_csv(write_csv(tmp_path / "some.csv", ["a", "b", "c"], cells))
    np.testing.assert_array_equal(table.numbers(["a", "b", "c"]), numbers)
    np.testing.assert_array_equal(table.numbers(["c", "a"]), numbers[:, [2, 0]])
    assert table.numbers([]).shape == (6, 0)


def test_every_mistake_is_collected(write):
    mistakes: list[Mistake] = []
    table = read_csv(write(BROKEN), ("name", "text", "who"), mistakes)
    values = table.numbers(["f0"], mistakes)
    assert table.lines == [2, 4, 5]
    np.testing.assert_array_equal(values[:, 0], [1, np.nan, np.nan])
    assert [(m.line, m.column, m.found) for m in mistakes] == [
        (4, None, "has the byte 0xe9, which is not UTF-8"),
        (None, None, "lacks the column 'text', it has name, f0"),
        (None, None, "lacks the column 'who', it has name, f0"),
        (3, None, "has 1 cells"),
        (4, "f0", "= 'loud'"),
        (5, "f0", "= '1e39'"),
    ]


def test_without_a_list_the_first_mistake_is_raised(write):
    path = write(BROKEN)
    with pytest.raises(
        ValueError, match=r"some\.csv, line 3 has 1 cells: expected 2, one per column"
    ):
        read_csv(path)
    with pytest.raises(ValueError, match=r"some\.csv lacks the column 'text'"):
        read_csv(path, ("name", "text"))
    table = read_csv(write(BROKEN.replace(b"\nbo\n", b"\n")))
    assert table.column("name")[1] == "cyé"  # Windows-1252
    with pytest.raises(ValueError, match="line 3, column 'f0' = 'loud': expected a finite number"):
        table.numbers(["f0"])
    with pytest.raises(ValueError, match="line 3, column 'f0' = 'loud': expected a whole number"):
        table.integers("f0")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,f0\n", "has a header but no rows"),
        ("name,f0\nann,1\n".encode("utf-16-le"), "is not a text file"),
        ("name,f0\nann,1\n".encode("utf-16") + b"\0", "is not readable as UTF-16"),
        (b"name,name\nann,1\n", "has the column 'name' more than once"),
        (b'name,f0\nann,"1\n', "is not readable as CSV"),
    ],
)
def test_an_unreadable_file_is_one_mistake(write, data, found):
    path = write(data)
    mistakes: list[Mistake] = []
    read_csv(path, ("name",), mistakes)
    (mistake,) = mistakes
    assert mistake.found.startswith(found)
    with pytest.raises(ValueError, match=found):
        read_csv(path, ("name",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_with_a_mark_and_separators_give_the_same_table(write, encoding, separator):
    rows = [["Zoë", "Well, that; is\tall."], ["", 'She said "no".']]
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    lines = [["name", "text"], *quoted]
    data = "\n".join(separator.join(line) for line in lines).encode(encoding)
    mistakes: list[Mistake] = []
    table = read_csv(write(data), ("name", "text"), mistakes)
    assert not mistakes
    assert (table.columns, table.rows) == (("name", "text"), rows)
    assert read_columns(table.path) == table.columns


def test_another_encoding_is_refused_with_the_file_and_what_to_do(write):
    for encoding in ("cp1252", "latin-1", "cp437"):
        mistakes: list[Mistake] = []
        read_csv(write("name\ncafé\n".encode(encoding)), ("name",), mistakes)
        (mistake,) = mistakes
        assert str(mistake).endswith("UTF-8: expected text saved in UTF-8 (in Excel: CSV UTF-8)")
        assert "some.csv, line 2 has the byte 0x" in str(mistake)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_csv(tmp_path / "nowhere.csv", mistakes=[])
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\)"):
        read_csv(tmp_path)


def test_a_cell_longer_than_the_csv_module_takes_is_named(write):
    with pytest.raises(ValueError, match=r"line 2 is not readable as CSV \(field larger"):
        read_csv(write(b"name\n" + b"a" * (csv.field_size_limit() + 1)))
