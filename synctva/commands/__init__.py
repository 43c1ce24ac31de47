"""The commands of `synctva`, one module each; `synctva_command_line.py` picks the module."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """How this user starts `synctva`: by name where the shell finds it, else by its path."""
    installed = Path(sys.executable).with_name("synctva")
    if shutil.which("synctva") or not installed.is_file():
        return "synctva"
    return os.path.relpath(installed)


__all__ = ["program"]
