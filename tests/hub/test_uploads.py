"""An interrupted upload leaves no partial commit, and resumes where it stopped."""

import time

import pytest
import torch

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.registration import register
from tests.support.toy import toy_config, toy_model

from .conftest import ROOT

register()

PROGRAM = ROOT / "tests/hub/uploads_program.py"


def saved_model(folder, seed):
    """Save a model with its weights in several files, and return their number."""
    toy_model(seed).save_pretrained(folder, max_shard_size="20KB")
    shards = list(folder.glob("*.safetensors"))
    assert len(shards) >= 4
    return len(shards)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def assert_holds(repository, folder):
    files = repository.files()
    expected = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: files[name].content for name in expected} == expected
    assert files.keys() - expected.keys() == {".gitattributes"}


@pytest.fixture(autouse=True)
def nothing_uploaded(hub):
    hub.uploads.clear()
    hub.large.clear()
    yield
    hub.drop_upload = lambda number: False


def test_an_upload_whose_connection_breaks_is_retried(hub, client, tmp_path):
    shards = saved_model(tmp_path / "model", 1)
    hub.drop_upload = lambda number: number == 3
    client.run(PROGRAM, tmp_path / "model", "user/broken")
    assert len(hub.uploads) == shards + 1
    assert_holds(hub.model("user/broken"), tmp_path / "model")


def test_a_killed_upload_resumes(hub, client, tmp_path):
    shards = saved_model(tmp_path / "model", 2)
    hub.drop_upload = lambda number: number > 2
    with client.start(PROGRAM, tmp_path / "model", "user/killed") as process:
        wait_for(lambda: len(hub.large) == 2 and len(hub.uploads) > 2)
        process.kill()
    repository = hub.model("user/killed")
    assert repository.titles == ["initial commit"]
    assert repository.files().keys() == {".gitattributes"}

    arrived = set(hub.large)
    hub.uploads.clear()
    hub.drop_upload = lambda number: False
    commit = client.run(PROGRAM, tmp_path / "model", "user/killed").strip()
    assert len(hub.uploads) == shards - 2
    assert arrived.isdisjoint(hub.uploads)
    assert repository.branches["main"] == commit
    assert_holds(repository, tmp_path / "model")

    hub.uploads.clear()
    assert client.run(PROGRAM, tmp_path / "model", "user/killed").strip() == commit
    assert hub.uploads == []


@pytest.mark.slow  # the client retries for 23 seconds
def test_an_upload_that_fails_for_good_names_the_file(hub, client, tmp_path):
    saved_model(tmp_path / "model", 3)
    hub.drop_upload = lambda number: number > 1
    with client.start(PROGRAM, tmp_path / "model", "user/unreachable") as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Error while uploading 'model-0000" in errors
    assert hub.model("user/unreachable").files().keys() == {".gitattributes"}


def test_a_sharded_model_has_the_same_weights(tmp_path):
    saved_model(tmp_path / "model", 4)
    reloaded = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "model").state_dict()
    for name, tensor in toy_model(4).state_dict().items():
        assert torch.equal(reloaded[name], tensor), name
    assert reloaded.keys() == SyncTVAForEmotionRecognition(toy_config()).state_dict().keys()
