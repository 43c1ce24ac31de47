"""Read the features in a table: columns of numbers, lists of numbers, or files of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from .csv_rows import LARGEST, CsvTable, Located, Mistake
from .json_rows import JsonTable, shown

NOT_A_PATH = "is not a valid path"


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
    arrays: dict[Path, np.ndarray]
    """(rows, D) float64 by file, NaN where there is no value."""


def read_features(
    table: CsvTable | JsonTable, modality: str, mistakes: list[Mistake]
) -> FileFeatures:
    """Read the features of a modality; values with a mistake are left out."""
    of_lists, of_files = f"{modality}_features", f"{modality}_file"
    columns = [name for name in table.columns if name.startswith(f"{modality}_")]
    numeric = tuple(name for name in columns if name not in (of_lists, of_files))
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
    files: Sequence[FileFeatures], mistakes: list[Mistake]
) -> StackedFeatures | None:
    """Return the features of one modality in all files, which must agree on them.

    None if no file has any.
    """
    width, origin = _width(files)
    if width is None:
        return None
    # The first file with columns of numbers decides the names and the order of the features.
    in_columns = [file for file in files if isinstance(file.values, np.ndarray)]
    names = tuple(f"{files[0].modality} {index}" for index in range(width))
    if in_columns and len(in_columns[0].columns) == width:
        names = in_columns[0].columns
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
        elif names is in_columns[0].columns:
            _take_columns(file, in_columns[0], values, mistakes)
        elif len(file.columns) != width:
            found = f"has {len(file.columns)} columns {file.modality}_*"
            mistakes.append(file.mistake(None, None, found, f"{width}, as {origin} has"))
    return StackedFeatures(names, arrays)


def path_column(
    table: CsvTable | JsonTable, column: str, mistakes: list[Mistake]
) -> list[Path | None]:
    """Return a column of paths relative to the table's folder; None where a cell is empty.

    Neither a path nor a link in the folder may lead out of it: a table and the files that it names
    often come from a stranger, in one archive.
    """
    if column not in table.columns:
        return [None] * len(table.lines)
    folder = table.path.parent
    root = folder.resolve()
    paths: list[Path | None] = []
    for row, cell in enumerate(table.strings(column, mistakes)):
        forms = (PurePosixPath(cell), PureWindowsPath(cell))  # a table may come from either system
        problem = None
        if "\0" in cell:
            problem = NOT_A_PATH
        elif any(form.anchor or ".." in form.parts for form in forms):
            problem = "leads out of the table's folder"
        elif cell:
            problem = _problem(root / cell, root)
        if problem is not None:
            expected = "a path in the table's folder, relative to it"
            mistakes.append(
                table.mistake(row, column, f"= {shown(cell)}, which {problem}", expected)
            )
            cell = ""
        paths.append(folder / cell if cell else None)
    return paths


def _problem(path: Path, root: Path) -> str | None:
    """Say what is wrong with a path in a folder, after following its links."""
    try:
        path.is_file()  # raises if the name is too long
        within = path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # RuntimeError: a circle of links
        return NOT_A_PATH
    return None if within else "leads out of the table's folder by a link"


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
    file: FileFeatures, first: FileFeatures, values: np.ndarray, mistakes: list[Mistake]
) -> None:
    """Write a file's columns into `values` (rows, D) in the order of the first file."""
    assert isinstance(file.values, np.ndarray)
    expected = "the same columns in every split"
    for position, name in enumerate(first.columns):
        if name in file.columns:
            values[:, position] = file.values[:, file.columns.index(name)]
        else:
            found = f"lacks the feature column {name!r} of {first.path.name}"
            mistakes.append(file.mistake(None, None, found, expected))
    for name in file.columns:
        if name not in first.columns:
            found = f"has the feature column {name!r}, which {first.path.name} lacks"
            mistakes.append(file.mistake(None, None, found, expected))


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
