"""Find the columns of a table under other names: the user's, and those of two common forms.

MMSA's label.csv (CMU-MOSI, CMU-MOSEI, CH-SIMS) and lists of files with their labels are recognised
by their columns. Messages name a column as the file does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from .csv_rows import CsvTable, Mistake
from .json_rows import JsonTable

COLUMNS = ("dialogue_id", "utterance_id", "speaker", "text", "emotion")
OPTIONAL_COLUMNS = ("split", "session", "start", "end", "media_path", "channel")

_MMSA = {
    "dialogue_id": "video_id",
    "utterance_id": "clip_id",
    "emotion": "annotation",
    "split": "mode",
}
_FILES = ("path", "file", "audio")
"""Names of the column of a list of files."""


def column_names(columns: Mapping[str, str] | None, label: str | None = None) -> dict[str, str]:
    """Return our name of each column -> that of the user's table.

    Args:
        columns: such names by ours.
        label: the column of the labels.

    Raises:
        ValueError: a name is not one of ours, two of ours have the same column, or there are two
            columns of labels.
    """
    names = dict(columns or {})
    known = (*COLUMNS, *OPTIONAL_COLUMNS)
    for name in names:
        if name not in known:
            raise ValueError(f"columns = {name}={names[name]}: expected one of {', '.join(known)}")
    if label is not None and names.setdefault("emotion", label) != label:
        raise ValueError(f"label = {label}: expected {names['emotion']}, which columns gives")
    for column, count in Counter(names.values()).items():
        if count > 1:
            twice = " and ".join(name for name in names if names[name] == column)
            raise ValueError(f"columns: {twice} = {column}: expected a column for each")
    return names


def named(
    table: CsvTable | JsonTable, names: Mapping[str, str], mistakes: list[Mistake]
) -> tuple[CsvTable | JsonTable, list[str]]:
    """Give the columns of a table our names.

    Args:
        names: from `column_names`.
        mistakes: columns that the table lacks are added to this list.

    Returns:
        The table, and sentences on how its form was understood.
    """
    said = []
    if isinstance(table, CsvTable) and {*_MMSA.values(), "text"} <= set(table.columns):
        table, form = _in_order_of_clips(table), _MMSA
        said = ["read as MMSA's label.csv, each video a conversation of one speaker"]
    else:
        form = _list_of_files(table, names)
        said = ["read as a list of files, each a conversation of its own"] if form else []
    names = {**form, **names}
    if said:
        said[0] += ": " + ", ".join(f"{ours} = {names[ours]}" for ours in form)
    for name, column in names.items():
        if table.columns and column not in table.columns:
            found = f"lacks the column {column!r}, it has {', '.join(table.columns)}"
            expected = f"the column that is given for {name}"
            mistakes.append(table.mistake(None, None, found, expected))
    return _renamed(table, names), said


def _renamed(table: CsvTable | JsonTable, names: Mapping[str, str]) -> CsvTable | JsonTable:
    new = {column: name for name, column in names.items()}
    for name in names:
        if name not in new:  # another column has this name now
            new[name] = f"another {name}"
    columns = tuple(new.get(column, column) for column in table.columns)
    given = {name: column for column, name in new.items()}
    if isinstance(table, CsvTable):
        return replace(table, columns=columns, given=given)
    rows = [{new.get(key, key): value for key, value in row.items()} for row in table.rows]
    return replace(table, columns=columns, rows=rows, given=given)


def _list_of_files(table: CsvTable | JsonTable, names: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a list of files with labels; none if the table is not one."""
    if {"dialogue_id", "utterance_id", "media_path"} & {*table.columns, *names}:
        return {}
    found = [name for name in _FILES if name in table.columns and name not in names.values()]
    if len(found) != 1:
        return {}
    form = {"media_path": found[0]}
    if "emotion" not in table.columns and "label" in table.columns:
        form["emotion"] = "label"
    return form


def _in_order_of_clips(table: CsvTable) -> CsvTable:
    """Return MMSA's rows in the order of their clips, which they need not have.

    A video whose clips are in several splits is a conversation in each. Clips are where MMSA puts
    them, `Raw/<video>/<clip>.mp4`.
    """
    videos, clips, splits = (table.strings(name) for name in ("video_id", "clip_id", "mode"))
    pairs = set(zip(videos, splits, strict=True))
    parts = Counter(video for video, _ in pairs)
    columns, place = table.columns, table.columns.index("video_id")
    has_clips = "media_path" not in columns and (table.path.parent / "Raw").is_dir()
    rows = []
    for row, video, clip, split in zip(table.rows, videos, clips, splits, strict=True):
        row = list(row)
        row[place] = f"{video} {split}" if parts[video] > 1 else video
        rows.append([*row, f"Raw/{video}/{clip}.mp4"] if has_clips else row)
    order = sorted(range(len(rows)), key=lambda i: int(clips[i]) if clips[i].isdecimal() else -1)
    return replace(
        table,
        columns=(*columns, "media_path") if has_clips else columns,
        rows=[rows[index] for index in order],
        lines=[table.lines[index] for index in order],
    )


__all__ = ["COLUMNS", "OPTIONAL_COLUMNS", "column_names", "named"]
