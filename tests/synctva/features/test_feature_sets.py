import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import DatasetDict, load_dataset
from huggingface_hub import DatasetCard
from huggingface_hub.utils import filter_repo_objects

from synctva.features import feature_sets
from synctva.features.feature_sets import (
    SCHEMA_FILE,
    check_feature_set,
    load_feature_set,
    push_feature_set,
    read_schema,
    stream_feature_set,
    write_feature_set,
)
from synctva.modeling_synctva.text_weights import file_sha256
from tests.support.toy import LABELS, WIDTHS, toy_dataset

ENCODERS = {name: f"toy {name}" for name in WIDTHS}


@pytest.fixture
def data():
    return DatasetDict({"train": toy_dataset(9), "dev": toy_dataset(3, seed=1)})


@pytest.fixture
def folder(tmp_path, data):
    folder = tmp_path / "features"
    write_feature_set(data, folder, encoders=ENCODERS, source="Toy", conversations_per_file=4)
    return folder


def test_a_written_feature_set_is_read_back(folder, data, tmp_path):
    names = sorted(path.name for path in (folder / "data").iterdir())
    assert names == [
        "dev-00000-of-00001.parquet",
        *(f"train-0000{i}-of-00003.parquet" for i in range(3)),
    ]
    for loaded in (
        load_feature_set(folder, cache_dir=str(tmp_path / "one")),
        load_dataset(str(folder), cache_dir=str(tmp_path / "two")),  # only by the card
    ):
        assert list(loaded) == ["train", "dev"]
        for split in data:
            assert loaded[split].features == data[split].features
            assert loaded[split][:] == data[split][:]
    streamed = load_dataset(str(folder), streaming=True)["train"]
    assert list(streamed) == list(data["train"])
    ids = sorted(row["dialogue_id"] for row in stream_feature_set(folder))
    assert ids == sorted(data["train"]["dialogue_id"])


def test_the_schema_describes_the_data(folder, data):
    schema = read_schema(folder)
    assert schema["label_names"] == list(LABELS)
    assert schema["modalities"]["audio"] == {"width": WIDTHS["audio"], "encoder": "toy audio"}
    assert schema["splits"]["dev"]["conversations"] == 3
    counts = schema["splits"]["train"]["label_counts"]
    assert sum(counts.values()) == schema["splits"]["train"]["utterances"]
    assert list(counts) == list(LABELS)


def test_the_card_is_valid_and_names_the_encoders(folder):
    card = DatasetCard.load(folder / "README.md")
    assert card.data.configs[0]["data_files"][0] == {
        "split": "train",
        "path": "data/train-*.parquet",
    }
    assert "| audio | 5 | toy audio |" in card.text
    assert "Out of scope" in card.text


def test_changed_truncated_and_missing_files_are_refused(folder):
    path = folder / "data" / "dev-00000-of-00001.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(ValueError, match=r"dev-00000-of-00001\.parquet: SHA-256 differs"):
        load_feature_set(folder)
    path.write_bytes(whole[:-7])
    with pytest.raises(ValueError, match=rf"has {len(whole) - 7} bytes: expected {len(whole)}"):
        check_feature_set(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="dev-00000-of-00001"):
        check_feature_set(folder)


def test_bad_schemas_are_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=SCHEMA_FILE):
        read_schema(tmp_path)
    schema = read_schema(folder)
    (folder / SCHEMA_FILE).write_text(json.dumps({**schema, "version": 9}))
    with pytest.raises(ValueError, match="version = 9: expected 1"):
        read_schema(folder)
    for name in ("data/../../secret.parquet", "/etc/passwd", "data/train-0.pkl", "..\\a.parquet"):
        (folder / SCHEMA_FILE).write_text(json.dumps({**schema, "files": {name: {}}}))
        with pytest.raises(ValueError, match=r"expected data/<name>\.parquet"):
            stream_feature_set(folder)
    (folder / SCHEMA_FILE).write_text("[]")
    with pytest.raises(ValueError, match="not a feature set's schema"):
        read_schema(folder)


def test_nothing_is_overwritten_or_left_incomplete(folder, data, tmp_path):
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        write_feature_set(data, folder, encoders=ENCODERS, source="Toy")
    with pytest.raises(ValueError, match="encoders names"):
        write_feature_set(data, tmp_path / "new", encoders={"text": "x"}, source="Toy")
    assert [path.name for path in tmp_path.iterdir()] == ["features"]


