"""Your own conversations from CSV or JSON lines: in a folder, by split, or in one file."""

import json

import numpy as np
import pytest

from synctva.datasets_scripts import load_table
from synctva.datasets_scripts.table.checking import TableError
from synctva.datasets_scripts.table.loading import read_table
from tests.support.corpora import write_csv

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion", "audio_f0", "audio_f1"]
TRAIN = [
    ["a", "0", "ann", "Hello.", "glad", 1, 2],
    ["b", "0", "bo", "No way.", "calm", 3, ""],
    ["a", "1", "bo", "", "calm", "", ""],
]
DEV = [["c", "0", "ann", "Good.", "glad", "", 4]]


@pytest.fixture
def folder(tmp_path):
    write_csv(tmp_path / "train.csv", HEADER, TRAIN)
    write_csv(tmp_path / "dev.csv", HEADER, DEV)
    return tmp_path


@pytest.fixture
def load(tmp_path):
    return lambda data, *args, **options: load_table(
        data, *args, cache_dir=tmp_path / "cache", **options
    )


def columns_of(splits):
    return {name: rows[:] for name, rows in splits.items()}


def test_a_folder(load, folder):
    splits = load(folder)
    assert list(splits) == ["train", "dev"]
    assert splits["train"].features["labels"].feature.names == ["calm", "glad"]
    row = splits["train"][0]
    assert row["utterance_ids"] == ["0", "1"]
    assert row["labels"] == [1, 0]
    assert row["modality_mask"] == [[True, False, True], [False, False, False]]
    assert splits["train"][1]["audio_features"] == [[3.0, 2.0]]
    assert splits["dev"][0]["audio_features"] == [[2.0, 4.0]]


def test_one_file_with_a_split_column_and_files_by_split(load, folder):
    rows = [["train", *row] for row in TRAIN] + [["dev", *row] for row in DEV]
    path = write_csv(folder / "all.csv", ["split", *HEADER], rows)
    expected = load(folder)
    files = {"train": folder / "train.csv", "dev": folder / "dev.csv"}
    for splits in (load(path), load(files)):
        assert columns_of(splits) == columns_of(expected)


def test_given_label_names_fix_the_order(load, folder):
    splits = load(folder, ["glad", "sad", "calm"])
    assert splits["train"][0]["labels"] == [0, 2]
    write_csv(folder / "new.csv", HEADER, [["c", "0", "ann", "Good.", "glad", 1, 1]])
    assert list(load({"test": folder / "new.csv"}, ["glad"])) == ["test"]


def test_a_table_with_only_text(load, tmp_path):
    write_csv(tmp_path / "train.csv", HEADER[:5], [row[:5] for row in TRAIN])
    assert "audio_features" not in load(tmp_path)["train"].column_names


def random_rows(rng):
    """Return rows of twelve conversations with features of all modalities, some missing."""
    rows = []
    for d in range(12):
        for u in range(int(rng.integers(1, 5))):
            start = round(float(rng.random()), 3) if rng.random() < 0.7 else None
            row = {
                "dialogue_id": f"d{d}",
                "utterance_id": str(u),
                "speaker": str(rng.choice(["ann", "bo"])),
                "text": str(rng.choice(["", "Hé, “you”!", "a, b", "two\nlines"])),
                "emotion": str(rng.choice(["calm", "glad"])),
                "start": start,
                "end": None if start is None else start + 1,
                "media_path": str(rng.choice(["", "a.mp4", "gone.mp4"])),
            }
            vectors = {
                modality: rng.normal(size=width) if rng.random() < 0.8 else None
                for modality, width in (("text", 3), ("visual", 1), ("audio", 4))
            }
            rows.append((row, vectors))
    return rows


