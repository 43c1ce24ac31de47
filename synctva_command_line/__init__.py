"""The command `synctva`: it calls the module of `synctva/commands/` that has the command's name.

    synctva train --dataset meld --data_dir <folder>
    synctva predict --text "I got the job!" --json

Results go to stdout, progress and errors to stderr. The exit status is 0 for success, 1 for a
failure, 2 for a wrong option. A failure that the user can correct prints one message without a
traceback.

This package lies outside `synctva` because any import from there imports torch, which takes
seconds. It has the parsers of all commands, so that `--help` and a wrong option are answered at
once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version

from .completion import complete_shell
from .parsing import ABRIDGED, COMMANDS, parse, parser_of

NAMES = [name for group in COMMANDS.values() for name in group]

SILENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYANNOTE_METRICS_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Settings by which optional libraries report no usage, unless the user has set them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
    complete_shell()
    try:
        try:
            options = parse_arguments(arguments)
            check_options(options)
            module = f"synctva.commands.{options.command}"
            return run(lambda: import_module(module).main(options.options), options)
        finally:
            sys.stdout.flush()  # here, and not at the end of the process: the reader may be gone
    except BrokenPipeError:
        # The program that reads our output has ended, as `head` does after its lines. What is left
        # in the buffer must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell reports a program that was ended by SIGPIPE


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Split the arguments into ours, the command, and the command's own options.

    Without a command, the help is printed and the program ends with 0.
    """
    parser = argparse.ArgumentParser(
        prog="synctva",
        usage="synctva [--help] [--version] [--traceback] <command> [options of the command]",
        description="Sync-TVA: emotion recognition in conversation.",
        epilog=f"{listing()}\n\nsynctva <command> --help lists the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"synctva {version('synctva')}")
    parser.add_argument("--traceback", action="store_true", help="show where an error was raised")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("options", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        parser.exit()
    if options.command not in NAMES:
        near = get_close_matches(options.command, NAMES, n=1)
        hint = f". Did you mean {near[0]}?" if near else ""
        parser.error(f"command = {options.command}: expected one of {', '.join(NAMES)}{hint}")
    return options


def check_options(options: argparse.Namespace) -> None:
    """Print the help of a command, or end at a wrong option, before anything slow is imported."""
    parser = parser_of(options.command)
    if options.command not in ABRIDGED:
        parse(parser, options.options)
    elif {"-h", "--help"} & set(options.options):
        parser.print_help()
        parser.exit()


def listing() -> str:
    """Return the list of commands for `--help`."""
    width = max(map(len, NAMES))
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"  {name:{width}}  {text}" for name, text in group.items())])
        for title, group in COMMANDS.items()
    )


def run(command: Callable[[], int | None], options: argparse.Namespace) -> int:
    """Call the command; print a message and no traceback for errors that the user can correct.

    These are a missing file, folder, repository on the Hub or package, a wrong value, and a missing
    network. Any other error is a bug of ours and keeps its traceback.
    """
    try:
        return command() or 0
    except KeyboardInterrupt:
        return 130  # as a shell reports an interrupted program
    except SystemExit as stop:
        if not isinstance(stop.code, str):
            raise
        message = stop.code
    except BrokenPipeError:
        raise
    except Exception as error:
        correctable = isinstance(error, OSError | ValueError | ImportError)
        if options.traceback or not (correctable or no_network(error)):
            raise
        message = str(error) or type(error).__name__
        if not correctable:
            message = f"the Hub cannot be reached: {message}"
    print(f"synctva {options.command}: error: {message}", file=sys.stderr)
    return 1


def no_network(error: Exception) -> bool:
    """Return whether the Hub's client could not send a request or got no answer.

    It raises the errors of httpx or of httpx2, depending on its version.
    """
    kinds = type(error).__mro__
    return any(
        kind.__name__ == "TransportError" and kind.__module__.startswith("httpx") for kind in kinds
    )


if __name__ == "__main__":
    raise SystemExit(main())
