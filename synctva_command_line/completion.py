"""Completion of commands, options and their values in the shell, by argcomplete if it is there."""

from __future__ import annotations

import argparse
import os

from .parsing import COMMANDS, parser_of


def complete_shell() -> None:
    """If the shell asks for completions, print them and end the program."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(_whole_parser())


def _whole_parser() -> argparse.ArgumentParser:
    """Return one parser for all commands; of an abridged one it has the options used most."""
    parser = argparse.ArgumentParser(prog="synctva", allow_abbrev=False)
    for option in ("--version", "--traceback"):
        parser.add_argument(option, action="store_true")
    commands = parser.add_subparsers()
    for group in COMMANDS.values():
        for name, text in group.items():
            commands.add_parser(name, parents=[parser_of(name)], add_help=False, help=text)
    return parser


__all__ = ["complete_shell"]