def write_forms(folder, rows):
    """Write the rows in each form: as CSV and JSON lines, with columns, lists and files."""
    forms = {"columns": [], "lists": [], "files": []}
    for index, (row, vectors) in enumerate(rows):
        forms["lists"].append(row.copy())
        forms["columns"].append(row.copy())
        forms["files"].append(row.copy())
        for modality, vector in vectors.items():
            width = {"text": 3, "visual": 1, "audio": 4}[modality]
            values = [None] * width if vector is None else vector.tolist()
            forms["columns"][-1] |= {f"{modality}_{d}": value for d, value in enumerate(values)}
            forms["lists"][-1][f"{modality}_features"] = None if vector is None else values
            forms["files"][-1][f"{modality}_file"] = f"{modality}{index}.npy"
            if vector is None:
                del forms["files"][-1][f"{modality}_file"]
            else:
                np.save(folder / f"{modality}{index}.npy", vector)
    paths = []
    for form, objects in forms.items():
        paths.append(folder / f"{form}.jsonl")
        paths[-1].write_text("\n".join(map(json.dumps, objects)), encoding="utf-8")
        if form != "lists":
            header = list(dict.fromkeys(key for row in objects for key in row))
            cells = [[row.get(key) for key in header] for row in objects]
            paths.append(write_csv(folder / f"{form}.csv", header, cells))
    return paths


@pytest.mark.parametrize("seed", range(3))
def test_every_form_of_a_table_is_the_same_data(load, tmp_path, seed):
    rows = random_rows(np.random.default_rng(seed))
    (tmp_path / "a.mp4").write_bytes(b"")
    first, *others = write_forms(tmp_path, rows)
    expected = load(first)
    assert len(others) == 4
    for path in others:
        splits = load(path)
        assert columns_of(splits) == columns_of(expected), path
        assert all(splits[name].features == expected[name].features for name in splits)
    # Against the rows themselves.
    found = {
        (row["dialogue_id"], row["utterance_ids"][u]): (row, u)
        for split in expected.values()
        for row in split
        for u in range(len(row["labels"]))
    }
    assert len(found) == len(rows)
    for cells, vectors in rows:
        row, u = found[cells["dialogue_id"], cells["utterance_id"]]
        assert row["texts"][u] == cells["text"]
        assert row["labels"][u] == ["calm", "glad"].index(cells["emotion"])
        assert row["starts"][u] == (cells["start"] and pytest.approx(cells["start"]))
        media = str(tmp_path / "a.mp4") if cells["media_path"] == "a.mp4" else None
        assert row["media_paths"][u] == media
        for m, (modality, vector) in enumerate(vectors.items()):
            assert row["modality_mask"][u][m] == (vector is not None)
            vector = np.zeros(len(row[f"{modality}_features"][u])) if vector is None else vector
            np.testing.assert_array_equal(row[f"{modality}_features"][u], np.float32(vector))


def test_files_of_both_kinds_and_forms_may_be_mixed(load, folder):
    expected = load(folder)
    (folder / "dev.csv").unlink()
    row = dict(zip(HEADER, DEV[0], strict=True)) | {"audio_f0": None}
    (folder / "dev.jsonl").write_text(json.dumps(row))
    assert columns_of(load(folder)) == columns_of(expected)
    del row["audio_f0"], row["audio_f1"]
    (folder / "dev.jsonl").write_text(json.dumps(row | {"audio_features": [2.0, 4.0]}))
    assert columns_of(load(folder)) == columns_of(expected)


def test_a_file_without_splits_is_split_by_seed(load, tmp_path):
    rows = [[f"d{d}", u, "ann", "Hi.", "glad", d, u] for d in range(10) for u in range(2)]
    rows[-1][4] = "calm"
    path = write_csv(tmp_path / "own.csv", HEADER, rows)
    splits = load(path)
    assert {name: len(split) for name, split in splits.items()} == {"train": 8, "dev": 1, "test": 1}
    assert splits["train"].features["labels"].feature.names == ["calm", "glad"]
    drawn = {load(path, seed=seed)["test"][0]["dialogue_id"] for seed in range(6)}
    assert len(drawn) > 1
    notes = read_table(path, seed=3).notes
    assert notes == ["conversations split with seed 3: 8 train, 1 dev, 1 test"]


