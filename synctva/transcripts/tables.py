"""CSV with commas, semicolons or tabs, and the TSV of whisper, which counts milliseconds.

    dialogue_id;speaker;text;start;end
    d1;Ann;I got the job!;0.0;2.5

Only the column `text` is needed. Rows with different `dialogue_id` are different conversations.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

from .json_forms import IDS, read_rows
from .line import Transcript, TranscriptError

_COLUMNS = ("text", "speaker", "start", "end", "audio", "video", "channel", *IDS)
_LABELS = ("emotion", "label", "split")
"""Further columns by which a table is told."""
_MILLISECONDS = (["start", "end", "text"], ["start", "end", "speaker", "text"])
"""Headers that whisper and whisper.cpp write; their times are whole milliseconds."""
_EXCEL = re.compile(r"\A\s*sep=.(?=\n)")
"""What Excel takes from the first line, for itself."""
_SHORTEST = 60
"""If no utterance is longer, these can hardly be milliseconds."""


def is_table(text: str) -> bool:
    """Return whether the first line names the columns of a table: text and another known one."""
    header = _header(_EXCEL.sub("", text))[1]
    return "text" in header and len(set(header) & {*_COLUMNS, *_LABELS}) > 1


def read_table(text: str) -> Transcript:
    """Read a table whose first line names the columns.

    Raises:
        TranscriptError: it has no column `text` or no rows, a row has more or fewer cells, or a
            cell is not what its column has.
    """
    text = _EXCEL.sub("", text)
    delimiter, header = _header(text)
    if "text" not in header:
        raise TranscriptError(
            f"line 1: has no column 'text', its columns are {', '.join(map(repr, header))}: "
            "expected a header with text, and any of speaker, start, end and dialogue_id, "
            "separated by commas, semicolons or tabs"
        )
    double = sorted({name for name in header if header.count(name) > 1})
    if double:
        raise TranscriptError(f"line 1: has {double[0]!r} more than once: expected it once")
    whisper = header in _MILLISECONDS
    # whisper writes quotation marks in its TSV as they are.
    raw = csv.QUOTE_NONE if whisper and delimiter == "\t" else csv.QUOTE_MINIMAL
    source = StringIO(text, newline="")
    reader = csv.reader(source, delimiter=delimiter, quoting=raw, strict=True)  # type: ignore[arg-type]
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        for cells in reader:
            if not any(map(str.strip, cells)) or (not rows and _names(cells) == header):
                continue
            if len(cells) != len(header):
                raise TranscriptError(
                    f"line {reader.line_num}: has {len(cells)} cells: expected {len(header)}, one "
                    "per column. A text with the separator stands between quotation marks"
                )
            cells = [" ".join(cell.split()) for cell in cells]
            row = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise TranscriptError(
            f"line {reader.line_num}: is not readable as a table ({error}): expected cells "
            f"separated by {delimiter!r}"
        ) from None
    if not rows:
        raise TranscriptError("the table has a header and no rows: expected a row per utterance")
    transcript = read_rows(rows, _COLUMNS)
    return _in_seconds(transcript, rows) if whisper else transcript


def _header(text: str) -> tuple[str, list[str]]:
    """Return the separator and the names of the columns, in lower case."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    headers = {delimiter: _names(first.split(delimiter)) for delimiter in ",;\t|"}
    # The separator that makes `text` a column of several; else the one with the most columns.
    best = max(headers, key=lambda d: ("text" in headers[d], len(headers[d])))
    if len(headers[best]) == 1 and headers[best] != ["text"]:
        return best, []
    return best, headers[best]


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip().strip('"').strip().lower() for cell in cells]


def _in_seconds(transcript: Transcript, rows: Sequence[tuple[int, dict[str, str]]]) -> Transcript:
    """Return the transcript in seconds, if its times are whole milliseconds."""
    cells = [(row.get("start", ""), row.get("end", "")) for _, row in rows]
    if not all(cell.isdecimal() for pair in cells for cell in pair):
        return transcript
    lines = [line for lines in transcript.conversations for line in lines]
    if all(int(end) - int(start) <= _SHORTEST for start, end in cells):
        raise TranscriptError(
            f"start and end of all {len(lines)} utterances are whole numbers at most {_SHORTEST} "
            "apart: expected milliseconds, as whisper writes them, or seconds with a decimal point"
        )
    lines = [
        replace(line, start=int(start) / 1000, end=int(end) / 1000)
        for line, (start, end) in zip(lines, cells, strict=True)
    ]
    return replace(transcript, conversations=[lines])


__all__ = ["is_table", "read_table"]
