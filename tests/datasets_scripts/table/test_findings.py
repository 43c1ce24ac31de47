"""What is no mistake in a table, but probably not meant."""

import pytest

from synctva.datasets_scripts.table.findings import repetitions
from synctva.datasets_scripts.table.loading import load_table, read_table
from tests.support.corpora import write_csv

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]
ORDER = "rows are read in the order of the file"


@pytest.fixture
def warn(tmp_path):
    """Return the warnings of a table without splits, or of one with these further columns."""

    def reader(rows, header=HEADER, label_names=None):
        return read_table(write_csv(tmp_path / "own.csv", header, rows), label_names).warnings

    return reader


def conversations(count=4, turns=3):
    return [
        [f"d{d}", t, "ann", f"Text {d} {t}.", ("calm", "glad")[t % 2]]
        for d in range(count)
        for t in range(turns)
    ]


def test_a_sound_table_gives_no_warning(warn):
    rows = [[*row, 2 * row[1], 2 * row[1] + 1] for row in conversations()]
    assert warn(rows, [*HEADER, "start", "end"]) == []


def test_rows_out_of_order_are_counted(warn):
    rows = [[*row, 2 * row[1], ""] for row in conversations(5)]
    rows[0], rows[1] = rows[1], rows[0]
    rows[3], rows[5] = rows[5], rows[3]
    times, numbers = warn(rows, [*HEADER, "start", "end"])
    assert times == (
        "own.csv: in 2 of 5 conversations the start times run backwards, such as conversation "
        f"'d0', line 3: 0 after 2; {ORDER}"
    )
    assert "the numbers in utterance_id run backwards, such as conversation 'd0', line 3" in numbers


def test_what_orders_nothing_gives_no_warning(warn):
    rows = conversations()
    for row, name in zip(rows, ["b", "a", "c"] * 4, strict=True):
        row[1] = name
    assert warn(rows) == []
    for row, name in zip(rows, ["a2", "b1", "a3"] * 4, strict=True):  # two series
        row[1] = name
    assert warn(rows) == []
    rows = [[*row, start] for row, start in zip(rows, ["", 3, ""] * 4, strict=True)]
    assert warn(rows, [*HEADER, "start"]) == []
    # Rows of other conversations may lie between.
    rows = [row for t in range(3) for row in conversations()[t::3]]
    assert warn(rows) == []


def test_numbers_with_a_name_before_them_are_an_order_too(warn):
    rows = conversations()
    for row in rows:
        row[1] = f"{row[0]}_{10 - row[1]}"
    (numbers,) = warn(rows)
    assert numbers.startswith("own.csv: in 4 of 4 conversations the numbers in utterance_id run")
    assert "line 3: 9 after 10" in numbers


@pytest.mark.parametrize(
    ("labels", "group"),
    [
        (("Happy", "happy", "HAPPY"), "'HAPPY' (4), 'Happy' (4), 'happy' (4)"),
        (("very sad", "very  sad", "glad"), "'very  sad' (4), 'very sad' (4)"),
        (("1", "1.0", "2"), "'1' (4), '1.0' (4)"),
        (("so-so", "So_So", "glad"), "'So_So' (4), 'so-so' (4)"),
    ],
)
def test_labels_spelt_alike(warn, labels, group):
    rows = conversations()
    for row, label in zip(rows, labels * 4, strict=True):
        row[4] = label
    (found,) = warn(rows)
    assert found.startswith("labels that differ only in case, space or digits are classes of their")
    assert found.endswith(group)


def test_rare_labels_decimals_and_columns_that_mean_nothing(warn, tmp_path):
    rows = [[*row, "x", 0] for row in conversations()]
    rows[0][4] = "fear"
    found = warn(rows, [*HEADER, "annotator", "channel"], ["calm", "glad", "fear", "awe"])
    assert found[:2] == [
        "own.csv: columns that are not read: 'annotator'",
        "own.csv: 'channel' is not read: there is no media_path",
    ]
    assert "labels that occur once: 'fear'" in found
    assert found[-1].startswith("labels of no training utterance: ")
    assert "'awe'" in found[-1]
    rows = conversations()
    for row in rows:
        row[4] = "0.5" if row[4] == "calm" else "1"
    assert warn(rows) == [
        "labels are decimal numbers (0.5): each is read as a class, because regression is not "
        "supported"
    ]


