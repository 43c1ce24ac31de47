"""Parsers of the commands for training."""

from __future__ import annotations

import argparse
from pathlib import Path

from .parsing import DATASETS, MODALITIES, TEXT_CORPORA, add_table_options, new_parser


def train() -> argparse.ArgumentParser:
    """Return the options that are used most; see `ABRIDGED`."""
    parser = new_parser("train", usage="synctva train [options]", epilog=_DEFAULTS)
    data = parser.add_argument_group("data and model")
    data.add_argument("--dataset", choices=DATASETS, help="what to train on; default: simulated")
    data.add_argument("--data_dir", help="folder or file of the data; the simulator needs none")
    data.add_argument("--modalities", nargs="+", choices=MODALITIES, help="mask the others")
    data.add_argument("--max_train_conversations", help="train on the first ones only")
    data.add_argument("--model", help="checkpoint to start from: folder, synctva-meld, or Hub name")
    data.add_argument("--config", help="preset, model folder or Hub name whose config is read")
    data.add_argument("--config_overrides", help="changes to it: field=value,field=value")
    data.add_argument("--output_dir", help="folder of the model; default: runs/<dataset>-seed<n>")
    data.add_argument(
        "--overwrite_output_dir",
        action="store_true",
        help="replace the model of a finished run, or start an unfinished one anew",
    )
    data.add_argument(
        "--resume_from_checkpoint",
        metavar="last",
        help="continue an interrupted run; or a checkpoint's folder",
    )
    several = parser.add_argument_group("several trainings")
    several.add_argument("--folds", help="cross-validate in so many folds of conversations")
    several.add_argument(
        "--leave_one_out",
        choices=("speaker", "session", "dialogue"),
        help="cross-validate, each time without one of them",
    )
    several.add_argument(
        "--search_trials", help="search for hyperparameters in so many trials, then train the best"
    )
    run = parser.add_argument_group("training")
    run.add_argument("--num_train_epochs", help="passes over the training conversations")
    run.add_argument("--per_device_train_batch_size", help="conversations per step and device")
    run.add_argument("--learning_rate", help="its peak")
    run.add_argument("--seed", help="of weights, order and dropout; default: 0")
    run.add_argument("--use_cpu", action="store_true", help="even if there is a GPU")
    run.add_argument("--report_to", help="where scores are logged: tensorboard, wandb, none")
    run.add_argument("--push_to_hub", action="store_true", help="upload the model at the end")
    _add_help_all(parser)
    return parser


def finetune() -> argparse.ArgumentParser:
    """Return the options that are used most; see `ABRIDGED`."""
    parser = new_parser("finetune", usage="synctva finetune [options]", epilog=_DEFAULTS)
    data = parser.add_argument_group("data and encoder")
    data.add_argument("--dataset", choices=("meld", "iemocap", "table"), help="what to train on")
    data.add_argument("--data_dir", help="folder of the data")
    data.add_argument("--encoder", help="folder or Hub name of the encoder")
    data.add_argument(
        "--also",
        nargs="+",
        metavar="NAME=FOLDER",
        help=f"further corpora to learn from: {', '.join(TEXT_CORPORA)}",
    )
    data.add_argument("--output_dir", help="folder for encoder and features; default: runs/text")
    data.add_argument(
        "--folds", help="folds in which the training split's features are cross-fitted; 0: none"
    )
    run = parser.add_argument_group("training")
    run.add_argument("--frozen_layers", help="lower layers that are not trained; default: 6")
    run.add_argument("--num_train_epochs", help="passes over the training utterances")
    run.add_argument("--learning_rate", help="of the highest layer")
    run.add_argument("--seed", help="of the classifier, order and dropout")
    _add_help_all(parser)
    return parser


_DEFAULTS = "--help_all gives the defaults too; those of training depend on --dataset."


def _add_help_all(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--help_all",
        action="store_true",
        help="list all options, with those of transformers' TrainingArguments",
    )


def calibrate() -> argparse.ArgumentParser:
    parser = new_parser("calibrate")
    parser.add_argument("--model", required=True, type=Path, help="model folder")
    parser.add_argument("--dataset", choices=DATASETS, help="default: that in results.json")
    parser.add_argument("--data_dir", help="folder of the data; not for the simulator")
    parser.add_argument("--batch_size", type=int, default=64, help="conversations per batch")
    parser.add_argument("--use_cpu", action="store_true", help="use the CPU even if there is a GPU")
    parser.add_argument(
        "--runs",
        nargs="*",
        type=Path,
        default=[],
        help="results.json of several seeds, for the card",
    )
    add_table_options(parser)
    return parser


def evaluate() -> argparse.ArgumentParser:
    parser = new_parser("evaluate")
    parser.add_argument("--model", default="synctva-simulated", help="folder or Hub name")
    parser.add_argument("--dataset", choices=DATASETS, help="default: that in results.json")
    parser.add_argument("--data_dir", help="folder of the data; not for the simulator")
    parser.add_argument("--modalities", nargs="+", choices=MODALITIES, help="mask the others")
    parser.add_argument("--seed", type=int, help="seed of the simulated training split")
    parser.add_argument("--batch_size", type=int, default=64, help="conversations per batch")
    parser.add_argument("--use_cpu", action="store_true", help="use the CPU even if there is a GPU")
    parser.add_argument("--output_dir", help="write results.json into this folder")
    parser.add_argument("--json", action="store_true", help="print the content of results.json")
    add_table_options(parser)
    return parser
