"""The launch profiles for Accelerate are valid and start the processes that they describe."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from safetensors import safe_open

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

ROOT = Path(__file__).parents[2]
PROFILES = ROOT / "configuration" / "accelerate"
TESTED = ("single_process", "bf16", "two_cpu_processes", "two_machines")

PROBE = """
import json, sys
from pathlib import Path
import torch
from accelerate import Accelerator

accelerator = Accelerator(cpu=True)
with accelerator.autocast():
    product = torch.ones(2, 2) @ torch.ones(2, 2)
rank = torch.tensor(float(accelerator.process_index))
answer = {
    "num_processes": accelerator.num_processes,
    "sum_of_ranks": accelerator.reduce(rank).item(),
    "dtype": str(product.dtype),
}
Path(sys.argv[1], f"{accelerator.process_index}.json").write_text(json.dumps(answer))
accelerator.end_training()  # a process group left open may abort at exit
"""


def launch(profile: str, folder: Path) -> list[dict]:
    """Run the probe with a profile, and return the answer of each process by rank."""
    script = folder / "probe.py"
    script.write_text(PROBE)
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(PROFILES / f"{profile}.yaml"), str(script), str(folder)]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_two_cpu_processes_start(tmp_path):
    answers = launch("two_cpu_processes", tmp_path)
    assert answers == [{"num_processes": 2, "sum_of_ranks": 1.0, "dtype": "torch.float32"}] * 2


@pytest.mark.parametrize(
    ("profile", "dtype"), [("single_process", "torch.float32"), ("bf16", "torch.bfloat16")]
)
def test_a_single_process_computes_in_the_precision_of_its_profile(profile, dtype, tmp_path):
    (answer,) = launch(profile, tmp_path)
    assert answer == {"num_processes": 1, "sum_of_ranks": 0.0, "dtype": dtype}


TRAINING = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from tests.support.training_program import logged, toy_trainer

folder = Path(sys.argv[1])
trainer = toy_trainer(folder / "run", per_device_train_batch_size=2, num_train_epochs=2)
trainer.train()
rank, losses = trainer.accelerator.process_index, logged(trainer)
weights = trainer.accelerator.unwrap_model(trainer.model).state_dict()
assert trainer.accelerator.num_processes == 2
save_file(weights, folder / f"{rank}.safetensors", {"losses": str(losses)})
trainer.end()
"""


def start_training(profile: str, folder: Path, *options: str) -> subprocess.Popen:
    """Start the toy training with a profile. Each process saves its weights in the folder."""
    folder.mkdir(exist_ok=True)
    script = folder / "training.py"
    script.write_text(TRAINING)
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(PROFILES / f"{profile}.yaml"), *options]
    return subprocess.Popen(
        [*command, str(script), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )


def finish(*runs: subprocess.Popen) -> None:
    """Wait for all runs, and kill them all if one fails."""
    try:
        for run in runs:
            output, _ = run.communicate(timeout=300)
            assert run.returncode == 0, output
    finally:
        for run in runs:
            run.kill()


@pytest.mark.slow
def test_two_machines_train_the_same_as_two_processes_on_one(tmp_path):
    """The machines are two launches that share only an address and a port."""
    several, one = tmp_path / "several", tmp_path / "one"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = ["--main_process_ip", "127.0.0.1", "--main_process_port", port]
    machines = [
        start_training("two_machines", several, *address, "--machine_rank", rank) for rank in "01"
    ]
    finish(*machines)
    finish(start_training("two_cpu_processes", one))
    files = [folder / f"{rank}.safetensors" for folder in (several, one) for rank in (0, 1)]
    (weights, losses), *others = map(read_run, files)
    assert losses[0] > losses[-1]
    for other_weights, other_losses in others:
        assert other_losses == losses
        assert other_weights.keys() == weights.keys()
        for name, weight in weights.items():
            assert (weight == other_weights[name]).all(), name
    assert SyncTVAForEmotionRecognition.from_pretrained(several / "run" / "checkpoint-16")


def read_run(path: Path) -> tuple[dict, list[float]]:
    """Return the weights of a process, and its loss at each step."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(  # noqa: SIM118
            file.metadata()["losses"]
        )


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_each_profile_and_untested_ones_say_so(path):
    config = load_config_from_file(str(path))  # unknown keys raise
    assert config.num_processes >= 1 and config.compute_environment == "LOCAL_MACHINE"
    text = path.read_text()
    assert ("UNTESTED" in text) == (path.stem not in TESTED)
    assert f"configuration/accelerate/{path.name}" in text
