"""The commands of `synctva`, one module for each; `synctva_command_line` calls its `main`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any


def program() -> str:
    """Return how this user can start `synctva`: by name if the shell finds it, else by its path."""
    installed = Path(sys.executable).with_name("synctva")
    if shutil.which("synctva") or not installed.is_file():
        return "synctva"
    return os.path.relpath(installed)


def table_options(options: Any) -> dict[str, Any]:
    """Return how a table is read, as arguments of `load_table`, from the options of a command.

    Raises:
        ValueError: see `column_options`.
    """
    return {
        **column_options(options),
        "media_root": options.media_root,
        "allow_absolute_paths": options.allow_absolute_paths,
    }


def column_options(options: Any) -> dict[str, Any]:
    """Return which columns a table has, as arguments of `load_table`.

    Raises:
        ValueError: `--columns` is not of the form that it has.
    """
    columns = None
    if options.columns is not None:
        pairs = [pair.partition("=") for pair in options.columns.split(",")]
        columns = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
        if len(columns) < len(pairs) or not all((*columns, *columns.values())):
            raise ValueError(
                f"--columns = {options.columns}: expected our name of a column = its name in the "
                "table, each once: dialogue_id=video_id,utterance_id=clip_id"
            )
    return {"columns": columns, "label": options.label}


__all__ = ["column_options", "program", "table_options"]
