"""Push conversations and load them back; run by `test_datasets.py`.

    python -m tests.hub.datasets_program <report.json>

One set of conversations is at tag v1, another on main. A feature set is in a second repository.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from datasets import DatasetDict, load_dataset
from huggingface_hub import HfApi, snapshot_download

from synctva.features.feature_sets import check_feature_set, push_feature_set, write_feature_set
from tests.support.toy import WIDTHS, toy_dataset

NAME = "user/conversations"
FEATURES = "user/features"


def toy_splits(seed: int) -> DatasetDict:
    return DatasetDict(train=toy_dataset(20, seed), dev=toy_dataset(8, seed + 1))


def main() -> None:
    toy_splits(1).push_to_hub(NAME, num_shards={"train": 3, "dev": 1})
    HfApi().create_tag(NAME, tag="v1", repo_type="dataset")
    toy_splits(3).push_to_hub(NAME, private=True)

    report = {}
    for revision in ("v1", "main"):
        loaded = load_dataset(NAME, revision=revision)
        streamed = load_dataset(NAME, revision=revision, streaming=True)
        report[revision] = {
            "features": {split: data.features.to_dict() for split, data in loaded.items()},
            "loaded": {split: list(data) for split, data in loaded.items()},
            "streamed": {split: list(data) for split, data in streamed.items()},
        }

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "features"
        encoders = {name: f"toy {name}" for name in WIDTHS}
        write_feature_set(toy_splits(1), folder, encoders=encoders, source="Toy")
        url = push_feature_set(folder, FEATURES, private=True)
        downloaded = snapshot_download(FEATURES, repo_type="dataset")
    loaded = load_dataset(FEATURES)
    report["features"] = {
        "url": url,
        "loaded": {split: list(data) for split, data in loaded.items()},
        "checked": check_feature_set(downloaded),
    }
    Path(sys.argv[1]).write_text(json.dumps(report))


if __name__ == "__main__":
    main()
