"""Trains a toy model, as a separate program that a test can kill or start in two processes.

    python -m tests.support.training_program '{"output_dir": ..., "kill_at_step": 7, ...}'

The other keys are training arguments, except config (changes to the toy's) and resume_from.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, set_seed

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.streaming import ConversationStream
from synctva.trainer.trainer import SyncTVATrainer

from .toy import toy_config, toy_dataset


class KillAtStep(TrainerCallback):
    """Acts like kill -9: nothing is flushed or cleaned up."""

    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def toy_trainer(
    output_dir: str | Path,
    config: dict[str, Any] | None = None,
    conversations: int = 32,
    modalities: tuple[str, ...] = ("text", "visual", "audio"),
    callbacks: tuple[TrainerCallback, ...] = (),
    stream: list[str] | None = None,
    **arguments: Any,
) -> SyncTVATrainer:
    settings = {
        "per_device_train_batch_size": 4,
        "num_train_epochs": 3,
        "seed": 5,
        "logging_steps": 1,
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        **arguments,
    }
    training = SyncTVATrainingArguments(output_dir=str(output_dir), **settings)
    set_seed(training.seed)
    train = toy_dataset(conversations, modalities=modalities)
    if stream is not None:
        train = ConversationStream(stream, buffer_size=8)
    return SyncTVATrainer(
        SyncTVAForEmotionRecognition(toy_config(**(config or {}))),
        training,
        train,
        toy_dataset(8, seed=1, modalities=modalities),
        callbacks=callbacks,
    )


def logged(trainer: SyncTVATrainer, name: str = "loss") -> list[float]:
    return [entry[name] for entry in trainer.state.log_history if name in entry]


def main() -> None:
    options = json.loads(sys.argv[1])
    kill_at_step = options.pop("kill_at_step", None)
    resume_from = options.pop("resume_from", None)
    callbacks = (KillAtStep(kill_at_step),) if kill_at_step else ()
    trainer = toy_trainer(**options, callbacks=callbacks)
    trainer.train(resume_from_checkpoint=resume_from)
    trainer.save_model()
    scores = trainer.score(trainer.eval_dataset)
    if trainer.is_world_process_zero():
        report = {
            "processes": trainer.accelerator.num_processes,
            "losses": logged(trainer),
            "eval_losses": logged(trainer, "eval_loss"),
            "scores": scores,
        }
        Path(trainer.args.output_dir, "report.json").write_text(json.dumps(report))
    trainer.end()


if __name__ == "__main__":
    main()
