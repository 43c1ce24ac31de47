"""Conversations of Friends beside MELD's, with MELD's labels (SemEval 2024 task 3, ECF)."""

from __future__ import annotations

from pathlib import Path

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.labels import MELD_LABELS, label_id
from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.text_repair import repair_text

from .corpus import LabelledTexts, TextCorpus, equal_shares
from .written_out import as_spoken

FILE_NAME = "ecf2_eval_new_friends.csv"
COLUMNS = ("Dialogue_ID", "Utterance_ID", "Speaker", "Utterance", "Emotion")


def read_friends(folder: Path) -> TextCorpus:
    """Read the CSV; its text, which is in tokens and without contractions, becomes as spoken.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is not readable, lacks a column, or has an unknown label.
    """
    table = read_csv(required_file(folder, FILE_NAME, ", ".join(COLUMNS)), COLUMNS)
    numbers, order = table.integers("Dialogue_ID"), table.integers("Utterance_ID")
    texts = [as_spoken(repair_text(text)) for text in table.column("Utterance")]
    speakers = [repair_text(name) for name in table.column("Speaker")]
    labels = [
        label_id(name.strip().lower(), MELD_LABELS, table.where(row, "Emotion"))
        for row, name in enumerate(table.column("Emotion"))
    ]
    rows_of: dict[int, list[int]] = {}
    for row in sorted(range(len(texts)), key=lambda row: (numbers[row], order[row])):
        rows_of.setdefault(numbers[row], []).append(row)
    conversations = [
        LabelledTexts(
            [texts[row] for row in rows],
            [speakers[row] or None for row in rows],
            equal_shares([[labels[row]] for row in rows], len(MELD_LABELS)),
        )
        for rows in rows_of.values()
    ]
    return TextCorpus("friends", tuple(MELD_LABELS), conversations)


__all__ = ["read_friends"]
