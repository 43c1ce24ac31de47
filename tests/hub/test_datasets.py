"""Pushing conversations to the Hub and loading them."""

import json

import pytest
from datasets import Features
from huggingface_hub import DatasetCard

from .datasets_program import FEATURES, NAME, toy_splits


@pytest.fixture(scope="module")
def report(client, tmp_path_factory):
    """The report of `datasets_program` on what it has pushed and loaded."""
    file = tmp_path_factory.mktemp("datasets") / "report.json"
    client.run("-m", "tests.hub.datasets_program", file)
    return json.loads(file.read_text())


@pytest.mark.parametrize("way", ["loaded", "streamed"])
@pytest.mark.parametrize(("revision", "seed"), [("v1", 1), ("main", 3)])
def test_conversations_come_back_row_for_row(report, revision, seed, way):
    expected = toy_splits(seed)
    assert report[revision][way].keys() == expected.keys()
    for split, rows in report[revision][way].items():
        assert rows == list(expected[split])
        features = Features.from_dict(report[revision]["features"][split])
        assert features == expected[split].features


def test_the_repository_has_shards_and_a_card(hub, report):
    repository = hub.dataset(NAME)
    shards = [path for path in repository.files("v1") if path.endswith(".parquet")]
    assert len(shards) == 4
    assert len([path for path in repository.files() if path.endswith(".parquet")]) == 2
    for revision in ("v1", "main"):
        content = repository.files(revision)["README.md"].content.decode()
        (splits,) = DatasetCard(content).data.to_dict()["configs"]
        assert {part["split"] for part in splits["data_files"]} == {"train", "dev"}


def test_a_feature_set_is_uploaded_whole_with_its_schema_and_card(hub, report):
    repository = hub.dataset(FEATURES)
    assert repository.private
    assert {"README.md", "feature_set.json"} <= repository.files().keys()
    assert ("POST", "/api/validate-yaml") in hub.requests  # and the card is valid
    pushed = report["features"]
    assert pushed["checked"] == json.loads(repository.files()["feature_set.json"].content)
    expected = toy_splits(1)
    assert pushed["loaded"] == {split: list(rows) for split, rows in expected.items()}
