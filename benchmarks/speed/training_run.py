"""A whole training run of MELD's size, as `synctva train` makes it on frozen features.

The recipe is the data set's, with an evaluation on dev after each of its epochs. The conversations
are random, so what the model learns means nothing.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

from transformers.utils import logging

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.recipes import RECIPES
from synctva.trainer.trainer import SyncTVATrainer

from .shapes import CORPORA, Size, conversations, dataset, lengths


def measure(size: Size) -> dict[str, Any]:
    """Return the seconds of wall and processor time, and the amount of training data."""
    logging.disable_progress_bar()
    config = size.build_config("meld")
    train, dev = (
        dataset(config, conversations(config, lengths("meld", count), CORPORA["meld"].speakers))
        for count in size.conversations
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = SyncTVATrainingArguments(
            output_dir=folder,
            report_to=[],
            disable_tqdm=True,
            save_only_model=True,
            **RECIPES["meld"].training,
        )
        trainer = SyncTVATrainer(SyncTVAForEmotionRecognition(config), arguments, train, dev)
        started, computed = time.perf_counter(), time.process_time()
        trainer.train()
        return {
            "seconds": time.perf_counter() - started,
            "processor_seconds": time.process_time() - computed,
            "epochs": arguments.num_train_epochs,
            "utterances": sum(map(len, train["labels"])),
        }


__all__ = ["measure"]
