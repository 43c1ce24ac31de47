"""`import synctva` is fast and loads nothing heavy before it is used."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import synctva

PACKAGE = Path(synctva.__file__).parent

HEAVY = ("av", "datasets", "evaluate", "matplotlib", "onnx", "onnxruntime", "pandas", "pyarrow")
HEAVY = (*HEAVY, "ray", "sklearn", "tensorboard")

# Processor time, which a busy machine stretches less than wall time. What transformers itself takes
# for any model is imported first and not counted.
SCRIPT = """
import json, sys, time
from transformers import AutoModelForTokenClassification, AutoProcessor, Pipeline, PreTrainedModel
from transformers import ProcessorMixin
before, start = set(sys.modules), time.process_time()
import synctva
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "modules": sorted(set(sys.modules) - before)}))
"""


@pytest.fixture(scope="module")
def imported():
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_import_takes_little_more_than_transformers_own(imported):
    assert imported["seconds"] < 0.5


def test_what_dir_lists_is_public_whatever_was_used():
    for name in synctva.__all__:
        getattr(synctva, name)
        assert [entry for entry in dir(synctva) if not entry.startswith("__")] == sorted(
            synctva.__all__
        )


def methods(kind):
    """Yield the public methods of a class that are ours."""
    for base in kind.__mro__:
        for name, member in vars(base).items():
            function = getattr(member, "__func__", member)
            is_public = not name.startswith("_") or name in ("__init__", "__call__")
            if base.__module__.startswith("synctva") and inspect.isfunction(function) and is_public:
                yield function


@pytest.mark.parametrize("name", synctva.__all__)
def test_public_functions_are_annotated_for_editors(name):
    value = getattr(synctva, name)
    functions = [*methods(value)] if inspect.isclass(value) else [value] * callable(value)
    for function in functions:
        signature = inspect.signature(function)
        for parameter in signature.parameters.values():
            assert parameter.name in ("self", "cls") or parameter.annotation is not parameter.empty
        is_constructor = function.__name__ == "__init__"
        assert is_constructor or signature.return_annotation is not signature.empty, function


def test_nothing_heavy_is_imported_before_it_is_used(imported):
    top = {name.split(".")[0] for name in imported["modules"]}
    assert not top & set(HEAVY)
    used_later = {path.stem for path in PACKAGE.glob("[!_]*") if path.suffix in (".py", "")}
    used_later -= {"modeling_synctva", "registration"}
    assert "trainer" in used_later
    assert not {f"synctva.{name}" for name in used_later} & set(imported["modules"])
