"""Uploads to the Hub during training."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import run_as_future, upload_folder
from transformers import Trainer
from transformers.trainer_utils import HubStrategy
from transformers.utils import PushInProgress, logging

from synctva.trainer.averaging import RAW_WEIGHTS

logger = logging.get_logger(__name__)

RESUMED_FROM = (
    "optimizer*", "scheduler.pt", "scaler.pt", "rng_state*", "trainer_state.json", RAW_WEIGHTS,
)  # fmt: skip
"""Checkpoint files that only a resumed training needs."""


class PushingTrainer(Trainer):
    """A Trainer that pushes its checkpoints without transformers' pickle.

    At every save, transformers uploads a pickle of the training arguments, including the Hub's
    token. It also leaves out the processor and the code, uploads from a checkpoint that may be
    deleted meanwhile, and does not report a failed upload.
    """

    push_in_progress: PushInProgress | None

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Upload a checkpoint's model in the background, or all of it, see `hub_strategy`.

        Skipped while an earlier upload is running, unless `hub_always_push` is set.
        """
        strategy = self.args.hub_strategy
        if not self.is_world_process_zero() or strategy == HubStrategy.END:
            return
        push = self.push_in_progress
        if push is None or push.is_done():
            push = self.push_in_progress = PushInProgress([])
        elif not self.args.hub_always_push:
            return
        self.callback_handler.on_push_begin(self.args, self.state, self.control)
        name = Path(checkpoint_folder).name
        folders = {HubStrategy.CHECKPOINT: "last-checkpoint", HubStrategy.ALL_CHECKPOINTS: name}
        message = f"Training in progress, {name}"
        uploads = [{"commit_message": message, "ignore_patterns": list(RESUMED_FROM)}]
        if strategy in folders:
            resumable = f"{message}, to resume from"
            uploads.append({"commit_message": resumable, "path_in_repo": folders[strategy]})
        # A copy, because `save_total_limit` may delete the checkpoint before it is uploaded. Its
        # name excludes it from the upload of the whole output folder.
        copy = tempfile.mkdtemp(prefix="_push-", dir=self.args.output_dir)
        shutil.copytree(checkpoint_folder, copy, dirs_exist_ok=True)
        hub = {
            "repo_id": self.hub_model_id,
            "token": self.args.hub_token,
            "revision": self.args.hub_revision,
        }
        push.jobs.append(run_as_future(_upload, copy, [{**hub, **upload} for upload in uploads]))


def _upload(folder: str, uploads: list[dict[str, Any]]) -> None:
    """Upload a folder once for each set of `upload_folder` options, then remove it."""
    try:
        for options in uploads:
            upload_folder(folder_path=folder, **options)
    except Exception as error:  # training continues; the push at its end raises
        logger.warning(f"a checkpoint could not be pushed: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["RESUMED_FROM", "PushingTrainer"]
