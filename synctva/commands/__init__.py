"""The commands of `synctva`, one module for each; `synctva_command_line` calls its `main`."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """Return how this user can start `synctva`: by name if the shell finds it, else by its path."""
    installed = Path(sys.executable).with_name("synctva")
    if shutil.which("synctva") or not installed.is_file():
        return "synctva"
    return os.path.relpath(installed)


__all__ = ["program"]
