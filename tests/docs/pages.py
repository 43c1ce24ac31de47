"""The pages of the documentation, and the blocks of code in them.

The language of a fence says what is in it. `python` is run. `console` runs the commands after `$ `
and prints the rest. `text`, `bibtex` and Sphinx's own are not code. A fence without a language
is the output of the Python block right above it, or else commands. A Python block whose first line
is `# Needs ...` needs something that a test cannot have: it is checked, not run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *ROOT.glob("docs/*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "synctva-meld/README.md")),
    )
)
NO_CODE = ("text", "bibtex", "{eval-rst}")

FENCE = re.compile(r"^```(\S*)$")
INLINE = re.compile(r"`((?:python examples/|python -m |make |synctva |pip |pytest )[^`]*)`")
FOLDERS = (
    "benchmarks", "configuration", "datasets_scripts", "docs", "examples", "modeling_synctva",
    "synctva", "synctva-meld", "tests", "tools",
)  # fmt: skip
FILE = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")


@dataclass(frozen=True)
class Block:
    """The content of a fence; `printed` is the output below it, None if there is none."""

    page: str
    line: int
    language: str
    text: str
    printed: str | None = None

    @property
    def needs(self) -> str | None:
        """The first line, if it names something that a test cannot have."""
        first = self.text.partition("\n")[0]
        return first if first.startswith("# Needs ") else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page in their order, outputs with their code."""
    found: list[Block] = []
    ended, opened, language, inside = 0, 0, "", list[str]()
    for number, line in enumerate(text_of(page).splitlines(), start=1):
        match = FENCE.match(line)
        if opened and line == "```":
            block = Block(page, opened, language, "\n".join(inside))
            above = found[-1] if found and ended == opened - 1 else None
            if above is not None and above.language == "python" and not language:
                found[-1] = replace(above, printed=block.text)
            else:
                found.append(block)
            ended, opened = number, 0
        elif opened:
            inside.append(line)
        elif match:
            opened, language, inside = number, match[1], []
    assert not opened, f"{page}:{opened}: the fence has no end"
    return found


def commands(page: str) -> list[tuple[str, str]]:
    """Return (place, command) for each command, including those in prose."""
    found = []
    for block in blocks(page):
        if block.language == "console":
            lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
        elif block.language == "":
            lines = block.text.replace("\\\n", " ").splitlines()
        else:
            continue
        found += [(str(block), line) for line in lines if line.strip()]
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)
    found += [(page, " ".join(text.split())) for text in INLINE.findall(prose)]
    return found


def links(page: str) -> list[str]:
    """Return the targets of links and images."""
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose))


def files(page: str) -> list[str]:
    """Return the files and folders of the repository that the prose names in backticks."""
    prose = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)
    return FILE.findall(prose)


__all__ = ["NO_CODE", "PAGES", "ROOT", "Block", "blocks", "commands", "files", "links", "text_of"]
