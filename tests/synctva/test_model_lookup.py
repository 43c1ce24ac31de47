"""What a model's name stands for, without the Hub; tests/hub/test_model_lookup.py asks a Hub."""

import re
import shutil
import socket
import time
from pathlib import Path

import huggingface_hub.constants
import pytest
from transformers import AutoConfig, AutoModel, pipeline

import synctva
from synctva import model_lookup
from synctva.model_lookup import find_model
from synctva.registration import checkpoint_folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def local_model(elsewhere):
    def write(name):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "config.json").write_text("{}")

    return write


@pytest.fixture
def silent_hub(monkeypatch):
    """A server that accepts connections and never answers."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(model_lookup, "hf_hub_url", lambda *names: "/".join([address, *names]))
        yield server


def test_the_shipped_checkpoint_is_found_from_any_folder():
    assert find_model("synctva-meld") == find_model(None) == synctva.SYNCTVA_MELD
    assert Path(synctva.SYNCTVA_MELD) == checkpoint_folder()
    assert Path(synctva.SYNCTVA_MELD).is_absolute()


def test_python_loads_the_shipped_checkpoint_by_its_documented_name():
    assert AutoConfig.from_pretrained(synctva.SYNCTVA_MELD).num_labels == 7
    assert isinstance(AutoModel.from_pretrained(synctva.SYNCTVA_MELD), synctva.SyncTVAModel)
    recognise = pipeline("emotion-recognition", model=synctva.SYNCTVA_MELD)
    assert isinstance(recognise.model, synctva.SyncTVAForEmotionRecognition)


@pytest.mark.parametrize("name", ["synctva-meld", "user/name", "./here", "a/b/c"])
def test_a_local_folder_comes_first(name, local_model):
    local_model(name)
    assert Path(find_model(name)) == Path(name)
    assert find_model(Path(name)) == str(Path(name))


def test_the_home_folder_is_understood(elsewhere, local_model, monkeypatch):
    monkeypatch.setenv("HOME", str(elsewhere))
    local_model("mine")
    assert find_model("~/mine") == str(elsewhere / "mine")


@pytest.mark.parametrize(
    "name", ["./missing", "/missing", "~/missing", "../missing", "a/b/c", "runs/missing", "runs/"]
)
def test_a_missing_folder_is_said_to_be_one(name, local_model):
    local_model("runs/meld-seed0")
    if name == "runs/":
        shutil.rmtree("runs")
    with pytest.raises(OSError, match=f"^init_from = {re.escape(name)}: there is no such folder"):
        find_model(name, "init_from")


@pytest.mark.parametrize(
    ("name", "near"),
    [("runs/meld-sed0", "runs/meld-seed0"), ("synctva_meld", "synctva-meld"), ("ruins", None)],
)
def test_a_mistyped_name_is_answered_with_the_nearest(name, near, local_model):
    local_model("runs/meld-seed0")
    with pytest.raises(OSError, match="expected the folder of a model") as error:
        find_model(name)
    assert str(error.value).endswith(f"Did you mean {near}?" if near else "such as user/name")


def test_the_shipped_checkpoint_is_no_encoder_of_others():
    for name in ("synctva-meld", "synctva-mled"):
        with pytest.raises(OSError, match=rf"^encoder = {name}: .*a model, or a Hub name such as"):
            find_model(name, "encoder", ours=False)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_something_else_of_that_name_is_refused(kind, elsewhere):
    (elsewhere / "synctva-meld").mkdir() if kind == "folder" else Path("synctva-meld").touch()
    with pytest.raises(OSError, match=r"^model = synctva-meld: there is no config\.json") as error:
        find_model("synctva-meld")
    assert "Did you mean" not in str(error.value)


def test_offline_mode_is_one_message():
    with pytest.raises(OSError, match=r"^model = user/name: .* the Hub cannot be reached \(.*off"):
        find_model("user/name")


def test_an_unreachable_hub_is_one_message_at_once(silent_hub, capfd):
    silent_hub.close()
    started = time.perf_counter()
    with pytest.raises(OSError, match=r"^model = user/name: .* the Hub cannot be reached \(.*ref"):
        find_model("user/name")
    assert time.perf_counter() - started < 1
    assert capfd.readouterr() == ("", "")  # no retries


def test_a_silent_hub_is_asked_once(silent_hub, monkeypatch):
    monkeypatch.setattr(model_lookup, "TIMEOUT", 0.1)
    with pytest.raises(OSError, match=r"^model = user/name: .* cannot be reached \(.*timed out"):
        find_model("user/name")
    silent_hub.setblocking(False)
    silent_hub.accept()
    with pytest.raises(BlockingIOError):  # no second connection
        silent_hub.accept()
