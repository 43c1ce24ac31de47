"""The shipped checkpoint is remade in place, and its code is links again."""

import json
import os
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from synctva.results import read_results
from tests.support.model_folder import write_model_folder
from tools.remake_checkpoint import CODE, remake, restore_links, training_options

SMALL = "hidden_size=16,intermediate_size=16,num_attention_heads=2,num_hidden_layers=1"
COMMAND = (
    "python examples/train.py --dataset simulated --max_train_conversations 20 --use_cpu "
    f"--num_train_epochs 1 --config_overrides {SMALL} --report_to none --output_dir elsewhere "
    "--seed 1 --runs runs/seed0.json runs/seed1.json"
)


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint beside a copy of the code; saving it has left regular copies of the code."""
    shutil.copytree(CODE, tmp_path / CODE.name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = write_model_folder(tmp_path / "synctva-toy", command=COMMAND)
    assert not (folder / "fusion.py").is_symlink()
    return folder


def assert_code_is_links(folder: Path) -> None:
    code = folder.parent / CODE.name
    assert {path.name for path in folder.glob("*.py")} == {p.name for p in code.glob("[!_]*.py")}
    for path in folder.glob("*.py"):
        assert os.readlink(path) == f"../{CODE.name}/{path.name}"
        assert path.is_file()


def test_links_replace_copies_and_follow_the_code(checkpoint):
    code = checkpoint.parent / CODE.name
    restore_links(checkpoint, code)
    assert_code_is_links(checkpoint)
    (code / "fusion.py").rename(code / "joining.py")
    (checkpoint / "graph.py").unlink()
    (checkpoint / "graph.py").symlink_to(code / "graph.py")  # absolute: breaks in another clone
    restore_links(checkpoint, code)
    assert_code_is_links(checkpoint)
    assert (checkpoint / "joining.py").is_symlink()


def test_card_is_written_from_the_results_and_nothing_else_changes(checkpoint):
    results = read_results(checkpoint)
    weights = (checkpoint / "model.safetensors").read_bytes()
    runs = [{**results, "seed": seed} for seed in (3, 4)]
    remake(checkpoint, runs, name="user/toy", code=checkpoint.parent / CODE.name)
    card = ModelCard.load(checkpoint / "README.md")
    assert card.data.model_name == "user/toy" and "Mean of seeds 3, 4" in card.text
    assert card.data.license == "apache-2.0"
    assert read_results(checkpoint) == results
    assert (checkpoint / "model.safetensors").read_bytes() == weights
    assert_code_is_links(checkpoint)


def test_model_is_trained_again_by_its_own_command(checkpoint):
    before = read_results(checkpoint)
    runs = [{**before, "seed": seed} for seed in (3, 4)]
    remake(checkpoint, runs, data_dir="", code=checkpoint.parent / CODE.name)
    results = read_results(checkpoint)
    assert (results["dataset"], results["seed"]) == ("simulated", 1)
    assert results["command"].startswith("synctva train --dataset simulated ")
    assert results["command"].endswith(f"--output_dir {checkpoint.name}")
    card = ModelCard.load(checkpoint / "README.md")
    assert card.data.model_name == checkpoint.name
    assert results["command"] in card.text and "Mean of seeds 3, 4" in card.text
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["hidden_size"] == 16
    assert load_file(checkpoint / "model.safetensors")
    assert_code_is_links(checkpoint)
    code = checkpoint.parent / CODE.name
    for path in CODE.glob("*.py"):  # nothing was written through the links
        assert (code / path.name).read_bytes() == path.read_bytes()


def test_options_are_those_of_the_command_but_for_folders_and_runs():
    command = "synctva train --runs 0.json 1.json --data_dir a --seed 1 --bf16 --output_dir b"
    options = training_options(command, "/data/MELD Raw", Path("c"))
    assert options == ["--seed", "1", "--bf16", "--data_dir", "/data/MELD Raw", "--output_dir", "c"]
