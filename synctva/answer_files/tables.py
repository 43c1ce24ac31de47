"""JSON, and CSV and TSV for spreadsheets."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synctva import MODALITIES
from synctva.answered import SAID, Answered, plain, source
from synctva.csv_output import write_csv
from synctva.modeling_synctva.pipeline_synctva import answer_rows

COLUMNS = (
    *("conversation", "utterance", "file", "speaker", "text", "start", "end"),
    *("label", "score", "prediction_set", "informative", "cautions", "precision", "error"),
    "confidence",
    *(f"strength_{name}" for name in MODALITIES),
)
"""Columns of the table before the score of each label."""


def rows(conversations: Iterable[Iterable[Answered]]) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for each utterance, see `answer_rows`, with text in one line.

    An utterance that cannot be read has only the reason, in `error`.
    """
    for row in answer_rows(conversations):
        yield _in_lines({k: v for k, v in row.items() if k in COLUMNS or k.startswith("score_")})


def columns(labels: Sequence[str]) -> list[str]:
    """Return the columns, with a score for each label."""
    return [*COLUMNS, *(plain(f"score_{label}") for label in labels)]


def table(answered: Sequence[Answered], delimiter: str = ",") -> str:
    """Return the utterances as a table; of utterances without answers, only what was said."""
    file = io.StringIO()
    if any("label" in item or "error" in item for item in answered):
        labels = sorted({label for item in answered for label in item.get("scores", {})})
        write_csv(file, columns(labels), rows([answered]), delimiter)
    else:
        said = [name for name in COLUMNS if name in SAID]
        found = ({k: v for k, v in source(item).items() if k in said} for item in answered)
        write_csv(file, said, map(_in_lines, found), delimiter)
    return file.getvalue()


def _in_lines(row: dict[str, Any]) -> dict[str, Any]:
    return {plain(k): plain(cell) if isinstance(cell, str) else cell for k, cell in row.items()}


def as_json(answered: Sequence[Answered]) -> str:
    """Return the utterances as JSON."""
    return json.dumps(list(answered), indent=2, ensure_ascii=False) + "\n"


__all__ = ["COLUMNS", "as_json", "columns", "rows", "table"]
