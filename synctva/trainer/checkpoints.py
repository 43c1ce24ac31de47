"""Checkpoints of a training run: written whole, found again, removed."""

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
    """The newest checkpoint that was written to its end, None where there is none.

    Ours are there whole or not at all. In others, such as those of transformers' own Trainer, the
    trainer's state is what the main process writes last; one that was cut off by a kill lacks it.
    """
    numbered = _numbered(output_dir)
    for step in sorted(numbered, reverse=True):
        try:
            state = json.loads((numbered[step] / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            logger.warning(f"{numbered[step]} was not written to its end: it is not used")
            continue
        if state.get("global_step") == step:
            return str(numbered[step])
    return None


def remove_checkpoints(output_dir: str | os.PathLike) -> None:
    """Remove the checkpoints of a run that is complete, so that a kill meanwhile costs nothing.

    The newest first: what it names as the best has to be there for as long as it is itself. Each is
    renamed before, so that no half of one is gone on from.
    """
    for _, checkpoint in sorted(_numbered(output_dir).items(), reverse=True):
        removed = checkpoint.with_name(f"{UNFINISHED}{checkpoint.name}")
        shutil.rmtree(removed, ignore_errors=True)
        checkpoint.rename(removed)
        shutil.rmtree(removed)


def _numbered(output_dir: str | os.PathLike) -> dict[int, Path]:
    """The checkpoints' folders by their steps."""
    folders = [path for path in Path(output_dir).glob("checkpoint-*") if path.is_dir()]
    return {int(path.name[11:]): path for path in folders if path.name[11:].isdigit()}


def _assert_whole(checkpoint: Path) -> None:
    """Look for the ends of torch's files.

    torch 2.8 says nothing when the last part of a file does not fit on the disk; 2.13 raises.

    Raises:
        OSError: a file is not there to its end.
    """
    for path in checkpoint.glob("*.pt*"):
        if not zipfile.is_zipfile(path):
            raise OSError(f"{path.name} was not written to its end")


class WholeCheckpointTrainer(Trainer):
    """A Trainer whose checkpoints are there whole or not at all, however a run ends.

    transformers writes them in place: a kill or a full disk leaves half of one, which its
    `resume_from_checkpoint=True` goes on from.
    """

    _unfinished: Path | None = None

    def _get_output_dir(self, trial: Any) -> str:
        """Where checkpoints lie; while one is being written, where that is."""
        return str(self._unfinished or super()._get_output_dir(trial))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint beside the others, then rename it to its place.

        Raises:
            WriteError: it could not be written; those before it are as they were.
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
                self.accelerator.wait_for_everyone()  # each has written its random state
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
        # With a limit of 1 transformers would now remove the newest checkpoint, file by file: what
        # a kill leaves of it would be gone on from.
        limit, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            return super()._finalize_training(*args)
        finally:
            self.args.save_total_limit = limit


__all__ = ["WholeCheckpointTrainer", "last_complete_checkpoint", "remove_checkpoints"]
