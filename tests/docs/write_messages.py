"""Write `docs/messages.md`: what Sync-TVA says in which situation.

    python -m tests.docs.write_messages

The situations are functions in `tests/docs/situations/`; each provokes its message, so that the
page cannot say anything else. A test compares the page with a new one.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from .situations import headings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "messages.md"

INTRODUCTION = """# What Sync-TVA tells you when ...

Nothing that you give is ignored in silence, and nothing that was not read is answered with
confidence. Each message below was provoked when this page was written, and a test does it again.
`<folder>` is the folder of the situation. [Troubleshooting](troubleshooting.md) says what to do
about the most common ones.
"""


def page() -> str:
    """Provoke every message and return the page."""
    parts = [INTRODUCTION]
    for heading, situations in headings().items():
        rows = []
        for situation in situations:
            with tempfile.TemporaryDirectory() as folder:
                words = situation.words(Path(folder))
            rows.append(f"| {cell(situation.when)} | {cell(words)} |")
        parts.append("\n".join([f"## {heading}", "", "| when | it says |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def cell(text: str) -> str:
    """Escape what Markdown would take for a part of the table, a tag or emphasis.

    What is between backticks is code there too, where only the table's bars are escaped.
    """
    parts = text.replace("|", "\\|").split("`")
    parts[::2] = [re.sub(r"([<*_])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
