"""Read the features of utterances from a CSV with one row per utterance.

Rows are joined to conversations by utterance id. Rows that belong to no utterance are counted; what
happens to empty cells and to utterances without a row is described in `missing_features`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synctva.datasets_scripts.missing_features import attach_features
from synctva.datasets_scripts.schema import Conversation
from synctva.datasets_scripts.table.csv_rows import read_columns, read_csv

ID_COLUMN = "utterance_id"
MELD_ID_COLUMNS = ("Dialogue_ID", "Utterance_ID")


def meld_utterance_id(conversation: int, utterance: int) -> str:
    """Return the name of an utterance as MELD's clips have it."""
    return f"dia{conversation}_utt{utterance}"


@dataclass(frozen=True)
class FeatureTable:
    """Features by utterance id."""

    path: Path
    names: tuple[str, ...]
    values: np.ndarray
    """(rows, D) float64, NaN where a cell is empty."""
    index: dict[str, int]
    """Row of each utterance id."""

    def lookup(self, utterance_ids: Sequence[str]) -> np.ndarray:
        """Return the (N, D) values of these utterances; NaN for an utterance without a row."""
        nothing = np.full(len(self.names), np.nan)
        rows = [self.index.get(utterance) for utterance in utterance_ids]
        return np.stack([nothing if row is None else self.values[row] for row in rows])


def feature_names(path: Path) -> tuple[str, ...]:
    """Return the names of a CSV's feature columns: all columns except those of the ids.

    Raises:
        FileNotFoundError, ValueError: as `read_feature_table`.
    """
    columns = read_columns(path)
    ids = _id_columns(path, columns)
    names = tuple(name for name in columns if name not in ids)
    if not names:
        raise ValueError(f"{path} has no column besides {', '.join(ids)}: expected features")
    return names


def read_feature_table(path: Path) -> FeatureTable:
    """Read a CSV of features.

    The column utterance_id names the utterance, or the columns Dialogue_ID and Utterance_ID, which
    are numbers, as in MELD. Every other column is a feature.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the CSV has no id columns, no feature column, two rows for one utterance, or a
            cell that is not a number. The message names the file, line, column and value.
    """
    names = feature_names(path)
    table = read_csv(path)
    if _id_columns(path, table.columns) == (ID_COLUMN,):
        ids = table.column(ID_COLUMN)
    else:
        conversations, utterances = (table.integers(name) for name in MELD_ID_COLUMNS)
        ids = [meld_utterance_id(c, u) for c, u in zip(conversations, utterances, strict=True)]
    index: dict[str, int] = {}
    for row, utterance in enumerate(ids):
        if utterance in index:
            raise ValueError(
                f"{table.where(row)}, utterance id = {utterance!r}: expected a row per utterance, "
                f"line {table.lines[index[utterance]]} has the same id"
            )
        index[utterance] = row
    return FeatureTable(path, names, table.numbers(names), index)


def join_tables(
    conversations: Mapping[str, list[Conversation]],
    tables: Mapping[str, FeatureTable],
    modality: str,
) -> list[str]:
    """Join a table for each split to its conversations, in place; see `attach_features`.

    Returns:
        Notes on what was filled, what was masked, and which rows were not used.

    Raises:
        ValueError: the tables of two splits have different columns, or as `attach_features`.
    """
    first = next(iter(tables.values()))
    for table in tables.values():
        if table.names != first.names:
            raise ValueError(
                f"{table.path} has the features {', '.join(table.names)}: expected those of "
                f"{first.path}, {', '.join(first.names)}"
            )
    values = {
        split: [tables[split].lookup(conversation["utterance_ids"]) for conversation in rows]
        for split, rows in conversations.items()
    }
    notes = attach_features(conversations, values, first.names, modality)
    for split, table in tables.items():
        used = {u for conversation in conversations[split] for u in conversation["utterance_ids"]}
        extra = len(table.index.keys() - used)
        if extra:
            notes.append(f"{split}: {extra} rows of {table.path.name} belong to no utterance")
    return notes


def _id_columns(path: Path, columns: Sequence[str]) -> tuple[str, ...]:
    if ID_COLUMN in columns:
        return (ID_COLUMN,)
    if all(name in columns for name in MELD_ID_COLUMNS):
        return MELD_ID_COLUMNS
    raise ValueError(
        f"{path} has the columns {', '.join(columns)}: expected {ID_COLUMN}, or "
        f"{' and '.join(MELD_ID_COLUMNS)}"
    )
