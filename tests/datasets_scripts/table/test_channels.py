"""The column channel."""

import json

import pytest

from synctva.datasets_scripts.table.channels import read_channels
from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.table.json_rows import read_json_lines
from tests.support.corpora import write_csv

CELLS = {"0": 0, "1": 1, "left": 0, "Right": 1, " 5 ": 5, "": None}


def test_numbers_and_sides(tmp_path):
    mistakes = []
    path = write_csv(tmp_path / "a.csv", ["channel", "x"], [[cell, 1] for cell in CELLS])
    assert read_channels(read_csv(path), mistakes) == list(CELLS.values())
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"channel": 1}\n{"channel": "left"}\n{"channel": null}')
    assert read_channels(read_json_lines(lines, mistakes), mistakes) == [1, 0, None]
    path = write_csv(tmp_path / "b.csv", ["x"], [[1]])
    assert read_channels(read_csv(path), mistakes) is None
    assert not mistakes


@pytest.mark.parametrize("value", ["middle", "-1", "0.5", 1.5, [0], True])
def test_what_is_no_channel_is_named(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"channel": value}))
    mistakes = []
    assert read_channels(read_json_lines(path, mistakes), mistakes) == [None]
    (mistake,) = mistakes
    assert (mistake.line, mistake.column) == (1, "channel")
