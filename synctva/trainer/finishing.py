"""The end of a training: calibration, scores, and a folder that is worth publishing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import DatasetDict
from transformers.utils import logging

from synctva.calibration_fitting import TooLittleToCalibrateError
from synctva.cards.card_plots import write_card_plots
from synctva.cards.example import run_example
from synctva.cards.model_card import model_card
from synctva.metrics.missing_modalities import subset_scores
from synctva.results import collect_results, write_results
from synctva.trainer.learning_curve import learning_curve
from synctva.trainer.parent import describe_parent
from synctva.trainer.recipes import table_checksum
from synctva.trainer.statistics import split_size
from synctva.trainer.trainer import SyncTVATrainer

logger = logging.get_logger(__name__)


def finish_training(
    trainer: SyncTVATrainer,
    data: DatasetDict,
    *,
    dataset: str = "table",
    data_dir: str | os.PathLike | None = None,
    reading: Mapping[str, Any] | None = None,
    parent: str | os.PathLike | Mapping[str, Any] | None = None,
    license: str | None = None,
    command: str | None = None,
    runs: Sequence[str | os.PathLike] = (),
) -> dict[str, Any]:
    """Calibrate a trained model on dev, evaluate it, and write it with its card.

    `output_dir` then has the model with its processor and code, `results.json`, and the card with
    its plots. `trainer.push_to_hub()` uploads all of it.

    Args:
        trainer: after `train`, with the processor as `processing_class`.
        data: the splits of `prepare_training`, with dev. Test is evaluated once, if it is there.
        dataset: the recipe, see `synctva.trainer.recipes.RECIPES`.
        data_dir: where a table was loaded from, so that `synctva evaluate` recognises it.
        reading: `columns` and `label` with which it was loaded, for the same purpose.
        parent: the checkpoint that training started from, or what `describe_parent` says of it.
        license: of the model, for the card, such as "apache-2.0"; by default the card names none.
        command: that trains the model again, for the card.
        runs: `results.json` of several seeds, for the card's table over seeds.

    Returns:
        The content of `results.json`, see `synctva.results.collect_results`, with what the card
        says of the training too: `splits` (conversations, utterances and labels of each),
        `parameters`, `learning_curve` and, if dev is large enough, `held_out_nll`.

    Raises:
        ValueError: the trainer has no processor.
    """
    processor = trainer.processor
    if processor is None:
        raise ValueError("processing_class = None: expected the processor of prepare_training")
    held_out = None
    try:
        held_out = trainer.calibrate(data["dev"])
    except TooLittleToCalibrateError as error:
        logger.warning(f"The model stays uncalibrated, without prediction sets. dev: {error}")
    names, history = trainer.label_names_in_order, trainer.state.log_history
    results = collect_results(
        trainer,
        data,
        dataset=dataset,
        training_seconds=next((e["train_runtime"] for e in history if "train_runtime" in e), None),
        command=command,
    )
    results["feature_names"] = processor.feature_names
    results["splits"] = {
        split: split_size(rows, names)
        for split, rows in {"train": trainer.train_dataset, **data}.items()
    }
    results["parameters"] = trainer.emotion_model.num_parameters()
    results["learning_curve"] = learning_curve(trainer.state)
    if held_out is not None:
        results["held_out_nll"] = held_out
    if parent is not None:
        results["parent"] = dict(parent) if isinstance(parent, Mapping) else describe_parent(parent)
    if dataset == "table" and data_dir is not None:
        results["table_sha256"] = table_checksum(dataset, str(data_dir))
    for name in ("columns", "label"):
        if reading and reading.get(name):
            results[name] = reading[name]
    if "test" in data:
        results["subsets"] = subset_scores(trainer, data["test"])
    _write(trainer, results, license, runs)
    return results


def _write(
    trainer: SyncTVATrainer,
    results: Mapping[str, Any],
    license: str | None,
    runs: Sequence[str | os.PathLike],
) -> None:
    example = None
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    if trainer.is_world_process_zero() and not sharded:  # no process has a whole sharded model
        example = run_example(trainer.emotion_model, trainer.processor)
    folder = trainer.args.output_dir
    trainer.model_card = lambda trainer: str(
        model_card(
            results,
            trainer.config,
            runs=[json.loads(Path(run).read_text(encoding="utf-8")) for run in runs],
            # The trainer's name, which is set when it pushes, includes the user name.
            model_name=trainer.hub_model_id or trainer.args.hub_model_id or Path(folder).name,
            text_encoder=trainer.processor.text_encoder,
            example=example,
            license=license,
            arguments=trainer.args.to_dict(),
        )
    )
    if trainer.is_world_process_zero():
        write_results(folder, results)
        write_card_plots(folder, results, example)
    trainer.save_model()
    trainer.create_model_card()


__all__ = ["finish_training"]
