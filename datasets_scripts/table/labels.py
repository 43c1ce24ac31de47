"""Read the labels of a table: one class for each utterance, in an order that suits them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from .csv_rows import CsvTable, Mistake
from .json_rows import JsonTable, shown

MOST_DECIMALS = 10
"""With more different decimals than this, a column is a measure and not a class."""

MISSING = {"nan", "none", "null", "na", "n/a", "<na>", "?", "-", "--", "unknown", "unlabelled"}
"""What other programs write into a cell without a label, in lower case."""

_ONE_LABEL = "one label, because multi-label and soft labels are not supported"


def read_labels(table: CsvTable | JsonTable, mistakes: list[Mistake]) -> list[str]:
    """Return the column emotion, without the cells that hold a list or a dictionary."""
    if not isinstance(table, JsonTable):
        return table.strings("emotion", mistakes)
    labels = []
    for row, value in enumerate(table.column("emotion")):
        label = ""
        if isinstance(value, list | dict):
            mistakes.append(table.mistake(row, "emotion", f"= {shown(value)}", _ONE_LABEL))
        elif isinstance(value, bool):
            mistakes.append(table.mistake(row, "emotion", f"= {value}", "a string or a number"))
        elif value is not None:
            label = str(value).strip()
        labels.append(label)
    return labels


def is_several(label: str, known: Collection[str]) -> bool:
    """Return whether a cell holds several labels or probabilities, and not one label.

    Args:
        known: labels that cells hold on their own. "a, b" and "a/b" may be names of a class, unless
            both of their parts are.
    """
    if re.fullmatch(r"\[.*\]|\{.*\}|\(.*,.*\)", label, re.DOTALL):
        return True
    if re.search(r"\w\s*[;|]\s*\w", label):
        return True
    parts = [part.strip() for part in re.split(r"[,/+&]", label)]
    if len(parts) > 1 and all(part in known for part in parts):
        return True
    numbers = re.fullmatch(r"(-?\d*\.?\d+[\s,:]+)+-?\d*\.?\d+", label)
    return numbers is not None and _number(label) is None


def several(label: str) -> tuple[str, str]:
    """Return what is found and expected where `is_several`."""
    return f"= {shown(label)}", _ONE_LABEL


def decimals(labels: Iterable[str]) -> list[str]:
    """Return the labels that are numbers, but not whole, if all labels are numbers."""
    numbers = {label: _number(label) for label in labels}
    if None in numbers.values():
        return []
    return [label for label, number in numbers.items() if number is not None and number % 1]


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return different labels in order: numbers by their size, others by the alphabet.

    >>> in_order(["10", "2", "1"]), in_order(["sad", "10"])
    (('1', '2', '10'), ('10', 'sad'))
    """
    numbers = {label: _number(label) for label in labels}
    if None in numbers.values():
        return tuple(sorted(numbers))
    return tuple(sorted(numbers, key=lambda label: (numbers[label] or 0.0, label)))


def alike(counts: Counter[str]) -> list[Sequence[str]]:
    """Return the groups of labels that differ only in case, space, or how a number is written."""
    groups: dict[object, list[str]] = {}
    for label in sorted(counts):
        groups.setdefault(_spelling(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def _spelling(label: str) -> object:
    number = _number(label)
    return number if number is not None else re.sub(r"[\s_-]+", "", label).casefold()


def _number(label: str) -> float | None:
    """Return a finite number, None if the label is not one ("nan" and "inf" may be names)."""
    if not re.fullmatch(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?", label, re.IGNORECASE):
        return None
    return float(label.replace(",", "."))
