"""Features of a table in their three forms, and the mistakes that they may have."""

import json

import numpy as np
import pytest

from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.table.features import read_features, stack_features
from synctva.datasets_scripts.table.json_rows import read_json_lines
from synctva.datasets_scripts.table.paths import path_column
from tests.support.corpora import write_csv

VALUES = np.array([[1.5, -2.0], [np.nan, np.nan], [0.1, 3.0]])


@pytest.fixture
def read(tmp_path):
    """Read the audio features of a table of these objects, written as JSON lines or as a CSV."""

    def reader(rows, mistakes, name="train.jsonl"):
        path = tmp_path / name
        if path.suffix == ".csv":
            header = list(rows[0])
            table = read_csv(write_csv(path, header, [list(row.values()) for row in rows]))
        else:
            path.write_text("\n".join(map(json.dumps, rows)))
            table = read_json_lines(path, mistakes)
        return read_features(table, "audio", mistakes)

    return reader


def in_columns(values, names=("audio_a", "audio_b")):
    cells = [["" if np.isnan(v) else repr(float(v)) for v in row] for row in values]
    return [dict(zip(names, row, strict=True)) for row in cells]


def in_lists(values):
    return [{"audio_features": None if np.isnan(v).all() else v.tolist()} for v in values]


def in_files(values, folder, dtype=np.float64):
    rows = []
    for index, vector in enumerate(values):
        rows.append({"audio_file": None if np.isnan(vector).all() else f"v/{index}.npy"})
        (folder / "v").mkdir(exist_ok=True)
        np.save(folder / "v" / f"{index}.npy", np.nan_to_num(vector).astype(dtype))
    return rows


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64])
def test_the_forms_agree(read, tmp_path, dtype):
    values = VALUES if dtype != np.int64 else VALUES.round()
    values = np.where(np.isnan(values), np.nan, np.nan_to_num(values).astype(dtype))
    mistakes = []
    features = [
        read(in_columns(values), mistakes, "train.csv"),
        read(in_lists(values), mistakes, "dev.jsonl"),
        read(in_files(values, tmp_path, dtype), mistakes, "test.jsonl"),
    ]
    for order in (features, features[::-1]):
        stack = stack_features(order, mistakes)
        for array in stack.arrays.values():
            np.testing.assert_array_equal(array, values)
    assert stack.names == ("audio_a", "audio_b")
    assert features[2].vector_files == (tmp_path / "v/0.npy", tmp_path / "v/2.npy")
    assert not mistakes


def test_columns_are_matched_by_name(read):
    mistakes = []
    first = read(in_columns(VALUES), mistakes, "train.csv")
    swapped = in_columns(VALUES[:, ::-1], ("audio_b", "audio_a"))
    stack = stack_features([first, read(swapped, mistakes, "dev.csv")], mistakes)
    train, dev = stack.arrays.values()
    np.testing.assert_array_equal(train, dev)
    other = read(in_columns(VALUES, ("audio_a", "audio_c")), mistakes, "dev.csv")
    assert not mistakes
    stack_features([first, other], mistakes)
    assert [m.found for m in mistakes] == [
        "lacks the feature column 'audio_b' of train.csv",
        "has the feature column 'audio_c', which train.csv lacks",
    ]


def test_a_table_without_the_modality_has_none(read):
    mistakes = []
    bare = read([{"text": "Hi."}], mistakes)
    masked = read([{"audio_features": None}], mistakes, "dev.jsonl")
    assert stack_features([bare, masked], mistakes) is None
    assert not mistakes
    stack_features([bare, read(in_lists(VALUES), mistakes, "dev.jsonl")], mistakes)
    (mistake,) = mistakes
    assert mistake.found.startswith("lacks audio features, which ")
    assert "dev.jsonl, line 1 has" in mistake.found


@pytest.mark.parametrize("form", [in_columns, in_lists])
def test_another_width_than_the_first_is_named(read, form):
    mistakes = []
    first = read([{"audio_features": [1, 2, 3]}], mistakes)
    name = "dev.csv" if form is in_columns else "dev.jsonl"
    stack_features([first, read(form(VALUES), mistakes, name)], mistakes)
    lines = [None] if form is in_columns else [1, 3]
    assert [mistake.line for mistake in mistakes] == lines
    assert "2" in mistakes[0].found
    assert mistakes[0].expected.startswith("3, as ")
    assert mistakes[0].expected.endswith("train.jsonl, line 1 has")


def test_two_forms_in_one_table_and_lists_in_a_csv_are_refused(read):
    mistakes = []
    read([{"audio_a": 1, "audio_file": "a.npy"}], mistakes)
    read([{"audio_features": "[1, 2]"}], mistakes, "train.csv")
    assert [(m.column, m.found) for m in mistakes] == [
        (None, "has audio features in 'audio_a' and in 'audio_file'"),
        ("audio_features", "is in a CSV, without lists"),
    ]


