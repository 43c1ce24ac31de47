"""Names of models on a Hub: found, missing, private, and read from the cache without the Hub."""

import json
import subprocess
import sys

import pytest

from tests.support.model_folder import write_model_folder

from .conftest import Client

PUSH = """
import sys
from huggingface_hub import HfApi
api = HfApi()
for name in ("user/toy", "user/secret", "user/empty"):
    api.create_repo(name, private=name == "user/secret")
    if name != "user/empty":
        api.upload_folder(repo_id=name, folder_path=sys.argv[1])
"""

FIND = """
import json, sys, time
from transformers import pipeline
from synctva.model_lookup import find_model
found = {}
for name in sys.argv[1:]:
    started = time.perf_counter()
    try:
        found[name] = find_model(name)
    except OSError as error:
        found[name] = str(error)
    assert time.perf_counter() - started < 1, name
if "user/toy" in found:
    recognise = pipeline("emotion-recognition", model=found["user/toy"])
    found["label"] = recognise([{"audio_features": [0.5] * recognise.processor.audio_dim}])[0]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def pushed(client, tmp_path_factory):
    folder = write_model_folder(tmp_path_factory.mktemp("pushed") / "toy")
    client.run("-c", PUSH, folder)


@pytest.fixture(scope="module")
def owner(pushed, client):
    """What the owner of the repositories finds."""
    names = ("user/toy", "user/secret", "user/empty", "user/tyo")
    return json.loads(client.run("-c", FIND, *names))


def test_a_model_on_the_hub_keeps_its_name(owner):
    assert owner["user/toy"] == "user/toy"
    assert owner["user/secret"] == "user/secret"


def test_a_missing_model_is_one_message(owner):
    assert owner["user/tyo"].startswith(
        "model = user/tyo: there is no such folder here, and no model on the Hub that this "
        "account may read"
    )


def test_a_repository_without_a_model_is_named(owner):
    assert owner["user/empty"].startswith("model = user/empty: there is no config.json in this")


def test_a_private_model_is_not_there_for_others(pushed, hub, tmp_path):
    stranger = Client(hub, tmp_path)
    found = json.loads(stranger.run("-c", FIND, "user/secret", token=""))
    assert "no model on the Hub that this account may read" in found["user/secret"]


@pytest.mark.parametrize(
    "setting", [{"HF_ENDPOINT": "http://127.0.0.1:1"}, {"HF_HUB_OFFLINE": "1"}]
)
def test_without_the_hub_its_cache_is_read(setting, owner, client):
    away = {**client.environment, **setting}
    command = [sys.executable, "-c", FIND, "user/toy", "user/secret"]
    run = subprocess.run(command, env=away, capture_output=True, text=True, timeout=300)
    found = json.loads(run.stdout)
    assert "snapshots" in found["user/toy"] and found["label"] == owner["label"]
    assert "the Hub cannot be reached (" in found["user/secret"]  # which was never loaded
    assert "user/toy is read from the Hub's cache" in run.stderr and "Retry" not in run.stderr
