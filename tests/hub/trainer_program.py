"""Train toy models that are pushed to the Hub; run by `test_trainer.py`.

    python -m tests.hub.trainer_program <folder> <report.json>

Repositories:
    user/whole      private, pushed after the training
    user/stopped    private, stopped in the middle and resumed from its last checkpoint on the Hub
    user/simulated  what `synctva train` pushes
    user/gone       deleted from the Hub during training
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from transformers import TrainerCallback

from synctva.commands import train
from tests.support.quick_training import QUICK
from tests.support.training_program import toy_trainer
from tests.synctva.trainer.test_trainer import STOCHASTIC

from .models_program import fingerprints, message

STEPS = {"save_strategy": "steps", "eval_strategy": "steps", "save_steps": 5, "eval_steps": 5}
"""The trainings have 24 steps in three epochs."""


class AtStep(TrainerCallback):
    def __init__(self, step: int, action: Callable):
        self.step = step
        self.action = action

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            self.action(control)


def stop(control) -> None:
    control.should_training_stop = True


def resumed_elsewhere(folder: Path) -> dict[str, object]:
    """Train without interruption, and with a stop and a resumption on another machine."""
    options = STEPS | STOCHASTIC | {"load_best_model_at_end": False}
    push = {
        "push_to_hub": True,
        "hub_model_id": "user/stopped",
        "hub_strategy": "checkpoint",
        "hub_private_repo": True,
        "hub_always_push": True,  # even if the previous checkpoint is still being pushed
        "save_total_limit": 1,
    }
    whole = toy_trainer(folder / "whole", **options, hub_private_repo=True)
    whole.train()
    whole.push_to_hub()
    toy_trainer(folder / "stopped", **options, **push, callbacks=(AtStep(12, stop),)).train()
    shutil.rmtree(folder / "stopped")
    downloaded = snapshot_download("user/stopped", allow_patterns="last-checkpoint/*")
    resumed = toy_trainer(folder / "resumed", **options)
    resumed.train(resume_from_checkpoint=f"{downloaded}/last-checkpoint")
    return {
        "whole": fingerprints(whole.model),
        "resumed": fingerprints(resumed.model),
        "steps": resumed.state.global_step,
    }


def main() -> None:
    folder, report_file = Path(sys.argv[1]), Path(sys.argv[2])
    report = resumed_elsewhere(folder)

    example = ["--max_train_conversations", "40", "--output_dir", str(folder / "simulated")]
    push = ["--push_to_hub", "--hub_strategy", "every_save", "--hub_token", "hf_of_user"]
    train.main([*example, *push, *QUICK])

    push = {"push_to_hub": True, "hub_model_id": "user/gone", "hub_strategy": "every_save"}
    remove = AtStep(7, lambda control: HfApi().delete_repo("user/gone"))
    gone = toy_trainer(folder / "gone", **STEPS, **push, callbacks=(remove,))
    gone.train()
    report["steps without the Hub"] = gone.state.global_step
    report["push, repository gone"] = message(gone.push_to_hub)
    report["wrong token"] = message(
        toy_trainer, folder / "wrong", push_to_hub=True, hub_token="hf_wrong"
    )
    report_file.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
