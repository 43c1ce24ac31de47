"""Read the paths in a table, which may not lead where the user did not allow it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from huggingface_hub.constants import HF_HUB_CACHE

from .csv_rows import CsvTable, Mistake
from .json_rows import JsonTable, shown

NOT_A_PATH = "is not a valid path"


@dataclass(frozen=True)
class MediaPaths:
    """Where the files in a table's column media_path may lie; by default in the table's folder.

    Attributes:
        root: paths are relative to this folder, or absolute and in it.
        absolute: absolute paths may lead anywhere.
    """

    root: Path | None = None
    absolute: bool = False

    def check(self, table: Path) -> None:
        """Refuse to open up a table that came from the Hub: it may name any file of this machine.

        Raises:
            ValueError: the table lies in the Hub's cache.
        """
        if self == MediaPaths() or not table.absolute().is_relative_to(HF_HUB_CACHE):
            return
        option = "media_root" if self.root is not None else "allow_absolute_paths"
        raise ValueError(
            f"{option} is set and {table} comes from the Hub: expected a table of your own, whose "
            "paths you know"
        )


IN_THE_FOLDER = MediaPaths()


def path_column(
    table: CsvTable | JsonTable,
    column: str,
    mistakes: list[Mistake],
    media: MediaPaths = IN_THE_FOLDER,
) -> list[Path | None]:
    """Return a column of paths; None where a cell is empty.

    By default they are relative to the table's folder, and neither a path nor a link in the folder
    may lead out of it: a table and the files that it names often come from a stranger, in one
    archive.
    """
    if column not in table.columns:
        return [None] * len(table.lines)
    folder = table.path.parent if media.root is None else media.root
    name = "the table's folder" if media.root is None else "media_root"
    paths: list[Path | None] = []
    for row, cell in enumerate(table.strings(column, mistakes)):
        paths.append(folder / cell if cell else None)  # an absolute cell stays as it is
        problem = _problem(cell, folder, name, media) if cell else None
        if problem is None:
            continue
        paths[-1] = None
        expected = f"a path in {name}, relative to it"
        if column == "media_path" and Path(cell).is_absolute():
            expected += ", or --media_root with the folder of the files"
        mistakes.append(table.mistake(row, column, f"= {shown(cell)}, which {problem}", expected))
    return paths


def _problem(cell: str, folder: Path, name: str, media: MediaPaths) -> str | None:
    """Say what is wrong with a path, after following its links; None if nothing is."""
    if "\0" in cell:
        return NOT_A_PATH
    absolute = Path(cell).is_absolute()
    if not (absolute and (media.absolute or media.root is not None)):
        forms = (PurePosixPath(cell), PureWindowsPath(cell))  # a table may come from either system
        if any(form.anchor or ".." in form.parts for form in forms):
            return f"leads out of {name}"
    try:
        path = folder / cell
        path.is_file()  # raises if the name is too long
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # RuntimeError: a circle of links
        return NOT_A_PATH
    if within or (absolute and media.absolute):
        return None
    return f"leads out of {name}" + ("" if absolute else " by a link")
