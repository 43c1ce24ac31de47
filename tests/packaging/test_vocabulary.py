"""One word for one thing: replaced words stay out of identifiers, keys and file names.

Prose is left to human readers.
"""

import io
import json
import re
import subprocess
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

REPLACED = {
    "contribution": "strength",
    "specification": "spec",
    "picture": "plot, frame or image",
    "dialogue": "conversation",
    "ignored_label": "IGNORE_INDEX",
    "gate_value": "strength",
}
"""Word in an identifier -> what to say instead."""

# Columns of the corpora, and names of published models.
ALLOWED = re.compile(r"dialogue[_-]?(id|rnn|gcn)", re.IGNORECASE)

ALLOWED_IN = {
    "Dialogue": "datasets_scripts/corpora/iemocap",  # a folder of IEMOCAP's release
    # A choice of --leave_one_out, after the column dialogue_id.
    "dialogue": (
        "synctva/cross_validation/folds.py",
        "synctva_command_line/training.py",
        "tests/synctva/cross_validation/",
    ),
    "specification": "synctva/features/feature_sets.py",  # in feature sets of older versions
}
"""Identifier or key -> beginning of the paths of files that may have it."""

RELIABILITY = ("datasets_scripts/corpora/simulated", "synctva/results.py")
"""Beginning of the paths of files that speak of a modality's reliability: the simulator's hidden
state, and how well the strengths tell it."""


def tracked(*suffixes: str) -> list[str]:
    """Return the files of the repository with these suffixes, links left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        pytest.skip("not a git checkout: the repository's files are not known")
    names = [name for name in run.stdout.split("\0") if name.endswith(suffixes)]
    return [name for name in names if (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


def identifiers(source: str) -> tuple[set[str], set[str]]:
    """Return the identifiers of a program, and its strings that could be keys."""
    names, strings = set(), set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            names.add(token.string)
        elif token.type == tokenize.STRING and (key := token.string.strip("\"'")).isidentifier():
            strings.add(key)
    return names, strings


def keys(value: Any, path: str = "") -> Iterator[str]:
    """Yield the keys of a JSON value, each after those that lead to it: `test/accuracy`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}{key}"
            yield from keys(inner, f"{path}{key}/")
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, path)


def replaced(name: str) -> str | None:
    """Return the replaced word in a name, whether written with underscores, hyphens or humps."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-/. ]", "_", ALLOWED.sub("", name)).lower()
    return next((w for w in REPLACED if re.search(rf"(?<![a-z]){w}s?(?![a-z])", words)), None)


@pytest.fixture(scope="module")
def programs() -> dict[str, tuple[set[str], set[str]]]:
    """Identifiers and keys by file; without this one, which names the words."""
    files = (name for name in tracked(".py") if ROOT / name != Path(__file__).resolve())
    return {name: identifiers((ROOT / name).read_text(encoding="utf-8")) for name in files}


def test_identifiers_and_keys_in_programs(programs):
    wrong = {
        f"{file}: {name}: expected {REPLACED[word]}"
        for file, (names, strings) in programs.items()
        for name in names | strings
        if (word := replaced(name)) is not None and not file.startswith(ALLOWED_IN.get(name, "/"))
    }
    assert not wrong


def test_reliability_is_the_simulators(programs):
    """As the name of a thing; the key in `results.json` is one that other programs read."""
    wrong = {
        f"{file}: {name}"
        for file, (names, _) in programs.items()
        for name in names
        if re.search(r"(?<![a-z])reliability(?![a-z])", name)
        and not name.startswith("test_")
        and not file.replace("/test_", "/").removeprefix("tests/").startswith(RELIABILITY)
    }
    assert not wrong


def test_keys_of_json_files():
    wrong = set()
    for file in tracked(".json", ".jsonl"):
        text = (ROOT / file).read_text(encoding="utf-8")
        for part in text.splitlines() if file.endswith(".jsonl") else [text]:
            for path in keys(json.loads(part)):
                last = path.rpartition("/")[2]
                if replaced(last) or (last == "reliability" and "calibration" not in path):
                    wrong.add(f"{file}: {path}")
    assert not wrong


def test_file_names():
    assert not {f"{name}: {replaced(name)}" for name in tracked("") if replaced(name)}


def test_no_file_is_named_by_the_words_of_another_turned_round():
    names = defaultdict(set)
    for file in tracked(".py"):
        stem = Path(file).stem
        if not file.startswith("tests/") and "_" in stem.strip("_"):
            names[frozenset(stem.split("_"))].add(stem)
    assert not [twins for twins in names.values() if len(twins) > 1]


@pytest.mark.parametrize(
    "name",
    ["contributions", "text_specification", "PictureOfFace", "dialogues", "dialogue_length",
     "IGNORED_LABEL", "gate_values", "a-picture.png", "find_dialogues"],
)  # fmt: skip
def test_replaced_words_are_found(name):
    assert replaced(name) is not None


@pytest.mark.parametrize(
    "name", ["strengths", "spec", "dialogue_id", "Dialogue_ID", "DialogueRNN", "dialogue-gcn"]
)
def test_other_words_are_not_found(name):
    assert replaced(name) is None
