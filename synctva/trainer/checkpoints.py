"""Checkpoints of a training run: writing them atomically, finding and removing them."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME, rotate_checkpoints
from transformers.utils import logging

from synctva.files import UNFINISHED, explained

logger = logging.get_logger(__name__)


def last_complete_checkpoint(output_dir: str | os.PathLike) -> str | None:
    """Return the newest complete checkpoint, None if there is none.

    Checkpoints of `WholeCheckpointTrainer` are always complete. Those of transformers' own Trainer
    end with the trainer's state, which the main process writes last: a checkpoint that was cut off
    lacks it.
    """
    numbered = _numbered(output_dir)
    for step in sorted(numbered, reverse=True):
        try:
            state = json.loads((numbered[step] / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            logger.warning(f"{numbered[step]} is incomplete and is not used")
            continue
        if state.get("global_step") == step:
            return str(numbered[step])
    return None


def remove_checkpoints(output_dir: str | os.PathLike) -> None:
    """Remove the checkpoints of a finished run, so that a kill at any moment does no harm.

    The newest goes first, because it refers to the best one, which must exist as long as it does.
    Each is renamed before its files are deleted, so that no run resumes from a half-deleted one.
    """
    for _, checkpoint in sorted(_numbered(output_dir).items(), reverse=True):
        removed = checkpoint.with_name(f"{UNFINISHED}{checkpoint.name}")
        shutil.rmtree(removed, ignore_errors=True)
        checkpoint.rename(removed)
        shutil.rmtree(removed)


def _numbered(output_dir: str | os.PathLike) -> dict[int, Path]:
    """Return the checkpoints' folders by step."""
    folders = [path for path in Path(output_dir).glob("checkpoint-*") if path.is_dir()]
    return {int(path.name[11:]): path for path in folders if path.name[11:].isdigit()}


def _assert_whole(checkpoint: Path) -> None:
    """Check that torch's files are complete.

    torch 2.8 does not report it if the last part of a file does not fit on the disk; 2.13 does.

    Raises:
        OSError: a file is truncated.
    """
    for path in checkpoint.glob("*.pt*"):
        if not zipfile.is_zipfile(path):
            raise OSError(f"{path.name} is truncated")


class WholeCheckpointTrainer(Trainer):
    """A Trainer whose checkpoints are complete or absent, however a run ends.

    transformers writes them in place. A kill or a full disk then leaves an incomplete checkpoint,
    from which `resume_from_checkpoint=True` would continue.
    """

    _unfinished: Path | None = None

    def _get_output_dir(self, trial: Any) -> str:
        """Return the folder of the checkpoints, or the one in which one is being written."""
        return str(self._unfinished or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint in a folder beside the others, then move it to its place.

        Raises:
            WriteError: it could not be written; earlier checkpoints are unchanged.
        """
        folder = Path(self._get_output_dir(trial))
        checkpoint = folder / f"checkpoint-{self.state.global_step}"
        unfinished = folder / f"{UNFINISHED}checkpoint"  # one name for all processes
        if self.args.should_save:
            shutil.rmtree(unfinished, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self._unfinished = unfinished
        try:
            with explained(checkpoint):
                super()._save_checkpoint(model, trial)
                best = folder / f"checkpoint-{self.state.best_global_step}"
                if best == checkpoint or best.is_dir():
                    self.state.best_model_checkpoint = str(best)
                if self.args.should_save:
                    written = unfinished / checkpoint.name
                    self.state.save_to_json(str(written / TRAINER_STATE_NAME))
                self.accelerator.wait_for_everyone()  # every process has written its random state
                if self.args.should_save:
                    _assert_whole(written)
                    shutil.rmtree(checkpoint, ignore_errors=True)
                    written.rename(checkpoint)
        finally:
            self._unfinished = None
            if self.args.should_save:
                shutil.rmtree(unfinished, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            rotate_checkpoints(
                output_dir=str(folder),
                save_total_limit=self.args.save_total_limit,
                best_model_checkpoint=self.state.best_model_checkpoint,
                use_mtime=True,
            )

    def _finalize_training(self, *args: Any) -> Any:
        # With a limit of 1 transformers would now delete the newest checkpoint file by file. If the
        # run were killed meanwhile, the next one would resume from what is left of it.
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            return super()._finalize_training(*args)
        finally:
            self.args.save_total_limit = limit


__all__ = ["WholeCheckpointTrainer", "last_complete_checkpoint", "remove_checkpoints"]
