"""The same seed gives the same model: in another process, and in torch's deterministic mode.

That batch size, padding and packing change no prediction is tested with the model, the pipeline and
the trainer (`test_batch_equals_single...`, `test_accumulated_batches_equal_one_batch`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from synctva.modeling_synctva import graph_attention_torch_scatter as torch_scatter_backend
from synctva.modeling_synctva.graph_attention import BACKENDS, select_backend
from tests.support.training_program import toy_trainer

ROOT = Path(__file__).parents[2]
STOCHASTIC = {"modality_dropout": 0.3, "ema_decay": 0.9, "conversations": 16, "num_train_epochs": 2}
DETERMINISM = ("CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG", "ASCEND_LAUNCH_BLOCKING")
DETERMINISM += ("HCCL_DETERMINISTIC", "FLASH_ATTENTION_DETERMINISTIC")
"""Variables that transformers' `full_determinism` sets."""


def test_another_process_trains_the_same_weights(tmp_path):
    options = {"output_dir": str(tmp_path / "there"), **STOCHASTIC}
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.training_program", json.dumps(options)],
        cwd=ROOT,
        # Strings have other hashes than here: no order may depend on them.
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    there = load_file(tmp_path / "there" / "model.safetensors")
    here = trained(tmp_path / "here", "auto")
    assert all(torch.equal(tensor, here[name]) for name, tensor in there.items())
    other = trained(tmp_path / "other", "auto", seed=6)
    assert not all(torch.equal(tensor, other[name]) for name, tensor in there.items())


@pytest.fixture
def restored():
    """Restore what deterministic mode sets for the whole process."""
    before = {name: os.environ.get(name) for name in DETERMINISM}
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def trained(folder, backend, **arguments):
    trainer = toy_trainer(folder, {"graph_attention": backend}, **STOCHASTIC, **arguments)
    assert torch.are_deterministic_algorithms_enabled() == ("full_determinism" in arguments)
    trainer.train()
    return trainer.model.state_dict()


@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
def test_deterministic_mode_with_each_backend(backend, tmp_path, restored):
    if backend == "torch_scatter" and not torch_scatter_backend.torch_scatter_available():
        pytest.skip("torch-scatter is not installed")
    usual = trained(tmp_path / "usual", backend)
    one, same = (
        trained(tmp_path / name, backend, full_determinism=True) for name in ("one", "same")
    )
    for name, tensor in one.items():
        assert torch.equal(tensor, same[name]), name
        assert torch.equal(tensor, usual[name]), name  # on a CPU everything is deterministic


def test_deterministic_mode_without_torch_scatter(tmp_path, restored, monkeypatch):
    with_it = trained(tmp_path / "with", "auto", full_determinism=True)
    monkeypatch.setattr(torch_scatter_backend, "torch_scatter", None)
    without = trained(tmp_path / "without", "auto", full_determinism=True)
    assert all(torch.equal(tensor, without[name]) for name, tensor in with_it.items())
    with pytest.raises((ValueError, ImportError), match="torch_scatter"):
        select_backend("torch_scatter", torch.device("cpu"))
