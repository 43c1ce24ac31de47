"""The demo page as a Space."""

import ast
import os
import subprocess
import sys
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from synctva.commands import app
from synctva.space import write_space
from tests.support.model_folder import write_model_folder

pytestmark = pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model_folder(tmp_path_factory.mktemp("space") / "model")


@pytest.fixture(scope="module")
def space(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "new" / "space"
    app.main(["--write_space", str(folder), "--model", str(model)])
    return folder


def test_the_hub_can_read_the_metadata(space):
    card = SpaceCard.load(space / "README.md")
    assert card.data.sdk == "gradio" and card.data.sdk_version == version("gradio")
    assert (space / card.data.app_file).is_file()
    assert card.data.license == "apache-2.0" and len(card.data.short_description) <= 60
    assert {card.data.colorFrom, card.data.colorTo} <= {
        *("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
    }
    assert card.data.models is None  # the toy model does not read texts
    assert "prohibited in the European Union" in card.text


def test_the_encoder_of_the_shipped_model_is_downloaded_during_the_build(tmp_path):
    write_space(tmp_path)
    data = SpaceCard.load(tmp_path / "README.md").data
    assert data.models == data.preload_from_hub == ["sentence-transformers/all-MiniLM-L6-v2"]


SCRIPT = """
import sys, av, gradio
gradio.Blocks.launch = lambda page, **how: print("serves", how["server_name"])
import app
for name, module in list(sys.modules.items()):
    if name.split(".")[0] == "synctva" and module.__file__:
        print("loaded", module.__file__)
"""


@pytest.fixture(scope="module")
def started(space):
    """Return the output of the Space, which imports its own copy of the package."""
    environment = {**os.environ, "PYTHONPATH": str(space), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=space, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.slow
def test_the_space_is_self_contained_and_can_be_reached(space, started):
    assert "serves 0.0.0.0" in started
    files = [Path(line.removeprefix("loaded ")) for line in started if line.startswith("loaded")]
    assert files and all(file.is_relative_to(space) for file in files)


@pytest.mark.slow
def test_requirements_name_what_the_page_imports(space, started):
    lines = (space / "requirements.txt").read_text().splitlines()
    required = {canonicalize_name(Requirement(line).name) for line in lines}
    names = {"gradio", "av"}
    for line in started:
        if line.startswith("loaded"):
            names |= imports(Path(line.removeprefix("loaded ")))
    distributions = packages_distributions()
    imported = {
        canonicalize_name(distributions[name][0])
        for name in names - set(sys.stdlib_module_names) - {"synctva"}
        if name in distributions
    }
    assert {"torch", "transformers", "matplotlib", "gradio", "av"} <= imported
    of_huggingface_hub = {"packaging", "filelock"}
    if_installed = {"torch-scatter", "opensmile"}
    assert imported - of_huggingface_hub - if_installed <= required


def imports(file):
    """Return the top-level names that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names


def test_requirements_are_those_of_the_package(space):
    lines = (space / "requirements.txt").read_text().splitlines()
    required = {Requirement(line).name for line in lines}
    assert {"torch", "transformers", "gradio", "av"} <= required
    assert not {"ray", "pytest", "onnx", "tensorboard", "torch-scatter"} & required


def test_the_folder_has_all_files_and_no_others(space, model):
    names = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert not [name for name in names if "__pycache__" in name]
    assert {f"model/{path.name}" for path in model.iterdir() if path.is_file()} <= names
    assert {"app.py", "README.md", "requirements.txt", "synctva/registration.py"} <= names
    assert {"synctva/commands/app.py", "synctva/modeling_synctva/modeling_synctva.py"} <= names
    assert "synctva/video/face_synctva.safetensors" in names


def test_bad_arguments_are_named(space, model, tmp_path):
    with pytest.raises(ValueError, match="has files: expected a new or an empty folder"):
        write_space(space, model)
    with pytest.raises(ValueError, match=r"has no config\.json: expected the folder of a trained"):
        write_space(tmp_path / "new", tmp_path)
    assert not (tmp_path / "new").exists()
