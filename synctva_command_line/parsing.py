"""The commands of `synctva`, and what their parsers have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

COMMANDS = {
    "data": {
        "check": "Check a table of your own before you train on it.",
        "prepare": "Write a data set and its features as Parquet files, to train on or to upload.",
        "extract": "Make a feature set from conversations with audio or video.",
    },
    "training": {
        "train": "Train Sync-TVA.",
        "finetune": "Fine-tune a text encoder on a corpus and write the corpus with its features.",
        "calibrate": "Calibrate the scores and prediction sets of a trained model on dev.",
        "evaluate": "Evaluate a trained model and print the same table as its training.",
    },
    "use": {
        "transcribe": "Recognise what is said in a recording, when and by whom.",
        "predict": "Recognise the emotions of a conversation.",
        "stream": "Recognise the emotions of a live conversation, line by line.",
        "listen": "Recognise the emotions of what is said, while it is said.",
        "explain": "Explain the emotion of one utterance.",
        "app": "Show and explain the emotions of a conversation on a page in the browser.",
        "export": "Export a trained model to ONNX and compare the file with the model in torch.",
        "card": "Write the card of a model folder again, from its results.json.",
        "push": "Upload a model folder or a feature set to the Hub.",
    },
}
"""Purpose -> command -> what it does.

`synctva/commands/` has a module for each command, and the module `<purpose>` beside this one a
function of the command's name, which returns its parser.
"""

ABRIDGED = ("train", "finetune")
"""Commands whose parser here has the most useful options, for `--help`; all of them are fields of
dataclasses, which need torch, and `--help_all` lists them."""

# What follows is defined in `synctva` too, which cannot be imported here; a test compares them.
MODALITIES = ("text", "visual", "audio")
DATASETS = ("simulated", "meld", "iemocap", "emorynlp", "dailydialog", "table", "features")
TEXT_CORPORA = ("dailydialog", "emocontext", "emorynlp", "friends", "goemotions")
MEDIA_SOURCES = ("meld", "iemocap", "table", "clips")


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command, without importing torch."""
    (purpose,) = (purpose for purpose, group in COMMANDS.items() if command in group)
    return getattr(import_module(f"synctva_command_line.{purpose}"), command)()


def new_parser(command: str, **others: Any) -> argparse.ArgumentParser:
    """Return a parser without options; `others` are arguments of ArgumentParser."""
    descriptions = {name: text for group in COMMANDS.values() for name, text in group.items()}
    return argparse.ArgumentParser(
        prog=f"synctva {command}", description=descriptions[command], **others
    )


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the options of a command; see `refuse_mistyped` for an unknown one."""
    refuse_mistyped(parser, arguments)
    return parser.parse_args(arguments)


def refuse_mistyped(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """End the program at an unknown option, and name the one that it resembles."""
    known = list(parser._option_string_actions)
    for word in arguments:
        if word == "--":  # values follow
            break
        name = word.partition("=")[0]
        if not name.startswith("--") or " " in name:  # a value
            continue
        if not any(option.startswith(name) for option in known):  # argparse takes abbreviations
            near = get_close_matches(name, known, n=1, cutoff=0.7)
            hint = f". Did you mean {near[0]}?" if near else ""
            parser.error(f"unrecognized arguments: {name}{hint}")


def complete(parser: argparse.ArgumentParser, command: str) -> None:
    """Give the full parser of an abridged command `--help_all`, and the help texts from here."""
    parser.add_argument("--help_all", action="help", help="list all options")
    for option, action in parser_of(command)._option_string_actions.items():
        if action.dest != "help_all":
            parser._option_string_actions[option].help = action.help


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a table is read: its columns, and where its files lie."""
    parser.add_argument(
        "--columns",
        metavar="OURS=THEIRS,...",
        help="other names of a table's columns: dialogue_id=video_id,utterance_id=clip_id",
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="a table's column of labels; sentiment, of MELD"
    )
    parser.add_argument(
        "--media_root", metavar="FOLDER", help="folder of the files in a table's media_path"
    )
    parser.add_argument(
        "--allow_absolute_paths",
        action="store_true",
        help="let media_path of your own table lead anywhere on this machine",
    )
