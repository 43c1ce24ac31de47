"""Check that a command in a page could run: its program, files and options exist."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import shlex
from importlib import import_module
from types import ModuleType

import pytest
from accelerate.commands.launch import launch_command_parser

import synctva_command_line

from .pages import FOLDERS, ROOT, Block

PLACEHOLDER = re.compile(r"<[^<>]+>")
"""A part that the reader has to fill in."""

OTHERS = ("arecord", "cut", "git", "hf", "ls", "twine")
"""Programs of others, whose options are not checked."""

MADE_FOR = {
    "train": ["python", "examples/train.py"],
    "test": ["pytest"],
    "test-transformers": ["pytest"],
    "bench-accuracy": ["python", "-m", "benchmarks.accuracy"],
    "bench-speed": ["python", "-m", "benchmarks.speed"],
}
"""The program that a make target passes ARGS to."""


class Parsed(Exception):
    """The options were accepted."""


def check(command: str) -> None:
    """Raise AssertionError if a program, a file or an option does not exist."""
    for part in re.split(r" && | \| ", PLACEHOLDER.sub("PLACEHOLDER", command)):
        words = [word for word in shlex.split(part, comments=True) if word != "..."]
        while words and re.match(r"^[A-Z_]+=", words[0]):
            words.pop(0)
        if words:
            _check_words(words)


def _check_words(words: list[str]) -> None:
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    for argument in arguments:
        if argument.split("/")[0] in FOLDERS:
            assert (ROOT / argument).exists(), f"there is no {argument}"
    if program == "make":
        _check_make(arguments)
    elif program == "python":
        _check_python(arguments)
    elif program == "synctva":
        _check_synctva(arguments)
    elif program == "accelerate":
        assert arguments[0] == "launch"
        options = launch_command_parser().parse_args(arguments[1:])
        script = ["-m"] if options.module else []
        _check_python([*script, options.training_script, *options.training_script_args])
    elif program == "pip":
        setup = (ROOT / "setup.py").read_text(encoding="utf-8")
        for extras in re.findall(r"\[(.+?)\]", " ".join(arguments)):
            for extra in extras.split(","):
                assert f'"{extra}": [' in setup, f"there is no extra {extra}"
    elif program == "pytest":
        _options(pytest_parser(), arguments)
    elif program == ".ci/run":
        assert (ROOT / program).is_file()
    else:
        assert program in OTHERS, f"an unknown program: {program}"


def pytest_parser() -> argparse.ArgumentParser:
    """Return a parser for the options of pytest that pages use."""
    parser = argparse.ArgumentParser()
    for option in ("-m", "-k"):
        parser.add_argument(option)
    parser.add_argument("-s", action="store_true")
    parser.add_argument("files", nargs="*")
    return parser


def _options(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    try:
        parser.parse_args(arguments)
    except SystemExit as error:
        raise AssertionError(f"not understood: {arguments}") from error


def _check_make(arguments: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    wanted = [word for word in arguments if "=" not in word]
    for target in wanted:
        assert target in targets, f"there is no target {target}"
    for word in arguments:
        name, _, value = word.partition("=")
        if name == "ARGS" and value != "PLACEHOLDER":
            _check_words([*MADE_FOR[wanted[0]], *shlex.split(value.replace("...", ""))])
        elif name == "LAUNCH_PROFILE":
            assert (ROOT / value).is_file(), f"there is no {value}"


def _check_python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        module = arguments.pop(1)
    else:
        assert (ROOT / arguments[0]).is_file(), f"there is no {arguments[0]}"
        module = arguments[0].removesuffix(".py").replace("/", ".")
    if module == "build":  # of the Python Packaging Authority
        return
    loaded = _imported(module)
    if loaded is not None and not hasattr(loaded, "main"):
        loaded = _imported(f"{module}.__main__")
    if loaded is not None:
        _check_main(loaded.main, arguments[1:])


def _check_synctva(arguments: list[str]) -> None:
    if arguments:
        options = synctva_command_line.parse_arguments(arguments)
        loaded = _imported(f"synctva.commands.{options.command}")
        if loaded is not None:
            _check_main(loaded.main, options.options)


def _imported(module: str) -> ModuleType | None:
    """Import a program; None if it needs an extra that is not installed, and cannot be checked."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("synctva", "benchmarks", "examples")):
            raise
        return None


def _check_main(main, arguments: list[str]) -> None:
    """Call a program until it has parsed its options; a page may name a program without any."""
    if not set(arguments) - {"--help"}:
        return
    understand = argparse.ArgumentParser.parse_known_args

    def parse_known_args(parser, args=None, namespace=None):
        known, unknown = understand(parser, args, namespace)
        if not parser.add_help:  # a first pass over some of the options
            return known, unknown
        assert not unknown, f"unknown options: {unknown}"
        raise Parsed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["program", *arguments])
        patch.setattr(argparse.ArgumentParser, "parse_known_args", parse_known_args)
        try:
            main(*[arguments] if inspect.signature(main).parameters else [])
        except Parsed:
            return
        except SystemExit as error:
            raise AssertionError(f"not understood: {arguments}") from error
    raise AssertionError(f"{main.__module__} ran: expected it to read options first")


def check_python(block: Block) -> None:
    """Check that a block's imports exist and accept the arguments that they are called with."""
    tree = ast.parse(block.text)
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = import_module(str(node.module))
            known |= {
                alias.asname or alias.name: getattr(module, alias.name) for alias in node.names
            }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
            inspect.signature(known[node.func.id]).bind(*node.args, **keywords)
