"""EmoContext (Chatterjee et al. 2019, SemEval task 3): chats of three turns, the last labelled."""

from __future__ import annotations

from pathlib import Path

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.labels import label_id
from synctva.datasets_scripts.text_repair import decode

from .corpus import LabelledTexts, TextCorpus, equal_shares

LABELS = ("others", "happy", "sad", "angry")
COLUMNS = ["id", "turn1", "turn2", "turn3", "label"]


def read_emocontext(folder: Path) -> TextCorpus:
    """Read train.txt, with columns id, turn1, turn2, turn3 and label between tabs.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: a row has other cells, or an unknown label.
    """
    path = required_file(folder, "train.txt", "EmoContext's training file")
    header, *lines = decode(path.read_bytes()).split("\n")
    if header.strip().split("\t") != COLUMNS:
        raise ValueError(f"{path}, line 1 = {header[:80]!r}: expected {', '.join(COLUMNS)}")
    conversations = []
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        cells = line.rstrip("\r").split("\t")
        if len(cells) != len(COLUMNS):
            raise ValueError(f"{path}, line {number} has {len(cells)} cells: expected 5")
        label = label_id(cells[4].strip(), LABELS, f"{path}, line {number}, label")
        shares = equal_shares([[], [], [label]], len(LABELS))
        conversations.append(LabelledTexts(cells[1:4], ["A", "B", "A"], shares))
    return TextCorpus("emocontext", LABELS, conversations)


__all__ = ["read_emocontext"]
