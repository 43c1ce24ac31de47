"""Train and test a model for each fold."""

from __future__ import annotations

import copy
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict, concatenate_datasets
from scipy.special import softmax
from tqdm.auto import tqdm
from transformers import set_seed
from transformers.utils import CONFIG_NAME, logging

from synctva.calibration_fitting import TooLittleToCalibrateError
from synctva.cross_validation.folds import Fold, make_folds
from synctva.cross_validation.report import SCORES_FROM, make_report, write_answers, write_report
from synctva.datasets_scripts.schema import UNLABELLED
from synctva.modeling_synctva.configuration_synctva import MODALITIES, counted
from synctva.results import RESULTS_FILE, collect_results, read_results, write_results
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.checkpoints import last_complete_checkpoint, remove_checkpoints
from synctva.trainer.parent import fit_statistics
from synctva.trainer.preparation import PreparedTraining
from synctva.trainer.run_settings import refuse_other_settings, run_settings
from synctva.trainer.statistics import trained_modalities
from synctva.trainer.trainer import SyncTVATrainer

logger = logging.get_logger(__name__)


def cross_validate(
    prepared: PreparedTraining,
    arguments: SyncTVATrainingArguments,
    *,
    folds: int | None = None,
    leave_one_out: str | None = None,
    sessions: Sequence[str] | None = None,
    refit_statistics: bool = False,
    dataset: str = "table",
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Hold out every conversation once, and test a model on it that has not seen it.

    The splits of the data are put together first. Each fold starts from the same weights. Of the
    conversations that a fold does not hold out, a tenth is its dev, which chooses the epoch and
    calibrates; the rest is its training data, which alone gives the feature statistics, unless a
    checkpoint has brought its own. What is held out is only tested.

    `arguments.output_dir` gets a folder `fold-1`, ... for each fold with its `results.json` and
    `answers.csv`, the same of all folds together, and `report.md`. A fold that has its results is
    not trained again, and an unfinished one continues from its last checkpoint.

    Args:
        prepared: from `prepare_training`.
        arguments: of every fold's training; the seed is also that of the division.
        folds: number of folds into which the conversations are divided, with about equal counts of
            each label; or
        leave_one_out: "speaker", "session" or "dialogue": a fold for each. Leaving a speaker out
            holds out the conversations in which they speak, and scores what they say.
        sessions: the session of each conversation, in the order of the splits; default: by the ids
            of IEMOCAP's conversations.
        refit_statistics: replace a checkpoint's feature statistics by those of each fold's
            training data.
        dataset: its name, for the report.
        facts: further entries of the report.

    Returns:
        The report, as in `results.json`: `folds` (a list with name, sizes and scores of each),
        `mean` and `deviation` of the scores over folds, `pooled` (the scores of all held-out
        answers together, see `synctva.metrics.compute`), and how it was made.

    Raises:
        ValueError: there is too little to divide, see `make_folds`; the folder has a trained model,
            or folds of other data or settings; or an argument needs a single model.
    """
    folder = Path(arguments.output_dir)
    if (folder / CONFIG_NAME).is_file():
        raise ValueError(
            f"output_dir = {folder}: there is a trained model: expected a folder of its own for a "
            "cross-validation"
        )
    if arguments.push_to_hub or arguments.world_size > 1:
        name = "push_to_hub" if arguments.push_to_hub else "world_size"
        value = getattr(arguments, name)
        expected = "False, because there is a model for each fold" if value is True else "1"
        raise ValueError(f"{name} = {value}: expected {expected}")
    pooled = concatenate_datasets(list(prepared.data.values()))
    divided = make_folds(
        pooled,
        folds=folds,
        leave_one_out=leave_one_out,
        sessions=sessions,
        seed=arguments.seed,
    )
    settings = run_settings(prepared, arguments, refit_statistics=refit_statistics)
    for number, fold in enumerate(divided, 1):
        own, of_fold = folder / f"fold-{number}", {**settings, "fold": fold.name}
        if (own / RESULTS_FILE).is_file():
            refuse_other_settings(own, read_results(own).get("settings", {}), of_fold)
            continue
        size = counted(len(fold.held_out), "conversation")
        title = f"fold {number} of {len(divided)}: {size} held out"
        title += f" ({leave_one_out} {fold.name})" if leave_one_out else ""
        changes: Any = {"output_dir": str(own), "run_name": str(own)}
        with redirect_stdout(sys.stderr):
            tqdm.write(f"\n{title}")
            given = replace(arguments, **changes)
            results, answers = _run(prepared, pooled, fold, given, dataset, refit_statistics)
        write_answers(own, answers)
        write_results(own, {"fold": fold.name, **results, "settings": of_fold})
        remove_checkpoints(own)
    how = {"folds": folds} if folds else {"leave_one_out": leave_one_out}
    filled = [note for note in (pooled.info.description or "").splitlines() if "took the" in note]
    report = make_report(folder, len(divided), {**how, "filled": filled, **(facts or {})})
    write_report(folder, report)
    return report


def fold_folders(output_dir: str | os.PathLike) -> list[Path]:
    """Return the folders of the folds of a cross-validation."""
    found = Path(output_dir).glob("fold-*")
    return [own for own in found if own.is_dir() and re.fullmatch(r"fold-\d+", own.name)]


def remove_folds(output_dir: str | os.PathLike) -> None:
    """Remove the folds of an earlier cross-validation."""
    for own in fold_folders(output_dir):
        shutil.rmtree(own)


def _run(
    prepared: PreparedTraining,
    pooled: Dataset,
    fold: Fold,
    arguments: SyncTVATrainingArguments,
    dataset: str,
    refit_statistics: bool,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train and test one fold; return its results, and a row for each held-out answer."""
    set_seed(arguments.seed)
    data = DatasetDict(
        train=pooled.select(fold.train),
        dev=pooled.select(fold.dev),
        test=_scored(pooled.select(fold.held_out), fold.speaker),
    )
    model, processor = copy.deepcopy(prepared.model), copy.deepcopy(prepared.processor)
    brought = set() if refit_statistics else trained_modalities(model)
    fit_statistics(model, processor, data["train"], set(MODALITIES) - brought)
    trainer = SyncTVATrainer(
        model,
        arguments,
        train_dataset=data["train"],
        eval_dataset=data["dev"],
        processing_class=processor,
    )
    started = time.perf_counter()
    trainer.train(resume_from_checkpoint=last_complete_checkpoint(arguments.output_dir))
    seconds = time.perf_counter() - started
    try:
        trainer.calibrate(data["dev"])
    except TooLittleToCalibrateError as error:
        logger.warning(f"The fold's model stays uncalibrated. dev: {error}")
    results = collect_results(trainer, data, dataset=dataset, training_seconds=seconds)
    results["conversations"] = len(data["test"])
    return results, _answers(trainer, data["test"], fold.name)


def _scored(data: Dataset, speaker: str | None) -> Dataset:
    """Leave only the labels of one speaker, so that what others say is only context."""
    if speaker is None:
        return data

    def own(row: Mapping[str, Any]) -> dict[str, list[int]]:
        pairs = zip(row["labels"], row["speakers"], strict=True)
        return {"labels": [label if name == speaker else UNLABELLED for label, name in pairs]}

    return data.map(own, features=data.features, keep_in_memory=True, load_from_cache_file=False)


def _answers(trainer: SyncTVATrainer, data: Dataset, fold: str) -> list[dict[str, Any]]:
    """Return a row for each labelled utterance, with the probability of each label at its end."""
    logits = trainer.predict_fields(data)["logits"].astype(np.float64)  # (conversations, N, C)
    names = trainer.label_names_in_order
    rows = []
    for row, scores in zip(data, softmax(logits, axis=-1), strict=True):
        for place, label in enumerate(row["labels"]):
            if label != UNLABELLED:
                known = {
                    "fold": fold,
                    "dialogue_id": row["dialogue_id"],
                    "utterance_id": row["utterance_ids"][place],
                    "speaker": row["speakers"][place],
                    "label": names[label],
                    "answer": names[int(scores[place].argmax())],
                }
                own = dict(zip(names, scores[place].tolist(), strict=True))
                rows.append({**known, **{f"{SCORES_FROM}{name}": own[name] for name in names}})
    return rows


__all__ = ["cross_validate", "fold_folders", "remove_folds"]
