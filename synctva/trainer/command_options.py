"""The options of `synctva train`, whose defaults are those of the data set's recipe."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import HfArgumentParser

from synctva.cross_validation.folds import LEFT_OUT
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.parent import FREEZE
from synctva.trainer.recipes import RECIPES, recipe_of
from synctva_command_line.parsing import complete, refuse_mistyped


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
    folds: int | None = field(
        default=None, metadata={"help": "Cross-validate in so many folds of conversations."}
    )
    leave_one_out: str | None = field(
        default=None,
        metadata={"help": "Cross-validate, leaving out one at a time.", "choices": list(LEFT_OUT)},
    )
    search_trials: int = field(
        default=0,
        metadata={"help": "Search for hyperparameters in so many trials, then train the best."},
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
    license: str | None = field(
        default=None,
        metadata={"help": "Of the model, for its card, such as apache-2.0; default: none."},
    )
    config: str | None = None
    config_overrides: str | None = None
    overwrite_output_dir: bool = False
    media_root: str | None = field(
        default=None, metadata={"help": "Folder of the files in a table's media_path."}
    )
    columns: str | None = field(
        default=None,
        metadata={"help": "Other names of a table's columns: dialogue_id=video_id,text=said."},
    )
    label: str | None = field(
        default=None, metadata={"help": "A table's column of labels; sentiment, of MELD."}
    )
    extract: str | None = field(
        default=None,
        metadata={
            "help": "Folder: make features of the data's clips there, if it has none, and train "
            "on them."
        },
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
    first.add_argument("--seed", type=int, default=0)
    first.add_argument("--folds")
    first.add_argument("--leave_one_out")
    known, _ = first.parse_known_args(arguments)
    parser = HfArgumentParser(
        (ScriptArguments, SyncTVATrainingArguments),
        prog="synctva train",
        usage="%(prog)s [options]",
        description="Train Sync-TVA.",
    )
    folder = f"runs/{known.dataset}-seed{known.seed}"
    if known.folds or known.leave_one_out:
        folder += f"-{known.folds}-folds" if known.folds else f"-each-{known.leave_one_out}"
    elif known.dataset == "simulated":
        folder = "synctva-simulated"
    parser.set_defaults(output_dir=folder, seed=known.seed)
    if known.dataset in RECIPES:  # the parser rejects any other
        parser.set_defaults(**recipe_of(known.dataset, known.data_dir).training)
    complete(parser, "train")
    refuse_mistyped(parser, arguments)
    script, training, unknown = parser.parse_args_into_dataclasses(
        args=arguments, return_remaining_strings=True
    )
    if unknown:
        parser.error(f"unrecognized arguments: {shlex.join(unknown)}")
    return script, training


__all__ = ["ScriptArguments", "parse_arguments"]
