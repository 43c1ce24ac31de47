"""How a result was produced: commit of the source, versions, command."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

import synctva


def provenance() -> dict[str, Any]:
    """Return the commit of the source, if it is a git working tree, and the versions in use."""
    return {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "versions": {
            "synctva": synctva.__version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def _git(*arguments: str) -> str:
    """Return git's output for the working tree of the source, "" if there is none."""
    folder = Path(synctva.__file__).resolve().parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def shown_command(command: str, options: Sequence[str]) -> str:
    """Return a command as a card shows it, with paths outside the folder cut to their last part.

    The rest of such a path describes a machine and its user, and does not help anybody else.

    >>> shown_command("synctva train", ["--data_dir", "/home/ann/meld", "--seed", "0"])
    'synctva train --data_dir meld --seed 0'
    """
    shown = []
    for option in options:
        flag, sign, value = option.partition("=") if option.startswith("-") else ("", "", option)
        path = Path(value)
        elsewhere = path.is_absolute() or ".." in path.parts
        shown.append(f"{flag}{sign}{path.name if elsewhere else value}")
    return shlex.join([*command.split(), *shown])


__all__ = ["provenance", "shown_command"]
