"""Features of utterances from a CSV: one row an utterance, joined by utterance id.

An empty cell takes the mean of the training set and is counted; an utterance without a row, or
whose row is empty throughout, is masked; rows that belong to no utterance are counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synctva.datasets_scripts.schema import Conversation
from synctva.datasets_scripts.table.csv_rows import read_columns, read_csv
from synctva.modeling_synctva.configuration_synctva import MODALITIES

ID_COLUMN = "utterance_id"
MELD_ID_COLUMNS = ("Dialogue_ID", "Utterance_ID")


def meld_utterance_id(dialogue: int, utterance: int) -> str:
    """Name of an utterance in MELD's own form, which its clips bear too."""
    return f"dia{dialogue}_utt{utterance}"


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
        """(N, D) values of these utterances; a row of NaN where the table has none."""
        nothing = np.full(len(self.names), np.nan)
        rows = [self.index.get(utterance) for utterance in utterance_ids]
        return np.stack([nothing if row is None else self.values[row] for row in rows])


def feature_names(path: Path) -> tuple[str, ...]:
    """Names of the feature columns of a CSV: all but those of the ids.

    Raises:
        FileNotFoundError, ValueError: as `read_feature_table`.
    """
    columns = read_columns(path)
    ids = _id_columns(path, columns)
    names = tuple(name for name in columns if name not in ids)
    if not names:
        raise ValueError(f"{path} has no feature column beside {', '.join(ids)}.")
    return names


def read_feature_table(path: Path) -> FeatureTable:
    """Reads a CSV of features.

    The utterance is named by a column utterance_id, or by Dialogue_ID and Utterance_ID (numbers, as
    in MELD); every other column is a feature.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no id columns, no feature column, an utterance twice, or a cell that is no
            number (the message names file, line, column and value).
    """
    names = feature_names(path)
    table = read_csv(path)
    if _id_columns(path, table.columns) == (ID_COLUMN,):
        ids = table.column(ID_COLUMN)
    else:
        dialogues, utterances = (table.integers(name) for name in MELD_ID_COLUMNS)
        ids = [meld_utterance_id(d, u) for d, u in zip(dialogues, utterances, strict=True)]
    index: dict[str, int] = {}
    for row, utterance in enumerate(ids):
        if utterance in index:
            raise ValueError(f"{table.where(row)}: duplicate utterance id {utterance!r}.")
        index[utterance] = row
    return FeatureTable(path, names, table.numbers(names), index)


def join_tables(
    conversations: Mapping[str, list[Conversation]],
    tables: Mapping[str, FeatureTable],
    modality: str,
) -> list[str]:
    """Joins one table a split to the conversations, in place; see `attach_features`.

    Returns:
        Notes on what was filled, masked and left over.

    Raises:
        ValueError: the tables of two splits have different columns, or as `attach_features`.
    """
    first = next(iter(tables.values()))
    for table in tables.values():
        if table.names != first.names:
            raise ValueError(
                f"{table.path} has the feature columns {', '.join(table.names)}; expected those "
                f"of {first.path}: {', '.join(first.names)}."
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


def attach_features(
    conversations: Mapping[str, list[Conversation]],
    values: Mapping[str, list[np.ndarray]],
    names: Sequence[str],
    modality: str,
) -> list[str]:
    """Gives conversations the features of a modality, in place, and sets its mask.

    Args:
        conversations: by split.
        values: by split, one (N, D) array a conversation, NaN where a value is missing. A row that
            is NaN throughout is masked; other NaN take the mean of the training set.
        names: of the D features, for messages.
        modality: text, visual or audio.

    Returns:
        Notes on what was filled and masked.

    Raises:
        ValueError: a value must be filled but the training set has none in that column.
    """
    column = MODALITIES.index(modality)
    mean = _training_mean(values.get("train", []), len(names))
    notes = []
    for split, rows in conversations.items():
        filled, masked = 0, 0
        for conversation, raw in zip(rows, values[split], strict=True):
            absent = np.isnan(raw).all(axis=1)  # (N,)
            gaps = np.isnan(raw) & ~absent[:, None]  # (N, D)
            without_mean = np.flatnonzero(gaps.any(axis=0) & np.isnan(mean))
            if len(without_mean):
                raise ValueError(
                    f"{split}, conversation {conversation['dialogue_id']!r}: {modality} feature "
                    f"{names[without_mean[0]]!r} has an empty cell, and the training set has no "
                    "value from which to take a mean."
                )
            features = np.where(gaps, mean, raw)
            features[absent] = 0.0
            conversation[f"{modality}_features"] = features.astype(np.float32)
            conversation["modality_mask"][:, column] = ~absent
            filled += int(gaps.sum())
            masked += int(absent.sum())
        if filled:
            notes.append(f"{split}: {filled} empty {modality} cells took the training mean")
        if masked:
            notes.append(f"{split}: {masked} utterances without {modality} features are masked")
    return notes


def _training_mean(values: list[np.ndarray], width: int) -> np.ndarray:
    """(D,) mean of what is there; NaN where nothing is."""
    stacked = np.concatenate(values) if values else np.empty((0, width))  # (T, D)
    counts = (~np.isnan(stacked)).sum(axis=0)
    total = np.nansum(stacked, axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _id_columns(path: Path, columns: Sequence[str]) -> tuple[str, ...]:
    if ID_COLUMN in columns:
        return (ID_COLUMN,)
    if all(name in columns for name in MELD_ID_COLUMNS):
        return MELD_ID_COLUMNS
    raise ValueError(
        f"{path} lacks the column {ID_COLUMN!r} (or {' and '.join(MELD_ID_COLUMNS)}); "
        f"it has: {', '.join(columns)}."
    )