def test_a_kill_while_writing_leaves_no_folder(tmp_path):
    program = f"""
import os
from datasets import DatasetDict
from synctva.features import feature_sets
from tests.support.toy import toy_dataset
feature_sets.dataset_card = lambda schema: os.kill(os.getpid(), 9)
data = DatasetDict(train=toy_dataset(3))
feature_sets.write_feature_set(data, {str(tmp_path / "new")!r}, encoders={ENCODERS!r}, source="Toy")
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert not (tmp_path / "new").exists()


def test_an_unknown_split_is_refused(folder):
    with pytest.raises(ValueError, match="no split 'test': expected one of train, dev"):
        stream_feature_set(folder, "test")


def test_features_are_given_by_the_names_that_a_model_reads(data, tmp_path, caplog):
    names = {"audio": [f"audio_{letter}" for letter in "abcde"]}
    folder = tmp_path / "named"
    schema = write_feature_set(data, folder, encoders=ENCODERS, source="Toy", names=names)
    assert schema["modalities"]["audio"]["names"] == names["audio"]
    assert "names" not in schema["modalities"]["text"]
    given = np.array(data["dev"][0]["audio_features"], dtype=np.float32)
    for wanted, order in (("abcde", [0, 1, 2, 3, 4]), ("edcba", [4, 3, 2, 1, 0]), ("db", [3, 1])):
        loaded = load_feature_set(
            folder, keep_in_memory=True, cache_dir=tmp_path, feature_names={"audio": list(wanted)}
        )
        np.testing.assert_array_equal(loaded["dev"][0]["audio_features"], given[:, order])
    assert "audio_a, audio_c, audio_e: audio features that the model does not read" in caplog.text
    with pytest.raises(ValueError, match="lacks the audio feature 'f', which the model reads"):
        load_feature_set(folder, cache_dir=tmp_path, feature_names={"audio": ["a", "f"]})
    with pytest.raises(ValueError, match="names has 2 of audio features: expected 5"):
        write_feature_set(
            data, tmp_path / "x", encoders=ENCODERS, source="Toy", names={"audio": ["a", "b"]}
        )


def test_no_path_is_written_or_uploaded(data, tmp_path, monkeypatch):
    secret = str(tmp_path / "clips" / "a.wav")

    def add(row):
        return {"media_paths": [secret] * len(row["texts"])}

    with_paths = DatasetDict(
        {split: rows.map(add, load_from_cache_file=False) for split, rows in data.items()}
    )
    folder = tmp_path / "features"
    write_feature_set(with_paths, folder, encoders=ENCODERS, source="Toy")
    loaded = load_feature_set(folder, cache_dir=tmp_path / "cache", keep_in_memory=True)
    assert loaded["dev"][:] == data["dev"][:]
    assert loaded["dev"].features == data["dev"].features
    (folder / "skipped.csv").write_text(secret)

    uploaded = []

    class Hub:
        def __init__(self, token):
            pass

        def create_repo(self, *args, **kwargs):
            pass

        def upload_folder(self, *, folder_path, allow_patterns, **kwargs):
            found = (str(path.relative_to(folder_path)) for path in Path(folder_path).rglob("*.*"))
            uploaded.extend(filter_repo_objects(found, allow_patterns=allow_patterns))
            return SimpleNamespace(commit_url="url")

    monkeypatch.setattr(feature_sets, "HfApi", Hub)
    assert push_feature_set(folder, "user/name") == "url"
    assert sorted(uploaded) == sorted(["README.md", SCHEMA_FILE, *read_schema(folder)["files"]])
    for name in uploaded:
        assert secret.encode() not in (folder / name).read_bytes()
    # A set from elsewhere may have paths.
    file = next(iter(read_schema(folder)["files"]))
    with_paths["train"].to_parquet(folder / file)
    schema = read_schema(folder)
    sizes = {"bytes": (folder / file).stat().st_size, "sha256": file_sha256(folder / file)}
    schema["files"][file] = sizes
    (folder / SCHEMA_FILE).write_text(json.dumps(schema))
    with pytest.raises(ValueError, match=r"has media_paths such as .*a\.wav: expected none"):
        push_feature_set(folder, "user/name")