def test_a_folder_names_what_it_does_not_read(tmp_path):
    for split in ("train", "validation"):
        rows = [[f"{split}{row[0]}", *row[1:], "test"] for row in conversations()]
        write_csv(tmp_path / f"{split}.csv", [*HEADER, "split"], rows)
    write_csv(tmp_path / "old_train.csv", HEADER, conversations())
    warnings = read_table(tmp_path).warnings
    assert warnings[0].startswith(f"{tmp_path}: not read: old_train.csv; ")
    assert [w.split(", but")[0] for w in warnings[1:]] == [
        "train.csv: 12 rows of another split", "validation.csv: 12 rows of another split"
    ]  # fmt: skip


def test_loading_warns_of_the_same(tmp_path, caplog):
    rows = conversations()
    rows.reverse()
    path = write_csv(tmp_path / "own.csv", HEADER, rows)
    load_table(path, cache_dir=tmp_path / "cache")
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == read_table(
        path
    ).warnings
    caplog.clear()
    load_table(path, cache_dir=tmp_path / "cache")  # from the cache
    assert ORDER in caplog.text


@pytest.mark.parametrize(
    ("label", "found"),
    [("joy;anger", "= 'joy;anger'"), ("['joy']", "= \"['joy']\""), ("0.1 0.9", "= '0.1 0.9'")],
)
def test_several_labels_in_a_cell_are_refused(tmp_path, label, found):
    rows = conversations()
    rows[0][4] = label
    path = write_csv(tmp_path / "own.csv", HEADER, rows)
    with pytest.raises(ValueError, match="multi-label and soft labels are not supported") as caught:
        read_table(path)
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.column, mistake.found) == (2, "emotion", found)
    # Unless that is what the user calls a class.
    assert read_table(path, ["calm", "glad", label]).label_names == ("calm", "glad", label)


def test_a_measure_is_refused_as_classes(tmp_path):
    rows = conversations(10)
    for index, row in enumerate(rows):
        row[4] = round(index / 15 - 1, 2)
    path = write_csv(tmp_path / "own.csv", HEADER, rows)
    with pytest.raises(ValueError, match="regression is not supported") as caught:
        read_table(path)
    (mistake,) = caught.value.mistakes
    assert mistake.found.startswith("has 30 different numbers, such as -0.")


def test_whole_numbers_keep_their_order(tmp_path):
    rows = conversations()
    for row, label in zip(rows, (10, 0, 2) * 4, strict=True):
        row[4] = label
    path = write_csv(tmp_path / "own.csv", HEADER, rows)
    assert read_table(path).label_names == ("0", "2", "10")


def test_what_dev_and_test_share_with_train():
    def rows(*utterances):
        texts, speakers = zip(*utterances, strict=True)
        return [{"texts": list(texts), "speakers": list(speakers)}]

    found = repetitions(
        {
            "train": rows(("The bus leaves at nine today.", "Ann"), ("Yes!", "Bo"), ("", "")),
            "dev": rows(("the bus  leaves, at NINE today", "Cy"), ("yes", ""), ("New.", "Bo")),
            "test": rows(("Other.", "Di"), ("", "")),
        }
    )
    assert found == [
        "2 of 3 utterances of dev also stand in train, 1 of them with at least 5 words: "
        "'the bus  leaves, at NINE today', 'yes'",
        "1 of 2 speakers of dev are in train too: 'Bo'",
    ]
    assert repetitions({"test": rows(("Hi.", "Ann"))}) == []


@pytest.mark.parametrize("cell", ["nan", "N/A", "unknown", "-"])
def test_labels_that_look_like_missing_ones(tmp_path, cell):
    rows = conversations()
    for row in rows[::3]:
        row[4] = cell
    found = read_table(write_csv(tmp_path / "own.csv", HEADER, rows)).warnings
    assert (
        f"labels that look like missing ones are classes: '{cell}' (4); an empty cell is an "
        "utterance without a label" in found
    )


def test_a_single_label(tmp_path):
    rows = conversations()
    for row in rows:
        row[4] = "calm"
    found = read_table(write_csv(tmp_path / "own.csv", HEADER, rows)).warnings
    assert "there is one label, 'calm', and nothing to tell apart" in found