def test_a_changed_file_is_read_again(load, tmp_path):
    """The cache depends on tables, vectors and clips."""
    rows = [[d, 0, "ann", "Hi.", "glad", f"{d}.npy", "a.mp4"] for d in "abc"]
    for row in rows:
        np.save(tmp_path / row[5], np.ones(2))
    header = [*HEADER[:5], "audio_file", "media_path"]
    path = write_csv(tmp_path / "own.csv", header, rows)
    assert load(path)["train"][0]["audio_features"] == [[1.0, 1.0]]
    missing = f"3 of 3 files in media_path are missing, such as {tmp_path / 'a.mp4'}"
    assert missing in read_table(path).warnings
    for row in rows:
        np.save(tmp_path / row[5], np.zeros(2))
    (tmp_path / "a.mp4").write_bytes(b"")
    row = load(path)["train"][0]
    assert row["audio_features"] == [[0.0, 0.0]]
    assert row["media_paths"] == [str(tmp_path / "a.mp4")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [["c", "0", "ann", "Good.", "bored", 1, 1]],
            "column 'emotion' = 'bored': expected one of calm, glad",
        ),
        (
            [["c", "0", "ann", "Good.", "glad", "x", 1]],
            "column 'audio_f0' = 'x': expected a finite",
        ),
        (
            [DEV[0], DEV[0]],
            "column 'utterance_id' = '0': expected different ids in conversation 'c'",
        ),
    ],
)
def test_a_bad_row_is_named(load, folder, rows, message):
    write_csv(folder / "dev.csv", HEADER, rows)
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_the_mistakes_of_all_files_are_listed_in_order(load, folder):
    write_csv(folder / "train.csv", HEADER, [*TRAIN, ["a", "1", "bo", "", "", "x", ""]])
    write_csv(folder / "dev.csv", HEADER, [["c", "", "ann", "Good.", "bored", 1, "-inf"]])
    with pytest.raises(TableError) as caught:
        load(folder)
    assert [(m.path.name, m.line, m.column) for m in caught.value.mistakes] == [
        ("train.csv", 5, "audio_f0"),
        ("train.csv", 5, "utterance_id"),
        ("dev.csv", 2, "utterance_id"),
        ("dev.csv", 2, "audio_f1"),
        ("dev.csv", 2, "emotion"),
    ]
    assert str(caught.value).startswith("5 mistakes:")


def test_a_gap_that_no_training_value_fills_is_named(load, folder):
    rows = [[*row[:-1], ""] for row in TRAIN]
    write_csv(folder / "train.csv", HEADER, rows)
    message = "train.csv, line 2, column 'audio_f1' is empty: expected a number"
    with pytest.raises(TableError, match=message):
        load(folder)


def test_a_missing_column_is_named(load, folder):
    write_csv(folder / "dev.csv", HEADER[1:], [DEV[0][1:]])
    with pytest.raises(ValueError, match=r"dev\.csv lacks the column 'dialogue_id'"):
        load(folder)
    write_csv(folder / "dev.csv", HEADER[:-1], [[*DEV[0][:5], 1]])
    with pytest.raises(ValueError, match=r"dev\.csv lacks the feature column 'audio_f1'"):
        load(folder)


def test_splits_are_checked(load, folder):
    header = ["split", *HEADER]
    path = write_csv(folder / "all.csv", header, [["held out", *DEV[0]]])
    with pytest.raises(ValueError, match="column 'split' = 'held out': expected one of train, dev"):
        load(path)
    rows = [["train", *TRAIN[0]], ["dev", *TRAIN[2]]]
    with pytest.raises(
        ValueError, match=r"line 3, column 'split' = 'dev': expected 'train', .*conversation 'a'"
    ):
        load(write_csv(folder / "all.csv", header, rows))
    with pytest.raises(ValueError, match=r"splits of data = \['held out'\]"):
        load({"held out": folder / "dev.csv"})
    with pytest.raises(ValueError, match="label_names is missing"):
        load({"dev": folder / "dev.csv"})
    path = write_csv(folder / "all.csv", header, [["dev", *DEV[0][:5], 1, 1]])
    with pytest.raises(ValueError, match=r"column 'split' has no 'train': expected .* label_names"):
        load(path)
    assert list(load(path, ["glad"])) == ["dev"]


def test_a_folder_without_data_is_named(load, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"has no table: expected one of train\.csv, dev\.csv, test\.csv"
    ):
        load(tmp_path)
