"""Load your own conversations from a table; `table/__init__.py` describes its columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DatasetDict
from transformers.utils import logging

from synctva.datasets_scripts.builder import (
    ConversationBuilder,
    Reading,
    build,
    data_folder,
    fingerprint,
)
from synctva.datasets_scripts.missing_features import attach_features
from synctva.datasets_scripts.schema import UNLABELLED, Conversation, new_conversation
from synctva.datasets_scripts.text_repair import repair_text
from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .checking import TableError, TableFile, read_file
from .column_names import column_names
from .csv_rows import Mistake
from .features import StackedFeatures, numeric_columns, stack_features
from .findings import findings
from .label_checks import check_labels
from .paths import MediaPaths
from .splits import SplitTable, find_files, read_splits, unread_tables

logger = logging.get_logger(__name__)


@dataclass
class TableReading(Reading):
    """A table without mistakes."""

    label_names: tuple[str, ...]
    widths: dict[str, int]
    """Number of features of each modality that has any."""
    files: list[Path]
    """All files that were read: tables and vectors."""
    key: list[str]
    """What the conversations depend on besides the contents of the files."""
    warnings: list[str]
    """What is probably not meant, or given and not read; see `findings`."""
    has_channels: bool


class Table(ConversationBuilder):
    """Builder of your own data; use it through `load_table`."""

    reading: TableReading

    def read(self) -> Reading:
        return self.reading


def load_table(
    data: str | Path | Mapping[str, str | Path],
    label_names: Sequence[str] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    label: str | None = None,
    seed: int = 0,
    cache_dir: str | Path | None = None,
    media_root: str | Path | None = None,
    allow_absolute_paths: bool = False,
    feature_names: Mapping[str, Sequence[str]] | None = None,
    undivided: str | None = None,
) -> DatasetDict:
    """Load your own conversations.

    What is probably not meant, such as times that run backwards, is logged as a warning.

    Args:
        data: a .csv, .tsv or .jsonl file; a folder with such files named train, dev (or validation,
            valid, val) and test, at least one of them; or a dictionary of files by split.
        label_names: names of the emotions in their order. By default the labels of the training set
            or, if one file without a column split is split here, of that file: numbers by size,
            others by the alphabet.
        columns: our name of a column -> its name in the table, {"dialogue_id": "video_id"}.
        label: the column of the labels, short for columns={"emotion": label}.
        seed: of that split.
        cache_dir: where `datasets` keeps the built data set; by default its own cache.
        media_root: folder to which the paths in media_path are relative; absolute ones must be in
            it. By default the table's folder, and no absolute paths.
        allow_absolute_paths: let the paths in media_path lead anywhere on this machine. For a table
            of your own only.
        feature_names: names of the features that a model reads, in its order, by modality. Columns
            are matched by name, and others are not read.
        undivided: the split that all of one file without a column split becomes.

    Returns:
        The splits found, with the columns of `synctva.datasets_scripts.schema`.

    Raises:
        FileNotFoundError: a file is missing, or the folder has none.
        TableError: the data has mistakes. A ValueError that lists all of them.
        ValueError: `data` is not a table, label_names is missing, columns are not named as
            `column_names` expects, or paths are opened up for a table from the Hub.
    """
    reading = read_table(
        data,
        label_names,
        seed,
        columns=columns,
        label=label,
        media_root=media_root,
        allow_absolute_paths=allow_absolute_paths,
        feature_names=feature_names,
        undivided=undivided,
    )
    for warning in reading.warnings:
        logger.warning(warning)
    builder = Table(
        cache_dir=cache_dir and str(cache_dir),
        label_names=reading.label_names,
        channels=reading.has_channels,
        fingerprint=fingerprint(reading.files, reading.key),
        **{f"{modality}_dim": width for modality, width in reading.widths.items()},
    )
    builder.reading = reading
    return build(builder, None)


def check_table_options(dataset: str, **options: Any) -> None:
    """Refuse options of `load_table` for other data; MELD has a label to choose too.

    Raises:
        ValueError: an option is set that the data set does not have.
    """
    for name, value in options.items():
        if value and dataset != "table" and (name, dataset) != ("label", "meld"):
            raise ValueError(f"{name} is set: expected a table, not {dataset!r}")


def read_table(
    data: str | Path | Mapping[str, str | Path],
    label_names: Sequence[str] | None = None,
    seed: int = 0,
    *,
    columns: Mapping[str, str] | None = None,
    label: str | None = None,
    media_root: str | Path | None = None,
    allow_absolute_paths: bool = False,
    feature_names: Mapping[str, Sequence[str]] | None = None,
    undivided: str | None = None,
) -> TableReading:
    """Read and check a table; arguments and errors are those of `load_table`."""
    root = None if media_root is None else data_folder(media_root, "media_root")
    paths = find_files(data)
    own = column_names(columns, label)
    if label_names is None and isinstance(paths, dict) and "train" not in paths:
        raise ValueError("label_names is missing: expected names, because there is no training set")
    mistakes: list[Mistake] = []
    media = MediaPaths(root, allow_absolute_paths)
    table = read_splits(paths, seed, mistakes, media, undivided, own)
    names = check_labels(table, label_names, mistakes)
    features = {}
    for modality in MODALITIES:
        known = len(mistakes)
        stack = stack_features(
            [file.features[modality] for file in table.files],
            mistakes,
            (feature_names or {}).get(modality),
        )
        if stack is not None:
            if len(mistakes) == known:
                _check_gaps(table, stack, mistakes)
            features[modality] = stack
    if mistakes:
        order = [file.path for file in table.files]
        raise TableError(sorted(mistakes, key=lambda m: (order.index(m.path), m.line or 0)))

    notes, warnings = list(table.notes), findings(table, names)
    if isinstance(paths, dict) and (unread := unread_tables(data, paths)):
        warnings.insert(0, unread)
    for modality, stack in features.items():
        if stack.unread:
            warnings.append(
                f"{', '.join(stack.unread)}: not read, because the model reads only the "
                f"{modality} features {', '.join(stack.names)}"
            )
    has_channels = any(file.channels is not None for file in table.files)
    conversations = {
        split: [_conversation(part.file, rows, names, has_channels) for rows in part.conversations]
        for split, part in table.parts.items()
    }
    for modality, stack in features.items():
        values = {
            split: [stack.arrays[part.file.path][rows] for rows in part.conversations]
            for split, part in table.parts.items()
        }
        notes += attach_features(conversations, values, stack.names, modality)
    clips = [path for file in table.files for path in file.media if path is not None]
    found = [str(path) for path in clips if path.is_file()]
    if len(found) < len(clips):
        missing = next(str(path) for path in clips if not path.is_file())
        warnings.append(
            f"{len(clips) - len(found)} of {len(clips)} files in media_path are missing, such as "
            f"{missing}"
        )
    vectors = [
        path
        for file in table.files
        for modality in file.features.values()
        for path in modality.vector_files
    ]
    return TableReading(
        conversations,
        notes,
        label_names=names,
        widths={modality: len(stack.names) for modality, stack in features.items()},
        files=sorted({file.path for file in table.files} | set(vectors)),
        key=[
            *(f"{split}={part.file.path}" for split, part in table.parts.items()),
            str(seed),
            str(undivided),
            str(sorted(own.items())),
            *(f"{modality}={stack.names}" for modality, stack in features.items()),
            *found,
        ],
        warnings=warnings,
        has_channels=has_channels,
    )


def table_feature_names(
    data: str | Path | Mapping[str, str | Path], columns: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Return the names of a table's columns of features, by modality, in the order of the features.

    Args:
        data, columns: as in `load_table`, which has read it without mistakes.
    """
    paths = find_files(data)
    files = [paths] if isinstance(paths, Path) else list(paths.values())
    names: dict[str, list[str]] = {}
    for file in files:
        table, _ = read_file(file, [], columns)
        for modality in MODALITIES:
            own = numeric_columns(table.columns, modality)
            if own and modality not in names:
                names[modality] = list(own)
    return names


