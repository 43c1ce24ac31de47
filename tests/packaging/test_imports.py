"""`import synctva` costs little, and loads nothing heavy before it is used."""

import json
import subprocess
import sys

import pytest

HEAVY = ("av", "datasets", "evaluate", "matplotlib", "onnx", "onnxruntime", "pandas", "pyarrow")
HEAVY = (*HEAVY, "ray", "sklearn", "tensorboard")

# Time of the processor, which a busy machine does not stretch as it does the clock's. What
# transformers itself takes for any model is not ours: its model classes are imported first.
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
    assert imported["seconds"] < 1.5


def test_nothing_heavy_is_imported_before_it_is_used(imported):
    top = {name.split(".")[0] for name in imported["modules"]}
    assert not top & set(HEAVY)
    trains = {"trainer", "results", "recipes", "card", "plots", "feature_set", "metrics"}
    assert not {f"synctva.{name}" for name in trains} & set(imported["modules"])
