"""Train Sync-TVA.

    synctva train                                      # on simulated conversations
    synctva train --model synctva-meld --dataset table --data_dir own.csv  # from a checkpoint
    synctva train --dataset meld --data_dir <folder with MELD's CSVs>
    accelerate launch --module synctva.commands.train --dataset meld --data_dir <folder>

Every field of `SyncTVATrainingArguments` is an option. The defaults for each data set, and for the
feature sets made from it, are in `synctva/trainer/recipes.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from transformers import HfArgumentParser, set_seed
from transformers.utils import CONFIG_NAME, logging

from synctva import MODALITIES
from synctva.calibration_fitting import TooLittleToCalibrateError
from synctva.cards.example import run_example, write_example_plots
from synctva.cards.model_card import model_card
from synctva.commands import program
from synctva.features.feature_sets import stream_feature_set
from synctva.files import only_run
from synctva.metrics.missing_modalities import subset_scores
from synctva.plots import write_calibration_plots
from synctva.provenance import shown_command
from synctva.results import collect_results, results_table, write_results
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.checkpoints import last_complete_checkpoint, remove_checkpoints
from synctva.trainer.parent import FREEZE, describe_parent
from synctva.trainer.preparation import prepare_training
from synctva.trainer.recipes import (
    RECIPES,
    check_modality_names,
    load_splits,
    recipe_of,
    table_checksum,
)
from synctva.trainer.trainer import SyncTVATrainer
from synctva_command_line.parsing import complete, refuse_mistyped

logger = logging.get_logger(__name__)


@dataclass
class ScriptArguments:
    """Which data to train on, and which model to train.

    `synctva_command_line.training.train` has the help of those options that are used most.
    """

    _argument_group_name = "data and model"

    dataset: str = field(default="simulated", metadata={"choices": list(RECIPES)})
    data_dir: str | None = None
    model: str | None = field(
        default=None,
        metadata={"help": "Start from a checkpoint: folder, synctva-meld, or Hub name."},
    )
    freeze: str = field(
        default="none",
        metadata={"help": "What of a checkpoint is not trained.", "choices": list(FREEZE)},
    )
    refit_statistics: bool = field(
        default=False,
        metadata={"help": "Fit a checkpoint's feature statistics to the training data again."},
    )
    modalities: list[str] = field(
        default_factory=lambda: list(MODALITIES),
        metadata={"nargs": "+"},
    )
    streaming: bool = field(
        default=False,
        metadata={"help": "Read the training split of a feature set during training."},
    )
    max_train_conversations: int | None = None
    text_backbone: str | None = field(
        default=None,
        metadata={"help": "Hub encoder to train end to end; default: frozen text features."},
    )
    runs: list[str] = field(
        default_factory=list,
        metadata={
            "help": "results.json of several seeds of this recipe, for the card.",
            "nargs": "*",
        },
    )
    config: str | None = None
    config_overrides: str | None = None
    overwrite_output_dir: bool = False
    media_root: str | None = field(
        default=None, metadata={"help": "Folder of the files in a table's media_path."}
    )
    allow_absolute_paths: bool = field(
        default=False,
        metadata={"help": "Let media_path of your own table lead anywhere on this machine."},
    )


def parse_arguments(
    arguments: Sequence[str],
) -> tuple[ScriptArguments, SyncTVATrainingArguments]:
    """Parse the options; defaults come from the data set's recipe."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--dataset", default="simulated")
    first.add_argument("--data_dir")
    first.add_argument("--model")
    first.add_argument("--seed", type=int, default=0)
    known, _ = first.parse_known_args(arguments)
    parser = HfArgumentParser(
        (ScriptArguments, SyncTVATrainingArguments),
        prog="synctva train",
        usage="%(prog)s [options]",
        description=(__doc__ or "").splitlines()[0],
    )
    folder = (
        "synctva-simulated"
        if known.dataset == "simulated"
        else f"runs/{known.dataset}-seed{known.seed}"
    )
    parser.set_defaults(output_dir=folder, seed=known.seed)
    if known.dataset in RECIPES:  # the parser rejects any other
        recipe = recipe_of(known.dataset, known.data_dir)
        parser.set_defaults(**recipe.arguments(fine_tuning=known.model is not None))
    complete(parser, "train")
    refuse_mistyped(parser, arguments)
    script, training, unknown = parser.parse_args_into_dataclasses(
        args=arguments, return_remaining_strings=True
    )
    if unknown:
        parser.error(f"unrecognized arguments: {shlex.join(unknown)}")
    return script, training


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
    with only_run(training.output_dir) if training.process_index == 0 else nullcontext():
        train(script, training, list(arguments))


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
    check_modality_names(script.modalities)
    resume_from = checkpoint_to_resume(training, script.overwrite_output_dir)
    if resume_from is None and training.process_index == 0:
        remove_checkpoints(training.output_dir)  # of the run that is started anew
    logging.disable_progress_bar()  # for loading and saving; training keeps its own
    set_seed(training.seed)  # before the weights are drawn
    with training.main_process_first(desc="loading the data"):
        data = load_splits(
            script.dataset,
            script.data_dir,
            seed=training.seed,
            max_train_conversations=script.max_train_conversations,
            splits=["dev", "test"] if script.streaming else None,
            required=["dev"] if script.streaming else ["train", "dev"],
            media_root=script.media_root,
            allow_absolute_paths=script.allow_absolute_paths,
        )
        data, processor, model, _ = prepare_training(
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
    started = time.perf_counter()
    with redirect_stdout(sys.stderr):  # scores during training; stdout is for the results
        trainer.train(resume_from_checkpoint=resume_from)
    seconds = time.perf_counter() - started
    try:
        trainer.calibrate(data["dev"])
    except TooLittleToCalibrateError as error:
        logger.warning(f"The model stays uncalibrated, without prediction sets. dev: {error}")

    if training.hub_token:  # a secret, and the card shows the command
        options = [option.replace(training.hub_token, "<HUB_TOKEN>") for option in options]
    results = collect_results(
        trainer,
        data,
        dataset=script.dataset,
        training_seconds=seconds,
        command=shown_command("synctva train", options),
    )
    results["feature_names"] = processor.feature_names
    if script.model is not None:
        results["parent"] = {
            **describe_parent(script.model),
            "frozen": script.freeze,
            "statistics": "refitted" if script.refit_statistics else "kept",
        }
    if script.dataset == "table":
        results["table_sha256"] = table_checksum(script.dataset, script.data_dir)
    if "test" in data:
        results["subsets"] = subset_scores(trainer, data["test"])
    example = None
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    if trainer.is_world_process_zero() and not sharded:  # no process has a whole sharded model
        example = run_example(model, processor)
    trainer.model_card = lambda trainer: str(
        model_card(
            results,
            trainer.config,
            runs=[json.loads(Path(run).read_text(encoding="utf-8")) for run in script.runs],
            # The trainer's name, which is set when it pushes, includes the user name.
            model_name=trainer.hub_model_id
            or training.hub_model_id
            or Path(training.output_dir).name,
            text_encoder=trainer.processor.text_encoder,
            example=example,
        )
    )
    if trainer.is_world_process_zero():
        write_results(training.output_dir, results)
        if "calibration" in results:
            write_calibration_plots(training.output_dir, results["calibration"])
        if example is not None:
            write_example_plots(training.output_dir, example)
    if training.push_to_hub:
        trainer.push_to_hub()
    else:
        trainer.save_model()
        trainer.create_model_card()
    if trainer.is_world_process_zero():
        remove_checkpoints(training.output_dir)  # the run is complete, there is nothing to resume
        print(f"\n{results_table(results)}\n\ntrained in {seconds:.0f} s\n")
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
