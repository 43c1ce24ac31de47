import csv
import io

import pytest

from synctva.csv_output import as_text, write_csv

FORMULAS = [
    '=HYPERLINK("http://example.org", "prize")',
    "+1+1",
    "-1+1",
    "- Who is it?",
    "@SUM(1, 1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text):
    assert as_text(text) == f"'{text}"
    assert as_text(as_text(text)) == as_text(text)


@pytest.mark.parametrize("cell", ["", "so = so", "a-b", " =1+1", "'=1+1", -1, -0.5, None, True])
def test_other_cells_are_unchanged(cell):
    assert as_text(cell) is cell


def test_the_table_can_be_read_again():
    texts = ['He said "no", twice', "two\nlines", "ü, ß"]
    rows = [{"text": text, "score": -0.25, "=1": "x"} for text in texts]
    file = io.StringIO()
    write_csv(file, ["text", "score", "=1", "more"], [*rows, {"text": "=1+1"}])
    file.seek(0)
    *read, last = csv.DictReader(file)
    assert [row["text"] for row in read] == texts
    assert [float(row["score"]) for row in read] == [-0.25] * 3
    assert last == {"text": "'=1+1", "score": "", "'=1": "", "more": ""}
