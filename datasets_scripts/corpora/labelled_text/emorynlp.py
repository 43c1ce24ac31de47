"""EmoryNLP (Zahiri and Choi 2018, arXiv 1708.04299): scenes of Friends, like MELD's.

It has scenes that MELD's dev and test have too: see `without_lines_of`.
"""

from __future__ import annotations

import ast
from pathlib import Path

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.labels import label_id
from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.text_repair import repair_text

from .corpus import LabelledTexts, TextCorpus, equal_shares

LABELS = ("Neutral", "Joyful", "Peaceful", "Powerful", "Scared", "Mad", "Sad")
SCENE = ("Season", "Episode", "Scene_ID")
COLUMNS = ("Utterance", "Speaker", "Emotion", *SCENE)


def read_emorynlp(folder: Path) -> TextCorpus:
    """Read emorynlp_train_final.csv, a conversation for each scene.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is not readable, lacks a column, or has an unknown label or speakers that are
            not a list.
    """
    path = required_file(folder, "emorynlp_train_final.csv", "EmoryNLP's training file")
    table = read_csv(path, COLUMNS)
    columns = {name: table.column(name) for name in COLUMNS}
    rows_of: dict[tuple[str, ...], list[int]] = {}
    for row, scene in enumerate(zip(*(columns[name] for name in SCENE), strict=True)):
        rows_of.setdefault(scene, []).append(row)
    conversations = []
    for rows in rows_of.values():
        labels = [
            [label_id(columns["Emotion"][row].strip(), LABELS, table.where(row, "Emotion"))]
            for row in rows
        ]
        texts = [repair_text(columns["Utterance"][row]) for row in rows]
        speakers = [
            _first_names(columns["Speaker"][row], table.where(row, "Speaker")) for row in rows
        ]
        shares = equal_shares(labels, len(LABELS))
        conversations.append(LabelledTexts(texts, speakers, shares))
    return TextCorpus("emorynlp", LABELS, conversations)


def _first_names(cell: str, where: str) -> str | None:
    """Return the first names in a list such as "['Ann Lee', 'Bo Day']", as MELD names speakers."""
    try:
        names = [name.split()[0] for name in ast.literal_eval(cell) if name.strip()]
    except (ValueError, SyntaxError, AttributeError, TypeError):
        raise ValueError(f"{where} = {cell!r}: expected a list of names") from None
    return " and ".join(names) or None


__all__ = ["read_emorynlp"]
