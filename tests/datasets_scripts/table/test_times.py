"""Times in the columns start and end."""

import json

import numpy as np
import pytest

from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.table.json_rows import read_json_lines
from synctva.datasets_scripts.table.times import read_times
from tests.support.corpora import write_csv

TIMES = {
    "0.5": 0.5,
    " 2 ": 2,
    "1e1": 10,
    "00:16:21,731": 981.731,
    "00:16:21.731": 981.731,
    "1:02:03": 3723,
    "16:21.5": 981.5,
    "100:00:00": 360_000,
    "NA": None,
    "": None,
}


def test_every_form_in_both_kinds_of_file(tmp_path):
    expected = [np.nan if value is None else value for value in TIMES.values()]
    csv = read_csv(write_csv(tmp_path / "a.csv", ["start", "x"], [[cell, 1] for cell in TIMES]))
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps({"start": cell}) for cell in TIMES))
    mistakes = []
    for table in (csv, read_json_lines(lines, mistakes)):
        times = read_times(table, mistakes)
        np.testing.assert_allclose(times[:, 0], expected)
        assert np.isnan(times[:, 1]).all()
    lines.write_text('{"end": 0.5}\n{"end": null}\n{"end": 3}')
    ends = read_times(read_json_lines(lines, mistakes), mistakes)[:, 1]
    np.testing.assert_array_equal(ends, [0.5, np.nan, 3])
    assert not mistakes


@pytest.mark.parametrize(
    "value", ["soon", "inf", "1:99", "00:61:00", "-1:20", "1e39", "0,5", True, [1], "1:2:3:4"]
)
def test_what_is_no_time_is_named(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"start": value}))
    mistakes = []
    assert np.isnan(read_times(read_json_lines(path, mistakes), mistakes)).all()
    (mistake,) = mistakes
    assert (mistake.line, mistake.column) == (1, "start")
    assert mistake.expected == "seconds, or a time such as 00:16:21,731"


def test_an_end_before_its_start_is_named(tmp_path):
    cells = [["00:00:02,500", "2"], ["3", "00:00:03,000"]]
    mistakes = []
    read_times(read_csv(write_csv(tmp_path / "a.csv", ["start", "end"], cells)), mistakes)
    assert [(m.line, str(m.found), m.expected) for m in mistakes] == [
        (2, "= 2", "at least the start, 2.5")
    ]