def _check_gaps(table: SplitTable, stack: StackedFeatures, mistakes: list[Mistake]) -> None:
    """Find features with empty cells for which the training set has no mean."""
    known = np.zeros(len(stack.names), dtype=bool)
    if "train" in table.parts:
        train = table.parts["train"]
        known = ~np.isnan(stack.arrays[train.file.path][train.rows]).all(axis=0)
    for part in table.parts.values():
        empty = np.isnan(stack.arrays[part.file.path][part.rows])  # (T, D)
        gaps = empty & ~empty.all(axis=1, keepdims=True) & ~known
        for position in np.flatnonzero(gaps.any(axis=0)):
            row = part.rows[int(gaps[:, position].argmax())]
            expected = "a number, because the training set has none of which to take the mean"
            mistakes.append(part.file.mistake(row, stack.names[position], "is empty", expected))


def _conversation(
    file: TableFile, rows: list[int], label_names: Sequence[str], has_channels: bool
) -> Conversation:
    cells = {name: [column[row] for row in rows] for name, column in file.cells.items()}
    conversation = new_conversation(
        cells["dialogue_id"][0],
        cells["utterance_id"],
        cells["speaker"],
        [repair_text(text) for text in cells["text"]],
        [label_names.index(label) if label else UNLABELLED for label in cells["emotion"]],
    )
    for column, seconds in zip(("starts", "ends"), file.times[rows].T.tolist(), strict=True):
        conversation[column] = [None if math.isnan(second) else second for second in seconds]
    clips = [file.media[row] for row in rows]
    conversation["media_paths"] = [
        str(clip) if clip is not None and clip.is_file() else None for clip in clips
    ]
    if has_channels:
        conversation["channels"] = [file.channels and file.channels[row] for row in rows]
    return conversation
