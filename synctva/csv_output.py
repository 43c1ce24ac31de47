"""CSV for spreadsheets, in which a text cannot become a formula."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

FORMULA_STARTS = frozenset("=+-@\t\r\n\0")
"""A spreadsheet takes a cell for a formula if it starts with one of these."""


def as_text(cell: Any) -> Any:
    """Return the cell, with a leading apostrophe if it is a string that looks like a formula.

    The apostrophe marks a cell as text (OWASP ASVS 5.0, requirement 1.2.10). Quotes do not, because
    a spreadsheet removes them first. Full-width characters count like plain ones, because some
    spreadsheets treat them so. Other types are returned unchanged: a negative number stays one.

    Example:
        >>> as_text("=1+1"), as_text("so = so"), as_text(-1)
        ("'=1+1", 'so = so', -1)
    """
    if isinstance(cell, str) and unicodedata.normalize("NFKC", cell[:1]) in FORMULA_STARTS:
        return f"'{cell}"
    return cell


def write_csv(
    file: TextIO,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    delimiter: str = ",",
) -> None:
    """Write a header and rows that are safe to open in a spreadsheet.

    Args:
        file: open for writing text, with `newline=""` if it is a file.
        columns: their names.
        rows: cells by column; the cell of a missing column is empty.
        delimiter: between cells.
    """
    writer = csv.DictWriter(file, columns, delimiter=delimiter, lineterminator="\n")
    writer.writerow({name: as_text(name) for name in columns})
    writer.writerows({name: as_text(cell) for name, cell in row.items()} for row in rows)


__all__ = ["as_text", "write_csv"]
