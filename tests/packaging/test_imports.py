"""`import synctva` is fast and loads nothing heavy before it is used."""

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


def test_nothing_heavy_is_imported_before_it_is_used(imported):
    top = {name.split(".")[0] for name in imported["modules"]}
    assert not top & set(HEAVY)
    used_later = {path.stem for path in PACKAGE.glob("[!_]*") if path.suffix in (".py", "")}
    used_later -= {"modeling_synctva", "registration"}
    assert "trainer" in used_later
    assert not {f"synctva.{name}" for name in used_later} & set(imported["modules"])
