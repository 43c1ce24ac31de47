"""`synctva push`, which uploads folders to the Hub."""

import subprocess
import sys

import pytest
from datasets import DatasetDict
from huggingface_hub import ModelCard

from synctva.commands import push
from synctva.features.feature_sets import SCHEMA_FILE, write_feature_set
from tests.support.model_folder import write_model_folder
from tests.support.toy import WIDTHS, toy_dataset

PUSH = ("-m", "synctva_command_line", "push")


def test_a_model_is_pushed_without_the_files_of_its_training(hub, client, tmp_path):
    folder = write_model_folder(tmp_path / "toy")
    expected = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (folder / name).write_bytes(b"hf_of_user")
    (folder / "checkpoint-3").mkdir()
    (folder / "checkpoint-3" / "model.safetensors").write_bytes(b"unfinished")
    with client.start(*PUSH, folder, "user/toy", "--private") as process:
        printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "synctva card " in errors  # because the card still names the folder
    repository = hub.model("user/toy")
    assert printed.strip().endswith(repository.branches["main"])
    assert repository.private
    files = repository.files()
    assert files.keys() - {".gitattributes"} == expected.keys()
    for name, content in expected.items():
        assert files[name].content == content, name
    assert ModelCard(files["README.md"].content.decode()).data.model_name == "toy"


def test_a_feature_set_is_pushed_as_a_data_set(hub, client, tmp_path):
    encoders = dict.fromkeys(WIDTHS, "drawn")
    data = DatasetDict(train=toy_dataset())
    write_feature_set(data, tmp_path / "features", encoders=encoders, source="toy")
    client.run(*PUSH, tmp_path / "features", "user/features")
    assert SCHEMA_FILE in hub.dataset("user/features").files()


def test_a_repository_of_another_user_is_refused_without_a_traceback(client, tmp_path):
    with client.start(*PUSH, write_model_folder(tmp_path / "toy"), "other/toy") as process:
        printed, errors = process.communicate(timeout=300)
    assert (process.returncode, printed) == (1, "")
    assert "synctva push: error: 403" in errors and "Traceback" not in errors


def test_without_a_network_one_message_is_printed(client, tmp_path):
    folder = write_model_folder(tmp_path / "toy")
    away = {**client.environment, "HF_ENDPOINT": "http://127.0.0.1:1"}
    command = [sys.executable, *PUSH, folder, "user/away"]
    run = subprocess.run(command, env=away, capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.splitlines()[-1].startswith("synctva push: error: the Hub cannot be reached:")
    assert "Traceback" not in run.stderr and "Retry" not in run.stderr


def test_missing_files_of_a_model_folder_are_named(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"has no model.safetensors, processor_config.json, READ"):
        push.main([str(tmp_path), "user/nothing"])
