"""The command `synctva`: every example by its name, without the checkout.

    synctva train --dataset meld --data_dir <folder>     is examples/train.py
    synctva predict --text "I got the job!" --json       is synctva/commands/predict.py

Results go to stdout, progress and errors to stderr. Exits with 0 for success; 1 for a failure, with
one message and no traceback where it is the user's to mend; 2 for a wrong option.

A module of its own beside the package: importing anything of `synctva` imports torch, for seconds,
which `synctva --help` and a mistyped command should not take.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

COMMANDS = {
    "data": {
        "check": "Check a table of your own before you train on it.",
        "prepare": "Write a data set with its features as Parquet files, to train on or upload.",
        "extract": "Make a feature set from conversations with audio or video.",
    },
    "training": {
        "train": "Train Sync-TVA.",
        "finetune": "Fine-tune a text encoder on a corpus, and write the corpus with its features.",
        "calibrate": "Calibrate a trained model on dev: its scores and its prediction sets.",
        "evaluate": "Evaluate a trained model: the table that its training printed.",
    },
    "use": {
        "predict": "Recognise the emotions of a conversation.",
        "stream": "Recognise the emotions of a live conversation, line by line.",
        "explain": "Explain the emotion of one utterance.",
        "app": "Show the emotions of a conversation on a page in the browser, and why.",
        "export": "Export a trained model to ONNX, and compare it with the model in torch.",
        "card": "Write the model card of a trained folder again, from its results.json.",
        "push": "Upload a trained folder, or a feature set, to the Hub.",
    },
}
"""What each command does, by what it is for; `synctva/commands/` has a module for each."""

NAMES = [name for group in COMMANDS.values() for name in group]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parse_arguments(arguments)
    return run(
        lambda: import_module(f"synctva.commands.{options.command}").main(options.options), options
    )


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="synctva",
        usage="synctva [--help] [--version] [--traceback] <command> [options of the command]",
        description="Sync-TVA: emotion recognition in conversation.",
        epilog=f"{listing()}\n\nsynctva <command> --help says more of each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"synctva {version('synctva')}")
    parser.add_argument("--traceback", action="store_true", help="where an error comes from")
    parser.add_argument("command", choices=NAMES, metavar="command", help=argparse.SUPPRESS)
    parser.add_argument("options", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def listing() -> str:
    """The commands, for `--help`."""
    width = max(map(len, NAMES))
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:{width}}  {text}" for name, text in group.items())])
        for title, group in COMMANDS.items()
    )


def run(command: Callable[[], int | None], options: argparse.Namespace) -> int:
    """Call it; a message in place of the traceback of what the user can mend.

    Those are a missing file, folder, name on the Hub or package, and a wrong value. Any other error
    is ours, and keeps its traceback.
    """
    try:
        return command() or 0
    except KeyboardInterrupt:
        return 130  # as a shell says of a program that was interrupted
    except SystemExit as stop:
        if not isinstance(stop.code, str):
            raise
        message = stop.code
    except (OSError, ValueError, ImportError) as error:
        if options.traceback:
            raise
        message = str(error) or type(error).__name__
    print(f"synctva {options.command}: error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
