"""The command `synctva`: every example by its name, without the checkout.

    synctva train --dataset meld --data_dir <folder>     is examples/train.py
    synctva predict --text "I got the job!" --json       is examples/predict.py

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
        "check": ("check_table", "Check a table of your own before you train on it."),
        "prepare": (
            "prepare_features",
            "Write a data set with its features as Parquet files, once, to train on it or upload "
            "it later.",
        ),
        "extract": (
            "extract_features",
            "Make a feature set of conversations with media: what a model trains on, and reads "
            "raw later.",
        ),
    },
    "training": {
        "train": ("train", "Train Sync-TVA."),
        "finetune": (
            "finetune_text",
            "Fine-tune a text encoder on a corpus, and write the corpus with its features.",
        ),
        "calibrate": (
            "calibrate",
            "Calibrate a trained model on dev: its scores, and the sets of labels that it can "
            "give.",
        ),
        "evaluate": ("evaluate", "Evaluate a trained model: the table that its training printed."),
    },
    "use": {
        "predict": ("predict", "Recognise the emotions of a conversation."),
        "stream": ("stream", "Recognise the emotions of a live conversation, line by line."),
        "explain": (
            "explain",
            "Explain the emotion of one utterance: what each modality added, what it attended to.",
        ),
        "app": (
            "app",
            "Show the emotions of a conversation on a page in the browser, and why.",
        ),
        "export": (
            "export_onnx",
            "Export a trained model to ONNX, and compare it with the model in torch.",
        ),
        "card": ("card", "Make the model card of a trained folder anew, from its results.json."),
        "push": ("push", "Upload a trained folder, or a feature set, to the Hub."),
    },
}
"""Commands by what they are for: the example that each runs, and that example's first line."""

EXAMPLES = {name: module for group in COMMANDS.values() for name, (module, _) in group.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parse_arguments(arguments)
    # As if the example were the script: it reads its options from there, and calls itself so.
    sys.argv = [f"synctva {options.command}", *options.options]
    return run(
        lambda: import_module(f"synctva.examples.{EXAMPLES[options.command]}").main(), options
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
    parser.add_argument("command", choices=EXAMPLES, metavar="command", help=argparse.SUPPRESS)
    parser.add_argument("options", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def listing() -> str:
    """The commands, for `--help`."""
    width = max(map(len, EXAMPLES))
    return "\n\n".join(
        "\n".join(
            [f"{title}:", *(f"  {name:{width}}  {text}" for name, (_, text) in group.items())]
        )
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
