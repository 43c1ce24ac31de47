"""Feature sets: conversations with their features as a folder of Parquet files, and back.

A folder contains
    data/<split>-00000-of-00002.parquet   conversations in the schema's columns
    feature_set.json                      label order; width, encoder and, where they are known,
                                          names of each modality's features; size and SHA-256 of
                                          every file
    README.md                             the data set's card, which tells `datasets` the splits
so that `datasets.load_dataset(folder)` reads it without this package, from disk or from the Hub.
A feature set may be shared, so media_paths is empty in it: no path of this machine leaves it.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as compute
import pyarrow.parquet as parquet
from datasets import Dataset, DatasetDict, load_dataset
from huggingface_hub import HfApi
from transformers.utils import logging

from synctva.cards.dataset_card import dataset_card
from synctva.features.feature_names import schema_feature_names, with_features_of
from synctva.files import require_new_folder, written_whole
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.text_weights import file_sha256
from synctva.trainer.collator import MODEL_COLUMNS
from synctva.trainer.statistics import split_size
from synctva.trainer.streaming import ConversationStream

logger = logging.get_logger(__name__)

SCHEMA_FILE = "feature_set.json"
SCHEMA_VERSION = 1
ROW_GROUP = 256
"""Conversations per row group, which is what a stream reads at a time."""


def write_feature_set(
    data: DatasetDict,
    folder: str | os.PathLike,
    *,
    encoders: Mapping[str, str],
    source: str,
    specs: Mapping[str, Any] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    conversations_per_file: int = 10_000,
) -> dict[str, Any]:
    """Write splits of conversations as a feature set, whole or not at all.

    Args:
        data: splits with the columns of `synctva.datasets_scripts.schema`.
        folder: a new or empty folder.
        encoders: names of what made the features, by modality.
        source: where the conversations come from, for the card.
        specs: specs of the encoders, by modality, with which a processor can make such features
            from raw input.
        names: names of the features, by modality, where they are known.
        conversations_per_file: conversations in each Parquet file at most.

    Returns:
        The contents of `feature_set.json`.

    Raises:
        FileExistsError: the folder is not empty.
        ValueError: an encoder is missing, or belongs to a modality without features; or there are
            not as many names as features.
        WriteError: the disk is full or write-protected.
    """
    folder = require_new_folder(folder)
    schema = _describe(data, encoders, source)
    for name, spec in (specs or {}).items():
        schema["modalities"][name]["spec"] = spec
    for name, own in (names or {}).items():
        width = schema["modalities"][name]["width"]
        if len(own) != width:
            raise ValueError(f"names has {len(own)} of {name} features: expected {width}")
        schema["modalities"][name]["names"] = list(own)
    # A folder inside it, which is renamed as a whole.
    with written_whole(folder.parent) as unfinished:
        partial = unfinished / folder.name
        (partial / "data").mkdir(parents=True)
        for split, dataset in data.items():
            schema["files"] |= _write_split(dataset, partial, split, conversations_per_file)
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        (partial / SCHEMA_FILE).write_text(text, encoding="utf-8")
        (partial / "README.md").write_text(str(dataset_card(schema)), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    return schema


def _describe(data: DatasetDict, encoders: Mapping[str, str], source: str) -> dict[str, Any]:
    features = next(iter(data.values())).features
    widths = {
        name: features[f"{name}_features"].feature.length
        for name in MODALITIES
        if f"{name}_features" in features
    }
    if set(encoders) != set(widths):
        raise ValueError(
            f"encoders names {sorted(encoders)}: expected exactly the modalities that have "
            f"features, {sorted(widths)}"
        )
    labels = list(features["labels"].feature.names)
    return {
        "version": SCHEMA_VERSION,
        "source": source,
        "label_names": labels,
        "modalities": {
            name: {"width": width, "encoder": encoders[name]} for name, width in widths.items()
        },
        "splits": {split: split_size(dataset, labels) for split, dataset in data.items()},
        "files": {},
    }


def _write_split(
    dataset: Dataset, folder: Path, split: str, conversations_per_file: int
) -> dict[str, dict[str, Any]]:
    count = max(1, math.ceil(len(dataset) / conversations_per_file))
    files = {}
    for number in range(count):
        name = f"data/{split}-{number:05d}-of-{count:05d}.parquet"
        shard = _without_paths(dataset.shard(count, number, contiguous=True))
        shard.to_parquet(folder / name, batch_size=ROW_GROUP)
        files[name] = {
            "bytes": (folder / name).stat().st_size,
            "sha256": file_sha256(folder / name),
        }
    return files


def _without_paths(dataset: Dataset) -> Dataset:
    if "media_paths" not in dataset.column_names:
        return dataset
    return dataset.map(
        lambda row: {"media_paths": [None] * len(row["media_paths"])},
        features=dataset.features,
        keep_in_memory=True,
        load_from_cache_file=False,
        desc="Paths",
    )


def read_schema(folder: str | os.PathLike) -> dict[str, Any]:
    """Read `feature_set.json` from a folder.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: it is not a feature set's schema, or of a version that this code does not know.
    """
    path = Path(folder) / SCHEMA_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {SCHEMA_FILE}: expected a feature set's folder")
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        version, files = schema["version"], list(map(str, schema["files"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a feature set's schema: {error!r}") from None
    if version != SCHEMA_VERSION:
        raise ValueError(f"{path}: version = {version!r}: expected {SCHEMA_VERSION}")
    for name in files:
        if not re.fullmatch(r"data/[^/\\]+\.parquet", name):
            raise ValueError(f"{path}: files has {name!r}: expected data/<name>.parquet")
    for modality in schema.get("modalities", {}).values():
        if "specification" in modality:  # an older name of the key
            modality["spec"] = modality.pop("specification")
    return schema


def check_feature_set(folder: str | os.PathLike) -> dict[str, Any]:
    """Compare every file with its size and checksum in the schema.

    Returns:
        The schema.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file differs in size or checksum from the one that was written.
    """
    schema = read_schema(folder)
    for name, expected in schema["files"].items():
        path = Path(folder) / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: {SCHEMA_FILE} lists it")
        size = path.stat().st_size
        if size != expected["bytes"]:
            raise ValueError(f"{path} has {size} bytes: expected {expected['bytes']}, was it cut?")
        if file_sha256(path) != expected["sha256"]:
            raise ValueError(f"{path}: SHA-256 differs from that in {SCHEMA_FILE}: was it changed?")
    return schema


def load_feature_set(
    folder: str | os.PathLike,
    splits: Sequence[str] | None = None,
    cache_dir: str | os.PathLike | None = None,
    keep_in_memory: bool = False,
    feature_names: Mapping[str, Sequence[str]] | None = None,
) -> DatasetDict:
    """Check the files of a feature set and load its splits.

    Args:
        folder: of the feature set.
        splits: names of the splits to load; default: all.
        cache_dir: the cache of `datasets` for what it has read; default: its own.
        keep_in_memory: load into memory instead of reading from that cache when needed.
        feature_names: names of the features that a model reads, in its order, by modality. Features
            whose names the set knows are matched by them.

    Raises:
        FileNotFoundError, ValueError: see `check_feature_set`; or there is no such split, or the
            set lacks a feature that the model reads.
    """
    schema = check_feature_set(folder)
    data = load_dataset(
        "parquet",
        data_files={name: _files(folder, schema, name) for name in splits or schema["splits"]},
        cache_dir=None if cache_dir is None else str(cache_dir),
        keep_in_memory=keep_in_memory,
    )
    assert isinstance(data, DatasetDict)
    own = schema_feature_names(schema)
    for name in own.keys() & (feature_names or {}).keys():
        data = with_features_of(data, name, own[name], (feature_names or {})[name])
    return data


def stream_feature_set(
    folder: str | os.PathLike, split: str = "train", modalities: Sequence[str] = MODALITIES
) -> ConversationStream:
    """Open a split of a feature set for training without loading it.

    Checksums are not compared, because that would read every file; `check_feature_set` does it.

    Args:
        folder: of the feature set.
        split: name of the split.
        modalities: modalities whose features are read; the others are masked.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: there is no such split.
    """
    unread = [f"{name}_features" for name in MODALITIES if name not in modalities]
    columns = [name for name in MODEL_COLUMNS if name not in unread]
    return ConversationStream(_files(folder, read_schema(folder), split), columns)


def _files(folder: str | os.PathLike, schema: Mapping[str, Any], split: str) -> list[str]:
    if split not in schema["splits"]:
        raise ValueError(
            f"{folder} has no split {split!r}: expected one of {', '.join(schema['splits'])}"
        )
    names = [name for name in schema["files"] if name.startswith(f"data/{split}-")]
    return [str(Path(folder) / name) for name in names]


def push_feature_set(
    folder: str | os.PathLike,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
) -> str:
    """Check the files of a feature set and upload it to the Hub.

    Args:
        folder: of the feature set.
        repo_id: "user/name"; the repository is created if it does not exist.
        private, token, revision: as in huggingface_hub.

    Returns:
        The commit's URL.

    Raises:
        FileNotFoundError, ValueError: see `check_feature_set`; or the set holds paths of this
            machine, which `write_feature_set` leaves out.
    """
    schema = check_feature_set(folder)
    for name in schema["files"]:
        _refuse_paths(Path(folder) / name)
    api = HfApi(token=token)
    api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
    commit = api.upload_folder(
        repo_id=repo_id,
        repo_type="dataset",
        folder_path=str(folder),
        revision=revision,
        # Nothing else: skipped.csv names files of this machine.
        allow_patterns=[SCHEMA_FILE, "README.md", *schema["files"]],
    )
    return commit.commit_url


def _refuse_paths(file: Path) -> None:
    if "media_paths" not in parquet.read_schema(file).names:
        return
    paths = parquet.read_table(file, columns=["media_paths"])["media_paths"]
    found = compute.drop_null(compute.list_flatten(paths))
    if len(found):
        raise ValueError(
            f"{file} has media_paths such as {found[0].as_py()}: expected none, as "
            "`write_feature_set` leaves them, because it is uploaded"
        )


__all__ = [
    "SCHEMA_FILE",
    "check_feature_set",
    "load_feature_set",
    "push_feature_set",
    "read_schema",
    "stream_feature_set",
    "write_feature_set",
]
