"""Splits of a table: those that the data names, and those drawn by conversation."""

import random

import pytest

from synctva.datasets_scripts.table.splits import find_files, read_splits, unread_tables
from tests.support.corpora import write_csv

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]


def rows_of(names, splits=None):
    """Return rows with two utterances per conversation and, if splits are given, their column."""
    rows = [[name, u, "ann", f"Hi {name}.", "calm"] for name in names for u in range(2)]
    return [[*row, splits[i // 2]] for i, row in enumerate(rows)] if splits else rows


@pytest.fixture
def read(tmp_path):
    """Read one file; return the conversations of each split, and the mistakes."""

    def reader(rows, seed=0, header=HEADER):
        mistakes = []
        table = read_splits(write_csv(tmp_path / "all.csv", header, rows), seed, mistakes)
        names = {
            split: [part.file.cells["dialogue_id"][rows[0]] for rows in part.conversations]
            for split, part in table.parts.items()
        }
        return names, mistakes

    return reader


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(3, (1, 1, 1)), (4, (2, 1, 1)), (14, (12, 1, 1)), (20, (16, 2, 2)), (101, (81, 10, 10))],
)
def test_a_tenth_of_the_conversations_each_is_dev_and_test(read, count, sizes):
    names, mistakes = read(rows_of([f"d{i}" for i in range(count)]))
    assert not mistakes
    assert list(names) == ["train", "dev", "test"]
    assert tuple(map(len, names.values())) == sizes
    assert {name for split in names.values() for name in split} == {f"d{i}" for i in range(count)}


def test_the_draw_depends_on_seed_and_names_not_on_the_order_of_rows(read):
    rows = rows_of([f"d{i}" for i in range(50)])
    names, _ = read(rows)
    shuffled = random.Random(1).sample(rows, len(rows))
    again, _ = read(shuffled)
    assert {split: set(found) for split, found in again.items()} == {
        split: set(found) for split, found in names.items()
    }
    order = list(dict.fromkeys(row[0] for row in shuffled))
    assert again["train"] == [name for name in order if name in again["train"]]
    assert read(rows, seed=1)[0] != names
    # One more conversation moves no more than the two at the borders of the splits.
    more, _ = read([*rows, *rows_of(["new"])])
    for split in ("dev", "test"):
        assert len(set(more[split]) ^ set(names[split])) <= 4


def test_too_few_conversations_are_named(read):
    _, (mistake,) = read(rows_of(["a", "b"]))
    assert mistake.found == "has 2 conversations and no column 'split'"
    assert mistake.expected.startswith("at least 3, one for each of train, dev, test")


def test_the_column_names_the_splits(read):
    splits = ["test", "train", "train"]
    names, mistakes = read(rows_of("abc", splits), header=[*HEADER, "split"])
    assert names == {"train": ["b", "c"], "test": ["a"]}
    assert not mistakes
    rows = rows_of("abcd", ["dev", "train", "", "held out"])
    rows[1][-1] = "test"
    names, mistakes = read(rows, header=[*HEADER, "split"])
    assert names["train"] == ["b"]
    assert [(m.line, m.found) for m in mistakes] == [
        (6, "= ''"),
        (7, "= ''"),
        (8, "= 'held out'"),
        (9, "= 'held out'"),
        (3, "= 'test'"),
    ]
    assert mistakes[-1].expected == "'dev', as in the first row of conversation 'a'"


@pytest.mark.parametrize("name", ["dev", "validation", "valid", "val", "Validation", "VAL"])
def test_other_names_of_dev(read, tmp_path, name):
    header = [*HEADER, "split"]
    assert read(rows_of("ab", ["train", name]), header=header)[0] == {"train": ["a"], "dev": ["b"]}
    folder = tmp_path / "folder"
    folder.mkdir()
    paths = {split: folder / f"{split}.tsv" for split in ("train", name)}
    for path in paths.values():
        path.write_text("")
    assert find_files(folder) == find_files(paths) == {"train": paths["train"], "dev": paths[name]}
    (folder / "dev.jsonl").write_text("")
    if name != "dev":
        with pytest.raises(ValueError, match="expected one file per split"):
            find_files(folder)


def test_a_file_that_is_not_divided_is_one_split(tmp_path):
    path = write_csv(tmp_path / "held_out.csv", HEADER, rows_of("abcdef"))
    mistakes = []
    table = read_splits(path, 0, mistakes, undivided="test")
    assert {split: len(part.conversations) for split, part in table.parts.items()} == {"test": 6}
    assert table.notes == ["held_out.csv has no column 'split': all of it is test"]
    splits = ["dev", "dev", "test", "test", "train", "train"]
    write_csv(path, [*HEADER, "split"], rows_of("abcdef", splits))
    divided = read_splits(path, 0, mistakes, undivided="test")
    assert {split: len(part.conversations) for split, part in divided.parts.items()} == {
        "train": 2, "dev": 2, "test": 2,
    }  # fmt: skip
    assert not mistakes


def test_tables_of_a_folder_that_are_not_read_are_named(tmp_path):
    for name in ("train.csv", "test.csv", "extra.csv", "more.parquet", "notes.txt", ".hidden.csv"):
        (tmp_path / name).write_text("")
    unread = unread_tables(tmp_path, find_files(tmp_path))
    assert unread.startswith(f"{tmp_path}: not read: extra.csv, more.parquet; ")
    (tmp_path / "extra.csv").unlink(), (tmp_path / "more.parquet").unlink()
    assert unread_tables(tmp_path, find_files(tmp_path)) == ""


def test_a_conversation_in_the_files_of_two_splits_is_named(tmp_path):
    paths = {
        "train": write_csv(tmp_path / "train.csv", HEADER, rows_of("ab")),
        "dev": write_csv(tmp_path / "dev.csv", HEADER, rows_of("bc")),
    }
    mistakes = []
    read_splits(paths, 0, mistakes)
    (mistake,) = mistakes
    assert (mistake.path, mistake.line) == (paths["dev"], 2)
    assert mistake.found == "= 'b'"
    assert mistake.expected == "a conversation in one split, train has it with the same texts"
    # The same name with other texts is another conversation.
    rows = [[*row[:3], "Something else.", "calm"] for row in rows_of("ab")]
    write_csv(paths["dev"], HEADER, rows)
    mistakes.clear()
    table = read_splits(paths, 0, mistakes)
    assert not mistakes
    assert [part.rows for part in table.parts.values()] == [[0, 1, 2, 3]] * 2


def test_files_are_found(tmp_path):
    train, test = tmp_path / "train.csv", tmp_path / "test.JSONL"
    for path in (train, test, tmp_path / "notes.txt"):
        path.write_text("")
    assert find_files(str(train)) == train
    assert find_files({"test": test, "train": str(train)}) == {"train": train, "test": test}
    assert list(find_files({"test": test, "train": train})) == ["train", "test"]
    dev = tmp_path / "dev.jsonl"
    dev.write_text("")
    assert find_files(tmp_path) == {"train": train, "dev": dev, "test": test}
    (tmp_path / "dev.csv").write_text("")
    with pytest.raises(
        ValueError, match=r"has dev\.csv and dev\.jsonl: expected one file per split"
    ):
        find_files(tmp_path)
    for data in (tmp_path / "notes.txt", {"dev": tmp_path / "notes.txt"}):
        with pytest.raises(
            ValueError, match=r"notes\.txt: expected a file named \*\.csv or \*\.tsv or \*\.jsonl"
        ):
            find_files(data)
    for data in (tmp_path / "gone.csv", {"dev": tmp_path / "gone.csv"}):
        with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
            find_files(data)
    with pytest.raises(ValueError, match=r"splits of data = \[\]: expected some of train"):
        find_files({})
