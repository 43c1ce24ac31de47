"""A conversation that cannot be read."""

from __future__ import annotations

from pathlib import Path

from . import said, shipped, situation


@situation("a text is given where a conversation is expected")
def text_for_conversation(folder: Path) -> str:
    return said(lambda: shipped()("I got the job!"))
