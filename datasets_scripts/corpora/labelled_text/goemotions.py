"""GoEmotions (Demszky et al. 2020, arXiv 2005.00547): single comments with one or more labels."""

from __future__ import annotations

from pathlib import Path

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.text_repair import decode

from .corpus import LabelledTexts, TextCorpus, equal_shares

EXPECTED = "train.tsv and labels.txt of GoEmotions"


def read_goemotions(folder: Path) -> TextCorpus:
    """Read train.tsv, whose rows are text, numbers of labels and id; labels.txt names the labels.

    Several labels of a comment have equal shares.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a row has other cells, or a label that labels.txt does not name.
    """
    names = tuple(required_file(folder, "labels.txt", EXPECTED).read_text("utf-8").split())
    path = required_file(folder, "train.tsv", EXPECTED)
    conversations = []
    for number, line in enumerate(decode(path.read_bytes()).splitlines(), 1):
        cells = line.split("\t")
        if number == 1 and cells[:2] == ["text", "label"]:  # the original file has no header
            continue
        if len(cells) != 3:
            raise ValueError(
                f"{path}, line {number} has {len(cells)} cells: expected 3, text, labels and id"
            )
        found = cells[1].split(",")
        if not all(label.isdecimal() and int(label) < len(names) for label in found):
            raise ValueError(
                f"{path}, line {number}, labels = {cells[1]!r}: expected numbers from 0 to "
                f"{len(names) - 1} with commas"
            )
        shares = equal_shares([[int(label) for label in found]], len(names))
        conversations.append(LabelledTexts([cells[0]], [None], shares))
    return TextCorpus("goemotions", names, conversations)


__all__ = ["read_goemotions"]
