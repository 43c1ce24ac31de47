"""Read the features in a table: columns of numbers, lists of numbers, or files of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .csv_rows import LARGEST, CsvTable, Located, Mistake
from .json_rows import JsonTable
from .paths import path_column

MODEL = "the model"
SAME_COLUMNS = "the same columns in every split"


@dataclass(frozen=True)
class FileFeatures(Located):
    """The features of one modality in one file."""

    path: Path
    lines: list[int]
    modality: str
    columns: tuple[str, ...]
    """The D columns of numbers, or the one column of vectors; none without the modality."""
    values: np.ndarray | list[np.ndarray | None]
    """(rows, D) numbers, NaN where empty; or a vector (D,) for each row, None where empty."""
    vector_files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class StackedFeatures:
    """The features of one modality in all files."""

    names: tuple[str, ...]
    """Names of the D features."""
    named: bool
    """Whether the names are those of columns; otherwise they are only for messages."""
    arrays: dict[Path, np.ndarray]
    """(rows, D) float64 by file, NaN where there is no value."""
    unread: tuple[str, ...] = ()
    """Columns that are not among the expected names."""


def read_features(
    table: CsvTable | JsonTable, modality: str, mistakes: list[Mistake]
) -> FileFeatures:
    """Read the features of a modality; values with a mistake are left out."""
    of_lists, of_files = f"{modality}_features", f"{modality}_file"
    columns = [name for name in table.columns if name.startswith(f"{modality}_")]
    numeric = numeric_columns(table.columns, modality)
    forms = [*numeric[:1], *(name for name in (of_lists, of_files) if name in columns)]
    nothing = FileFeatures(
        table.path, table.lines, modality, tuple(forms), [None] * len(table.lines)
    )
    if not forms:
        return nothing
    if len(forms) > 1:
        found = f"has {modality} features in {' and in '.join(map(repr, forms))}"
        mistakes.append(table.mistake(None, None, found, "only one form"))
        return nothing
    if numeric:
        values = table.numbers(numeric, mistakes)
        return FileFeatures(table.path, table.lines, modality, numeric, values)
    files: list[Path] = []
    if of_files in columns:
        vectors = _load_vectors(table, of_files, files, mistakes)
    elif isinstance(table, JsonTable):
        vectors = table.vectors(of_lists, mistakes)
    else:
        expected = f"columns {modality}_* with one number per cell, or {of_files}"
        mistakes.append(table.mistake(None, of_lists, "is in a CSV, without lists", expected))
        return nothing
    _check_vectors(table, columns[0], vectors, mistakes)
    return FileFeatures(table.path, table.lines, modality, (columns[0],), vectors, tuple(files))


def stack_features(
    files: Sequence[FileFeatures],
    mistakes: list[Mistake],
    expected: Sequence[str] | None = None,
) -> StackedFeatures | None:
    """Return the features of one modality in all files, which must agree on them.

    None if no file has any.

    Args:
        expected: names of the features that a model reads, in its order, with or without the
            modality's prefix. By default the first file with columns of numbers decides.
    """
    width, origin = _width(files)
    if width is None:
        return None
    in_columns = [file for file in files if isinstance(file.values, np.ndarray)]
    names = tuple(f"{files[0].modality} {index}" for index in range(width))
    named, unread, first = False, [], origin
    if expected is not None:
        names, width, named = tuple(expected), len(expected), True
        origin = first = MODEL
        known = {unprefixed(name, files[0].modality) for name in names}
        columns = dict.fromkeys(name for file in in_columns for name in file.columns)
        unread = [name for name in columns if unprefixed(name, files[0].modality) not in known]
    elif in_columns and len(in_columns[0].columns) == width:
        names, first, named = in_columns[0].columns, in_columns[0].path.name, True
    arrays = {}
    for file in files:
        values = np.full((len(file.lines), width), np.nan)
        arrays[file.path] = values
        if isinstance(file.values, list) and file.columns:
            _take_vectors(file, values, origin, mistakes)
        elif isinstance(file.values, list):
            if file.lines:
                found = f"lacks {file.modality} features, which {origin} has"
                mistakes.append(file.mistake(None, None, found, "them in every split or in none"))
        elif named:
            _take_columns(file, names, first, values, mistakes)
            if expected is None:
                _refuse_further_columns(file, names, first, mistakes)
        else:  # the first file with features has vectors of another width
            found = f"has {len(file.columns)} columns {file.modality}_*"
            mistakes.append(file.mistake(None, None, found, f"{width}, as {origin} has"))
    return StackedFeatures(names, named, arrays, tuple(unread))


def numeric_columns(columns: Sequence[str], modality: str) -> tuple[str, ...]:
    """Return those of a table's columns that hold one number of this modality each."""
    others = (f"{modality}_features", f"{modality}_file")
    return tuple(name for name in columns if name.startswith(f"{modality}_") and name not in others)


