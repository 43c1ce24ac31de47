"""The API reference has every public name, with its arguments, return value and errors."""

import inspect
import re
import subprocess
import sys

import pytest

import synctva
from synctva import export, plots
from synctva.modeling_synctva.outputs import SyncTVAEmotionOutput, SyncTVAModelOutput

from .pages import ROOT, text_of

CLASSES = {
    name: getattr(synctva, name)
    for name in synctva.__all__
    if inspect.isclass(getattr(synctva, name))
}
FUNCTIONS = {
    name: function
    for module in (synctva, plots, export)
    for name in module.__all__
    if inspect.isfunction(function := getattr(module, name))
}
REFERENCE = text_of("docs/api.md")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_documents_arguments_and_return_value(name):
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    signature = inspect.signature(FUNCTIONS[name])
    refers = re.search(r"[Aa]rguments and errors are", text)
    for argument in () if refers else signature.parameters:
        assert re.search(rf"\b{argument}\b", text.partition("Args:")[2]), argument
    if signature.return_annotation not in ("None", None, inspect.Signature.empty):
        returns = re.search(r"^(Returns|Yields):", text, re.M)
        assert returns or len(text.split("\n")[0].split()) > 3, "what it returns"


@pytest.mark.parametrize("name", CLASSES)
def test_class_and_its_documented_members_have_docstrings(name):
    assert CLASSES[name].__doc__
    listed = re.search(rf"synctva\.{name}\n   :members: (.+)", REFERENCE)
    for member in listed[1].split(", ") if listed else ():
        assert inspect.getdoc(inspect.getattr_static(CLASSES[name], member)), member


def test_every_field_of_the_config_and_the_outputs_is_documented():
    for described in (synctva.SyncTVAConfig, SyncTVAModelOutput, SyncTVAEmotionOutput):
        own = described.__annotations__ if described is not SyncTVAEmotionOutput else ("logits",)
        for field in own:
            if field not in ("model_type", "keys_to_ignore_at_inference"):
                assert re.search(rf"\b{field}\b", described.__doc__), field


def test_reference_lists_every_public_name():
    listed = set(re.findall(r"auto(?:class|function|data):: synctva\.(\w+)$", REFERENCE, re.M))
    assert listed == set(synctva.__all__)


@pytest.mark.slow
def test_pages_and_reference_build_without_a_warning(tmp_path):
    inventory = pytest.importorskip("sphinx.util.inventory", reason="Sphinx is not installed")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs"]
    run = subprocess.run([*command, ".", str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "docs" / "README.html").is_file()
    found = inventory.InventoryFile.loads((tmp_path / "objects.inv").read_bytes(), uri="")
    names = {name for kind, group in found.data.items() for name in group if "py:" in kind}
    for module in (synctva, plots, export):
        public = [name for name in module.__all__ if callable(getattr(module, name))]
        assert {f"{module.__name__}.{name}" for name in public} <= names
