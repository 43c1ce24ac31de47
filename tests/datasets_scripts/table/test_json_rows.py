"""JSON lines: rows are objects, values have the right type, and mistakes are named by line."""

import json

import numpy as np
import pytest

from synctva.datasets_scripts.table.json_rows import read_json_lines


@pytest.fixture
def read(tmp_path):
    """Read lines, given as bytes or as objects; return the table and its mistakes."""

    def reader(lines):
        path = tmp_path / "some.jsonl"
        dumped = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"\n".join(dumped))
        mistakes = []
        return read_json_lines(path, mistakes), mistakes

    return reader


def test_values_come_back(read):
    rows = [{"name": "é\u2028\n", "f0": 1}, {"f1": None, "name": 7}, {"name": " b ", "f0": 0.25}]
    table, mistakes = read([rows[0], b"", rows[1], b'{"name": "\xc2\xa0b", "f0": 0.25}\r'])
    assert table.columns == ("name", "f0", "f1")
    assert table.lines == [1, 3, 4]
    assert table.strings("name", mistakes) == ["é", "7", "b"]
    np.testing.assert_array_equal(table.numbers(["f0"], mistakes)[:, 0], [1, np.nan, 0.25])
    assert not mistakes


def test_vectors_are_lists_of_numbers(read):
    rows = [{"v": [1, 2.5]}, {"v": None}, {}, {"v": [float("nan")]}, {"v": []}]
    table, mistakes = read(rows)
    vectors = table.vectors("v", mistakes)
    assert not mistakes
    assert [None if v is None else v.tolist() for v in vectors[:3]] == [[1.0, 2.5], None, None]
    assert np.isnan(vectors[3]).all() and len(vectors[4]) == 0


def test_values_of_the_wrong_type_are_named(read):
    wrong = [True, 1.5, ["a"], {"a": 1}]
    table, mistakes = read([{"name": value} for value in [*wrong, "", None]])
    assert table.strings("name", mistakes, "a name") == [""] * 6
    assert [m.line for m in mistakes] == [1, 2, 3, 4, 5, 6]
    assert [m.found for m in mistakes[:4]] == [f"= {value!r}" for value in wrong]
    assert [m.found for m in mistakes[4:]] == ["is empty", "is empty"]

    table, mistakes = read([{"f0": value} for value in ["1.5", True, [1], 10**400, 1e39]])
    assert np.isnan(table.numbers(["f0"], mistakes)).all()
    assert [m.line for m in mistakes] == [1, 2, 3, 4, 5]
    assert mistakes[0].found == "= '1.5'"

    wrong = ["1", 1, [True, 1], [1, None], [[1.0]], ["1"], {"a": 1}, [10**400]]
    table, mistakes = read([{"v": value} for value in wrong])
    assert table.vectors("v", mistakes) == [None] * len(wrong)
    assert [m.line for m in mistakes] == list(range(1, len(wrong) + 1))


def test_long_values_are_cut_in_messages(read):
    table, mistakes = read([{"f0": list(range(1000))}, {"f0": "x" * 1000}])
    table.numbers(["f0"], mistakes)
    assert all(len(m.found) < 120 for m in mistakes)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"[1, 2]", "= [1, 2]"),
        (b"null", "= None"),
        (b'{"name": "a"', "is not readable as JSON (Expecting ',' delimiter at character 13"),
        (b'{"name": "a", "name": "b"}', "is not readable as JSON (the key 'name' occurs twice)"),
        (b'{"name": "\\ud800"}', "has half of a pair of \\u escapes"),
        (b'{"name": "caf\xe9"}', "has the byte 0xe9, which is not UTF-8"),
        (b"[" * 100_000, "is not readable as JSON (maximum recursion depth exceeded"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(read, line, found):
    table, mistakes = read([{"name": "a"}, line, {"name": "c"}])
    assert {1, 3} <= set(table.lines)
    (mistake,) = mistakes
    assert mistake.line == 2
    assert mistake.found.startswith(found)


def test_empty_files(read):
    _, mistakes = read([b" "])
    assert [m.found for m in mistakes] == ["is empty"]
    _, mistakes = read([json.dumps({"name": "a"}).encode("utf-16-le")])
    assert [m.found for m in mistakes] == ["is not a text file"]
