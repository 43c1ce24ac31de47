"""Load your own conversations from a table; `table/__init__.py` describes its columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import DatasetDict

from synctva.datasets_scripts.builder import ConversationBuilder, Reading, build, fingerprint
from synctva.datasets_scripts.missing_features import attach_features
from synctva.datasets_scripts.schema import UNLABELLED, Conversation, new_conversation
from synctva.datasets_scripts.text_repair import repair_text
from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .checking import TableError, TableFile
from .csv_rows import Mistake
from .features import StackedFeatures, stack_features
from .splits import SplitTable, find_files, read_splits


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


class Table(ConversationBuilder):
    """Builder of your own data; use it through `load_table`."""

    reading: TableReading

    def read(self) -> Reading:
        return self.reading


def load_table(
    data: str | Path | Mapping[str, str | Path],
    label_names: Sequence[str] | None = None,
    *,
    seed: int = 0,
    cache_dir: str | Path | None = None,
) -> DatasetDict:
    """Load your own conversations.

    Args:
        data: a .csv or .jsonl file; a folder with such files named train, dev and test, at least
            one of them; or a dictionary of files by split.
        label_names: names of the emotions in their order. By default the sorted labels of the
            training set or, if one file without a column split is split here, of that file.
        seed: of that split.
        cache_dir: where `datasets` keeps the built data set; by default its own cache.

    Returns:
        The splits found, with the columns of `synctva.datasets_scripts.schema`.

    Raises:
        FileNotFoundError: a file is missing, or the folder has none.
        TableError: the data has mistakes. A ValueError that lists all of them.
        ValueError: `data` is not a table, or label_names is missing.
    """
    reading = read_table(data, label_names, seed)
    builder = Table(
        cache_dir=cache_dir and str(cache_dir),
        label_names=reading.label_names,
        fingerprint=fingerprint(reading.files, reading.key),
        **{f"{modality}_dim": width for modality, width in reading.widths.items()},
    )
    builder.reading = reading
    return build(builder, None)


def read_table(
    data: str | Path | Mapping[str, str | Path],
    label_names: Sequence[str] | None = None,
    seed: int = 0,
) -> TableReading:
    """Read and check a table; arguments and errors are those of `load_table`."""
    paths = find_files(data)
    if label_names is None and isinstance(paths, dict) and "train" not in paths:
        raise ValueError("label_names is missing: expected names, because there is no training set")
    mistakes: list[Mistake] = []
    table = read_splits(paths, seed, mistakes)
    names = _label_names(table, mistakes) if label_names is None else tuple(label_names)
    for file in table.files:
        _check_labels(file, names, mistakes)
    features = {}
    for modality in MODALITIES:
        stack = stack_features([file.features[modality] for file in table.files], mistakes)
        if stack is not None:
            _check_gaps(table, stack, mistakes)
            features[modality] = stack
    if mistakes:
        order = [file.path for file in table.files]
        raise TableError(sorted(mistakes, key=lambda m: (order.index(m.path), m.line or 0)))

    notes = list(table.notes)
    conversations = {
        split: [_conversation(part.file, rows, names) for rows in part.conversations]
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
        notes.append(f"{len(clips) - len(found)} of {len(clips)} files in media_path are missing")
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
            *found,
        ],
    )


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
    return tuple(sorted(labels))


def _check_labels(file: TableFile, names: Sequence[str], mistakes: list[Mistake]) -> None:
    for row, label in enumerate(file.cells["emotion"]):
        if names and label and label not in names:
            expected = f"one of {', '.join(names)}"
            mistakes.append(file.mistake(row, "emotion", f"= {label!r}", expected))


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


def _conversation(file: TableFile, rows: list[int], label_names: Sequence[str]) -> Conversation:
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
    return conversation