class Unwanted:
    """Leaves a trace if it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


def test_files_without_a_vector_are_named_and_no_pickle_is_executed(read, tmp_path):
    trace = tmp_path / "trace"
    arrays = {
        "matrix": np.ones((1, 2)),
        "scalar": np.array(1.0),
        "empty": np.ones(0),
        "words": np.array(["1", "2"]),
        "truth": np.array([True, False]),
        "complex": np.array([1j]),
        "nan": np.array([1.0, np.nan]),
        "inf": np.array([-np.inf, 1.0]),
        "large": np.array([1.0, 1e39]),
        "objects": np.array([Unwanted(trace)], dtype=object),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.savez(tmp_path / "archive.npy.npz", np.ones(2))
    (tmp_path / "archive.npy.npz").rename(tmp_path / "archive.npy")
    (tmp_path / "text.npy").write_text("no array")
    whole = (tmp_path / "nan.npy").read_bytes()
    (tmp_path / "half.npy").write_bytes(whole[:-9])
    (tmp_path / "huge.npy").write_bytes(whole.replace(b"(2,)", b"(9999999999999,)"))
    (tmp_path / "folder.npy").mkdir()
    names = [*arrays, "archive", "text", "half", "huge", "folder", "missing"]
    mistakes = []
    features = read([{"audio_file": f"{name}.npy"} for name in names], mistakes)
    assert features.values == [None] * len(names)
    assert not trace.exists()
    found = {names[m.line - 1]: m.found for m in mistakes}
    assert len(mistakes) == len(found) == len(names)
    assert found["matrix"] == "has an array of shape (1, 2)"
    assert found["words"] == "= 'words.npy', which has values of type <U1"
    assert found["nan"] == "has nan at position 1 of its vector"
    assert found["inf"] == "has -inf at position 0 of its vector"
    assert found["missing"] == "= 'missing.npy', which is missing"


@pytest.mark.parametrize(
    "path",
    ["/etc/a.npy", "../a.npy", "v/../../a.npy", "..\\a.npy", "C:\\a.npy", "c:a.npy", "\\\\h\\s\\a"],
)
@pytest.mark.parametrize("column", ["audio_file", "media_path"])
def test_a_path_that_leaves_the_folder_is_named(tmp_path, path, column):
    (tmp_path / "table").mkdir()
    table = read_csv(write_csv(tmp_path / "table" / "a.csv", ["text", column], [["Hi.", path]]))
    mistakes = []
    assert path_column(table, column, mistakes) == [None]
    (mistake,) = mistakes
    assert (mistake.line, mistake.column) == (2, column)
    assert mistake.found == f"= {path!r}, which leads out of the table's folder"


@pytest.mark.parametrize("column", ["audio_file", "media_path"])
def test_a_link_that_leaves_the_folder_is_named(tmp_path, column):
    """A stranger's archive may contain links."""
    folder = tmp_path / "table"
    (folder / "inside").mkdir(parents=True)
    np.save(tmp_path / "secret.npy", np.ones(2))
    np.save(folder / "inside" / "own.npy", np.ones(2))
    (folder / "link.npy").symlink_to(tmp_path / "secret.npy")
    (folder / "above").symlink_to("..")
    (folder / "within").symlink_to("inside")
    cells = ["link.npy", "above/secret.npy", "within/own.npy", "inside/own.npy"]
    path = write_csv(folder / "a.csv", ["text", column], [["Hi.", cell] for cell in cells])
    mistakes = []
    paths = path_column(read_csv(path), column, mistakes)
    assert paths == [None] * 2 + [folder / cell for cell in cells[2:]]
    by_link = "= {!r}, which leads out of the table's folder by a link"
    assert [m.found for m in mistakes] == [by_link.format(cell) for cell in cells[:2]]
    # The folder itself may be reached by a link.
    (tmp_path / "mounted").symlink_to(folder)
    mistakes = []
    assert path_column(read_csv(tmp_path / "mounted" / "a.csv"), column, mistakes)[2:] == [
        tmp_path / "mounted" / cell for cell in cells[2:]
    ]
    assert len(mistakes) == 2


@pytest.mark.parametrize("name", ["a\0.npy", "x" * 5_000 + ".npy", "x/" * 3_000, "circle.npy"])
@pytest.mark.parametrize("column", ["audio_file", "media_path"])
def test_a_name_that_no_file_can_have_is_a_mistake(tmp_path, name, column):
    (tmp_path / "circle.npy").symlink_to("circle.npy")
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({column: name}))
    mistakes = []
    table = read_json_lines(path, mistakes)
    (place,) = path_column(table, column, mistakes)
    assert place is None or not place.is_file()
    read_features(table, "audio", mistakes)
    assert {m.column for m in mistakes} <= {column} and all(len(m.found) < 200 for m in mistakes)
    assert mistakes or column == "media_path"  # missing media are only noted


@pytest.mark.parametrize("name", ["http://example.org/a.npy", "file:///etc/passwd", "s3://b/a.npy"])
def test_an_address_is_not_fetched(tmp_path, read, name):
    mistakes = []
    assert read([{"audio_file": name}], mistakes).values == [None]
    relative = str(tmp_path / name).removeprefix(f"{tmp_path}/")
    assert mistakes[0].found == f"= {relative!r}, which is missing"


def test_a_path_inside_the_folder_is_resolved(tmp_path):
    cells = [["v/a..b.npy"], [" v/c d.npy "], [""]]
    table = read_csv(write_csv(tmp_path / "a.csv", ["media_path", "b"], [[*c, "x"] for c in cells]))
    mistakes = []
    expected = [tmp_path / "v" / "a..b.npy", tmp_path / "v" / "c d.npy", None]
    assert path_column(table, "media_path", mistakes) == expected
    assert path_column(table, "audio_file", mistakes) == [None] * 3
    assert not mistakes
