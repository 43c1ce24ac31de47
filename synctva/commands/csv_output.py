"""CSV for spreadsheets: text stays text."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

FORMULA_STARTS = frozenset("=+-@\t\r\n\0")
"""A spreadsheet takes a cell that starts with one of these for a formula."""


def as_text(cell: Any) -> Any:
    """A string that a spreadsheet would run as a formula, with an apostrophe before it.

    The apostrophe marks a cell as text (OWASP ASVS 5.0, requirement 1.2.10); quotes alone do not,
    a spreadsheet removes them first. Of full-width forms, which some count too, the plain ones are
    looked up. What is no string stays, so that a negative number is one.

    Example:
        >>> as_text("=1+1"), as_text("so = so"), as_text(-1)
        ("'=1+1", 'so = so', -1)
    """
    if isinstance(cell, str) and unicodedata.normalize("NFKC", cell[:1]) in FORMULA_STARTS:
        return f"'{cell}"
    return cell


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a header and rows, whose cells are safe to open in a spreadsheet.

    Args:
        file: open for writing text, with `newline=""` if it is a file.
        columns: names; a row that lacks one leaves its cell empty.
        rows: cells by column.
    """
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writerow({name: as_text(name) for name in columns})
    writer.writerows({name: as_text(cell) for name, cell in row.items()} for row in rows)


__all__ = ["as_text", "write_csv"]
