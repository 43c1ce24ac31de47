"""Train Sync-TVA.

    synctva train                                      # on simulated conversations
    synctva train --model synctva-meld --dataset table --data_dir own.csv  # from a checkpoint
    synctva train --dataset meld --data_dir <folder with MELD's CSVs>
    synctva train --dataset table --data_dir own.csv --folds 5             # cross-validation
    synctva train --dataset table --data_dir own.csv --search_trials 20    # hyperparameters
    accelerate launch --module synctva.commands.train --dataset meld --data_dir <folder>

Every field of `SyncTVATrainingArguments` is an option. The defaults for each data set, and for the
feature sets made from it, are in `synctva/trainer/recipes.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from transformers import set_seed
from transformers.utils import CONFIG_NAME, logging

from synctva.commands import program, table_options
from synctva.commands.extract import with_extracted
from synctva.cross_validation.report import cross_validation_table
from synctva.cross_validation.running import cross_validate, fold_folders, remove_folds
from synctva.datasets_scripts.table.sessions import table_sessions
from synctva.features.feature_sets import stream_feature_set
from synctva.files import only_run
from synctva.provenance import shown_command
from synctva.results import results_table, write_results
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.checkpoints import last_complete_checkpoint, remove_checkpoints
from synctva.trainer.command_options import ScriptArguments, parse_arguments
from synctva.trainer.finishing import finish_training
from synctva.trainer.parent import describe_parent
from synctva.trainer.preparation import PreparedTraining, prepare_training
from synctva.trainer.recipes import check_modality_names, load_splits
from synctva.trainer.search import (
    TRIALS_FILE,
    remove_trials,
    search_hyperparameters,
    search_lines,
)
from synctva.trainer.trainer import SyncTVATrainer

logger = logging.get_logger(__name__)


def checkpoint_to_resume(training: SyncTVATrainingArguments, overwrite: bool = False) -> str | None:
    """Return the checkpoint to continue from, None to start a new run.

    `--resume_from_checkpoint last` continues an interrupted run, if there is one.

    Args:
        training: the folder, and what to resume from.
        overwrite: whether the folder's model or unfinished run may be lost.

    Raises:
        SystemExit: it may not. A finished run has no checkpoints, and its model would be replaced.
    """
    folder, wanted = training.output_dir, training.resume_from_checkpoint
    if fold_folders(folder):
        raise SystemExit(f"output_dir = {folder}: there is a cross-validation: expected another")
    last = last_complete_checkpoint(folder)
    if last is None and not overwrite and (Path(folder) / CONFIG_NAME).is_file():
        raise SystemExit(
            f"output_dir = {folder}: there is a trained model: expected another folder, or "
            "--overwrite_output_dir to replace it"
        )
    if wanted is not None:
        return last if wanted.lower() in ("last", "true") else wanted
    if last is not None and not overwrite:
        raise SystemExit(
            f"{folder} has checkpoints of an unfinished run ({last}): continue it with "
            "--resume_from_checkpoint last, start anew with --overwrite_output_dir, or choose "
            "another --output_dir"
        )
    return None


def main(arguments: Sequence[str]) -> None:
    script, training = parse_arguments(arguments)
    run = cross_validation if script.folds or script.leave_one_out else train
    with only_run(training.output_dir) if training.process_index == 0 else nullcontext():
        run(script, training, list(arguments))


def cross_validation(
    script: ScriptArguments, training: SyncTVATrainingArguments, options: Sequence[str]
) -> None:
    """Train and test a model for each fold, and report the scores."""
    kind = "--folds" if script.folds else "--leave_one_out"
    for name in ("streaming", "max_train_conversations", "search_trials"):
        if getattr(script, name):
            raise SystemExit(f"{kind}: expected no --{name}, because each fold has its own data")
    if script.overwrite_output_dir:
        remove_folds(training.output_dir)
    logging.disable_progress_bar()
    set_seed(training.seed)
    script = with_extracted(script)
    prepared = prepare(script, seed=training.seed, required=["train"])
    sessions = None
    if script.leave_one_out == "session" and script.dataset == "table":
        columns = table_options(script)["columns"]
        sessions = table_sessions(prepared.data, str(script.data_dir), columns)
    report = cross_validate(
        prepared,
        training,
        folds=script.folds,
        leave_one_out=script.leave_one_out,
        sessions=sessions,
        refit_statistics=script.refit_statistics,
        dataset=script.dataset,
        facts={"command": shown_command("synctva train", options), **parent_of(script)},
    )
    print(f"{cross_validation_table(report)}\n\nwritten to {training.output_dir}")


def prepare(script: ScriptArguments, **options: Any) -> PreparedTraining:
    """Load the data, and make processor and model for it; `options` are those of `load_splits`."""
    data = load_splits(
        script.dataset,
        script.data_dir,
        max_train_conversations=script.max_train_conversations,
        **table_options(script),
        **options,
    )
    return prepare_training(
        data,
        script.model,
        recipe=script.dataset,
        data_dir=script.data_dir,
        modalities=script.modalities,
        config=script.config,
        config_overrides=script.config_overrides,
        text_backbone=script.text_backbone,
        freeze=script.freeze,
        refit_statistics=script.refit_statistics,
    )


def parent_of(script: ScriptArguments) -> dict[str, Any]:
    """Return the entry of the results that says where training starts from, if anywhere."""
    if script.model is None:
        return {}
    return {"parent": describe_parent(script.model, script.freeze, script.refit_statistics)}


def train(
    script: ScriptArguments, training: SyncTVATrainingArguments, options: Sequence[str]
) -> None:
    """Train a model, evaluate it and write its folder; the card shows `options`."""
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    if launched != training.world_size:
        raise SystemExit(
            f"{launched} processes were launched, but each would train on its own: expected one "
            "process per GPU, or --use_cpu"
        )
    if script.streaming and (script.dataset != "features" or script.max_train_conversations):
        raise SystemExit(
            "--streaming: expected --dataset features with a folder that `synctva prepare` or "
            "`synctva extract` has written, and no --max_train_conversations"
        )
    if script.streaming and script.model is not None:
        raise SystemExit(
            "--streaming: expected no --model, because a stream's features are not matched with "
            "those that a checkpoint reads"
        )
    if script.streaming and script.search_trials:
        raise SystemExit("--streaming: expected no --search_trials, which reads the data each time")
    check_modality_names(script.modalities)
    resume_from = checkpoint_to_resume(training, script.overwrite_output_dir)
    if resume_from is None and training.process_index == 0:
        remove_checkpoints(training.output_dir)  # of the run that is started anew
        if script.overwrite_output_dir:
            remove_trials(training.output_dir)
    logging.disable_progress_bar()  # for loading and saving; training keeps its own
    set_seed(training.seed)  # before the weights are drawn
    with training.main_process_first(desc="loading the data"):
        script = with_extracted(script)
        prepared = prepare(
            script,
            seed=training.seed,
            splits=["dev", "test"] if script.streaming else None,
            required=["dev"] if script.streaming else ["train", "dev"],
        )
    search = None
    if script.search_trials:
        with redirect_stdout(sys.stderr):
            search = search_hyperparameters(prepared, training, script.search_trials)
    data, processor, model, _ = prepared
    stream = None
    if script.streaming:
        stream = stream_feature_set(str(script.data_dir), modalities=script.modalities)
    trainer = SyncTVATrainer(
        model=model,
        args=training,
        train_dataset=data["train"] if stream is None else stream,
        eval_dataset=data["dev"],
        processing_class=processor,
    )
    with redirect_stdout(sys.stderr):  # scores during training; stdout is for the results
        trainer.train(resume_from_checkpoint=resume_from)

    if training.hub_token:  # a secret, and the card shows the command
        options = [option.replace(training.hub_token, "<HUB_TOKEN>") for option in options]
    results = finish_training(
        trainer,
        data,
        dataset=script.dataset,
        data_dir=script.data_dir,
        reading=table_options(script),
        **parent_of(script),
        license=script.license,
        command=shown_command("synctva train", options),
        runs=script.runs,
    )
    if search is not None:
        results["search"] = search
        write_results(training.output_dir, results)
    if training.push_to_hub:
        trainer.push_to_hub()
    if trainer.is_world_process_zero():
        remove_checkpoints(training.output_dir)  # the run is complete, there is nothing to resume
        remove_trials(training.output_dir)
        print(f"\n{results_table(results)}\n\ntrained in {results['training_seconds']:.0f} s\n")
        if search is not None:
            print(f"{search_lines(search)} ({training.output_dir}/{TRIALS_FILE})\n")
        reads_text = bool(processor.text_encoder or processor.text_tokens)
        print(usage(training.output_dir, script.data_dir, reads_text))
    trainer.end()


def usage(folder: str, data_dir: str | None, reads_text: bool) -> str:
    """Return the command to use the model with."""
    if not reads_text:
        data = f" --data_dir {data_dir}" if data_dir else ""
        return f"Evaluate it again: {program()} evaluate --model {folder}{data}"
    texts = '"I got the job!" "That is wonderful!"'
    return f"Use it: {program()} predict --model {folder} --text {texts}"


if __name__ == "__main__":
    main(sys.argv[1:])
