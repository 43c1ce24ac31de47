"""The commands of `synctva`, one module for each; `synctva_command_line.py` calls its `main`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path


def program() -> str:
    """Return how this user can start `synctva`: by name if the shell finds it, else by its path."""
    installed = Path(sys.executable).with_name("synctva")
    if shutil.which("synctva") or not installed.is_file():
        return "synctva"
    return os.path.relpath(installed)


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
            near = get_close_matches(name, known, n=1)
            hint = f". Did you mean {near[0]}?" if near else ""
            parser.error(f"unrecognized arguments: {name}{hint}")


def add_path_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the files in a table's column media_path lie."""
    parser.add_argument(
        "--media_root", metavar="FOLDER", help="folder of the files in a table's media_path"
    )
    parser.add_argument(
        "--allow_absolute_paths",
        action="store_true",
        help="let media_path of your own table lead anywhere on this machine",
    )


__all__ = ["add_path_options", "parse", "program", "refuse_mistyped"]
