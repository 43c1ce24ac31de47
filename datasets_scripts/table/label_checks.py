"""Check the labels of a table, and find their names."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .csv_rows import Mistake
from .labels import MOST_DECIMALS, decimals, in_order, is_several, several
from .splits import SplitTable


def check_labels(
    table: SplitTable, label_names: Sequence[str] | None, mistakes: list[Mistake]
) -> tuple[str, ...]:
    """Return the names of a table's labels; cells with several of them are emptied.

    Args:
        label_names: expected names, None for those of the table.
        mistakes: all mistakes are added to this list.
    """
    _check_single_labels(table, label_names or (), mistakes)
    names = _label_names(table, mistakes) if label_names is None else tuple(label_names)
    for file in table.files:
        for row, label in enumerate(file.cells["emotion"]):
            if names and label and label not in names:
                expected = f"one of {', '.join(names)}"
                mistakes.append(file.mistake(row, "emotion", f"= {label!r}", expected))
    return names


def _label_names(table: SplitTable, mistakes: list[Mistake]) -> tuple[str, ...]:
    """Return the sorted labels of the training set or, if the splits were drawn, of the file."""
    parts = [part for split, part in table.parts.items() if split == "train" or table.drawn]
    if not parts and not mistakes:
        expected = "a training set, or label_names"
        mistakes.append(table.files[0].mistake(None, "split", "has no 'train'", expected))
    labels = {part.file.cells["emotion"][row] for part in parts for row in part.rows}
    labels -= {""}
    if parts and not labels and not mistakes:
        found = "has no label in the training set"
        mistakes.append(parts[0].file.mistake(None, "emotion", found, "labels, or label_names"))
    return in_order(labels)


def _check_single_labels(
    table: SplitTable, label_names: Collection[str], mistakes: list[Mistake]
) -> None:
    """Find cells with several labels, and labels that are measures; empty the former."""
    labels = {label for file in table.files for label in file.cells["emotion"]} - {""}
    for file in table.files:
        for row, label in enumerate(file.cells["emotion"]):
            if label and label not in label_names and is_several(label, labels):
                mistakes.append(file.mistake(row, "emotion", *several(label)))
                file.cells["emotion"][row] = ""
    numbers = [] if label_names else decimals(labels)
    if len(numbers) > MOST_DECIMALS:
        classes = "annotation" in table.files[0].ignored  # of MMSA's label.csv
        found = f"has {len(labels)} different numbers, such as {', '.join(sorted(numbers)[:3])}"
        expected = "classes, because regression is not supported: numbers put into bins, or "
        expected += "the column 'annotation', which has " if classes else "another column of "
        expected += "classes (--label <name>)"
        mistakes.append(table.files[0].mistake(None, "emotion", found, expected))
        for file in table.files:
            file.cells["emotion"][:] = [""] * len(file.lines)
