"""Labels: one for each utterance, and their order."""

import json
from collections import Counter

import pytest

from synctva.datasets_scripts.table.json_rows import read_json_lines
from synctva.datasets_scripts.table.labels import (
    alike,
    decimals,
    in_order,
    is_several,
    read_labels,
)

KNOWN = {"joy", "anger", "sad", "0", "1"}


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (["0", "1", "10", "2"], ("0", "1", "2", "10")),
        (["10.0", "9.0", "-1"], ("-1", "9.0", "10.0")),
        (["1", "01", "2"], ("01", "1", "2")),
        (["b", "a", "10", "2"], ("10", "2", "a", "b")),
        (["nan", "inf"], ("inf", "nan")),
        ([], ()),
    ],
)
def test_whole_numbers_keep_their_order_and_words_that_of_the_alphabet(labels, order):
    assert in_order(labels) == order


@pytest.mark.parametrize(
    "label",
    ["joy;anger", "joy | sad", "joy, anger", "joy/sad", "joy+anger", "joy & sad", "a;b", "0,1",
     "['joy', 'anger']", "[0, 1, 0]", "{'joy': 0.7}", "(0.2, 0.8)", "0.1 0.9", "0.2,0.3,0.5",
     "0.1:0.9"],
)  # fmt: skip
def test_several_labels_in_a_cell_are_seen(label):
    assert is_several(label, KNOWN | {label})


@pytest.mark.parametrize(
    "label",
    ["joy", "anger/disgust", "happy, excited", "rock & roll", "mixed feelings", "3", "-0.5", "0,5",
     "1e-3", "in-between", ":)", ";-)", "don't know (unsure)", "A(1)"],
)  # fmt: skip
def test_one_label_is_left_alone(label):
    assert not is_several(label, KNOWN | {label})


def test_decimals_are_numbers_that_are_not_whole():
    assert decimals(["0.5", "-.25", "0,75", "1", "2.0"]) == ["0.5", "-.25", "0,75"]
    assert decimals(["1", "2.0", "-3"]) == []
    assert decimals(["0.5", "joy"]) == []


def test_labels_that_are_spelt_alike():
    names = ["Happy", "happy", "HAPPY", "sad", "very sad", "Very_Sad", "1", "1.0", "2", "ss", "ß"]
    assert alike(Counter(names)) == [
        ["1", "1.0"], ["HAPPY", "Happy", "happy"], ["Very_Sad", "very sad"], ["ss", "ß"]
    ]  # fmt: skip


def test_lists_and_probabilities_in_json_lines_are_named(tmp_path):
    values = ["joy", 3, 0.5, None, ["joy", "sad"], {"joy": 0.5}, True]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"emotion": value}) for value in values))
    mistakes = []
    table = read_json_lines(path, mistakes)
    assert read_labels(table, mistakes) == ["joy", "3", "0.5", "", "", "", ""]
    assert [mistake.line for mistake in mistakes] == [5, 6, 7]
    assert "multi-label and soft labels are not supported" in mistakes[0].expected