def unprefixed(name: str, modality: str) -> str:
    """Return a feature's name without the modality's prefix: "pitch" for "audio_pitch"."""
    return name.removeprefix(f"{modality}_")


def _width(files: Sequence[FileFeatures]) -> tuple[int | None, str]:
    """Return the number of features in the first place that has any, and that place."""
    for file in files:
        if isinstance(file.values, np.ndarray):
            return file.values.shape[1], str(file.path)
        for row, vector in enumerate(file.values):
            if vector is not None:
                return len(vector), f"{file.path}, line {file.lines[row]}"
    return None, ""


def _take_vectors(
    file: FileFeatures, values: np.ndarray, origin: str, mistakes: list[Mistake]
) -> None:
    """Write a file's vectors into `values` (rows, D)."""
    for row, vector in enumerate(file.values):
        if vector is not None and len(vector) == values.shape[1]:
            values[row] = vector
        elif vector is not None:
            found, expected = f"has {len(vector)} numbers", f"{values.shape[1]}, as {origin} has"
            mistakes.append(file.mistake(row, file.columns[0], found, expected))


def _take_columns(
    file: FileFeatures,
    names: Sequence[str],
    first: str,
    values: np.ndarray,
    mistakes: list[Mistake],
) -> None:
    """Write a file's columns into `values` (rows, D) in the order of the names of `first`."""
    assert isinstance(file.values, np.ndarray)
    columns = {unprefixed(name, file.modality): i for i, name in enumerate(file.columns)}
    for position, name in enumerate(names):
        column = columns.get(unprefixed(name, file.modality))
        if column is not None:
            values[:, position] = file.values[:, column]
        else:
            found = f"lacks the feature column {name!r} of {first}"
            expected = "all that it was trained on" if first == MODEL else SAME_COLUMNS
            mistakes.append(file.mistake(None, None, found, expected))


def _refuse_further_columns(
    file: FileFeatures, names: Sequence[str], first: str, mistakes: list[Mistake]
) -> None:
    for name in file.columns:
        if name not in names:
            found = f"has the feature column {name!r}, which {first} lacks"
            mistakes.append(file.mistake(None, None, found, SAME_COLUMNS))


def _load_vectors(
    table: CsvTable | JsonTable, column: str, files: list[Path], mistakes: list[Mistake]
) -> list[np.ndarray | None]:
    """Load the .npy files that a column names, and add the paths of those to `files`."""
    vectors: list[np.ndarray | None] = []
    for row, path in enumerate(path_column(table, column, mistakes)):
        vectors.append(None)
        if path is None:
            continue
        name = str(path.relative_to(table.path.parent))
        try:
            # Not np.load, which also opens archives.
            with path.open("rb") as opened:
                vector = np.lib.format.read_array(opened, allow_pickle=False)
        except FileNotFoundError:
            found = f"= {name!r}, which is missing"
        except (OSError, ValueError, EOFError, MemoryError) as error:
            found = f"= {name!r}, which cannot be read ({error})"
        else:
            files.append(path)
            if vector.dtype.kind in "iuf":
                vectors[row] = vector.astype(np.float64)
                continue
            found = f"= {name!r}, which has values of type {vector.dtype}"
        expected = "a .npy file with a vector of numbers"
        mistakes.append(table.mistake(row, column, found, expected))
    return vectors


def _check_vectors(
    table: CsvTable | JsonTable,
    column: str,
    vectors: list[np.ndarray | None],
    mistakes: list[Mistake],
) -> None:
    """Remove and report arrays that are not vectors or have a number that is not finite."""
    for row, vector in enumerate(vectors):
        if vector is None:
            continue
        if vector.ndim != 1 or not len(vector):
            found = f"has an array of shape {vector.shape}"
            mistakes.append(table.mistake(row, column, found, "a vector, (D,)"))
            vectors[row] = None
            continue
        unsound = np.flatnonzero(~(np.abs(vector) <= LARGEST))
        if len(unsound):
            found = f"has {vector[unsound[0]]:g} at position {unsound[0]} of its vector"
            mistakes.append(table.mistake(row, column, found, "only finite numbers"))
            vectors[row] = None
