"""Your own conversations, from one CSV or JSON-lines file, or from one a split.

One row an utterance, with the columns
    dialogue_id    names the conversation; its rows are its utterances, in their order
    utterance_id   names the utterance inside its conversation
    speaker        any name; only same or different matters. Empty ones count as one speaker
    text           what was said; may be empty
    emotion        the label, of any set of labels; empty: unlabelled, read as context alone
and, each of them optional,
    split          where one file holds several splits: train, dev or test; else not looked at
    start, end     seconds from the start of the recording
    media_path     the utterance's clip
and the features of a modality (text, visual, audio) in one of three forms:
    audio_*        numbers, a column each, in the order of the columns. An empty cell takes the
                   training mean; where all are empty, the utterance lacks the modality
    audio_features in JSON-lines: a list of numbers; null where the utterance lacks the modality
    audio_file     a .npy file with a vector (D,); empty where the utterance lacks the modality

Files are UTF-8. In JSON-lines (.jsonl) a row is an object, a missing key says the same as null or
an empty cell, and names may be whole numbers. Paths are relative to the table's folder and may not
leave it. Other columns are not looked at. `synctva check` lists what is wrong in a table.

One file without a column split is split by conversation: a tenth, but at least one, is dev, a tenth
test, the rest train. Which depends on a seed and on the names of the conversations, not on the
order of the rows, and a conversation more or less moves few others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import DatasetDict

from synctva.datasets_scripts.builder import ConversationBuilder, Reading, build, fingerprint
from synctva.datasets_scripts.corpora.feature_csv import attach_features
from synctva.datasets_scripts.corpora.text_repair import repair_text
from synctva.datasets_scripts.schema import UNLABELLED, Conversation, new_conversation
from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .checking import TableError, TableFile
from .csv_rows import Mistake
from .features import StackedFeatures, stack_features
from .splits import SplitTable, find_files, read_splits


@dataclass
class TableReading(Reading):
    """What was read of a table without mistakes."""

    label_names: tuple[str, ...]
    widths: dict[str, int]
    """Width of the features by modality; only of those that there are."""
    files: list[Path]
    """All that was read: tables and vectors."""
    key: list[str]
    """What decides the conversations beside the contents of the files."""


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
    """Loads your own conversations.

    Args:
        data: one .csv or .jsonl file; a folder with one for each of train, dev and test (those
            that there are); or a file by split.
        label_names: names of the emotions in their order; by default those of the training set,
            or of the one file that is split here, sorted.
        seed: of the split of one file without a column split.
        cache_dir: where `datasets` keeps what it built; by default its own cache.

    Returns:
        The splits found, with the columns of `synctva.datasets_scripts.schema`.

    Raises:
        FileNotFoundError: a file is missing, or the folder has none.
        TableError: a ValueError with all mistakes in the data.
        ValueError: `data` names no table, or label_names are needed.
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
    """Reads and checks what `load_table` loads; arguments and errors are its."""
    paths = find_files(data)
    if label_names is None and isinstance(paths, dict) and "train" not in paths:
        raise ValueError("label_names: needed when there is no training set.")
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
        notes.append(f"{len(clips) - len(found)} of {len(clips)} files in media_path are not there")
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
    """The labels that train with, sorted: of the training set, or of all if we drew it."""
    parts = [part for split, part in table.parts.items() if split == "train" or table.drawn]
    if not parts and not mistakes:
        expected = "a training set, or label_names"
        mistakes.append(table.files[0].mistake(None, "split", "no row is 'train'", expected))
    labels = {part.file.cells["emotion"][row] for part in parts for row in part.rows}
    labels -= {""}
    if parts and not labels and not mistakes:
        found = "no row of the training set has a label"
        mistakes.append(parts[0].file.mistake(None, "emotion", found, "labels, or label_names"))
    return tuple(sorted(labels))


def _check_labels(file: TableFile, names: Sequence[str], mistakes: list[Mistake]) -> None:
    for row, label in enumerate(file.cells["emotion"]):
        if names and label and label not in names:
            found = f"unknown label {label!r}"
            mistakes.append(file.mistake(row, "emotion", found, f"one of: {', '.join(names)}"))


def _check_gaps(table: SplitTable, stack: StackedFeatures, mistakes: list[Mistake]) -> None:
    """Looks for features with empty cells that no training value can fill."""
    known = np.zeros(len(stack.names), dtype=bool)
    if "train" in table.parts:
        train = table.parts["train"]
        known = ~np.isnan(stack.arrays[train.file.path][train.rows]).all(axis=0)
    for part in table.parts.values():
        empty = np.isnan(stack.arrays[part.file.path][part.rows])  # (T, D)
        gaps = empty & ~empty.all(axis=1, keepdims=True) & ~known
        for position in np.flatnonzero(gaps.any(axis=0)):
            row = part.rows[int(gaps[:, position].argmax())]
            found = "empty, and the training set has no value from which to take a mean"
            mistakes.append(part.file.mistake(row, stack.names[position], found, "a number"))


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
