"""What further annotators of MELD's training split chose, as shares of its labels.

EmotionLines (Hsu et al. 2018) has the votes of five people, and ECF (Wang et al. 2021) a revised
label, for most of the utterances. Dev and test have none, and need none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.corpora.feature_csv import meld_utterance_id
from synctva.datasets_scripts.labels import MELD_LABELS, label_id
from synctva.datasets_scripts.table.csv_rows import read_csv

VOTES_FILE = "train_emotionlines_votes.csv"
SECOND_FILE = "train_ecf_labels.csv"
VOTED = ("neutral", "joy", "sadness", "fear", "anger", "surprise", "disgust")
VOTES = "votes_" + "_".join(VOTED)
"""Column with one digit, a number of votes, for each of these labels."""


def annotator_shares(folder: str | Path) -> dict[str, np.ndarray]:
    """Return the shares of MELD's labels among the annotators, by utterance.

    The votes together count as much as the second label.

    Args:
        folder: of MELD, with `VOTES_FILE` and `SECOND_FILE`.

    Returns:
        (7,) float32 with sum 1 for each utterance "dia0_utt0" of the training split that was
        annotated.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file lacks a column, or has an unknown label or votes that are not digits.
    """
    found: dict[str, list[np.ndarray]] = {}
    table, names = _table(Path(folder), VOTES_FILE, VOTES)
    order = [VOTED.index(name) for name in MELD_LABELS]
    for row, cell in enumerate(table.column(VOTES)):
        if len(cell) != len(VOTED) or not cell.isdecimal():
            raise ValueError(f"{table.where(row, VOTES)} = {cell!r}: expected {len(VOTED)} digits")
        votes = np.array([int(digit) for digit in cell], np.float32)[order]
        if votes.any():  # some utterances have only votes for no emotion
            found.setdefault(names[row], []).append(votes / votes.sum())
    table, names = _table(Path(folder), SECOND_FILE, "ecf_emotion")
    for row, cell in enumerate(table.column("ecf_emotion")):
        label = label_id(cell.strip().lower(), MELD_LABELS, table.where(row, "ecf_emotion"))
        found.setdefault(names[row], []).append(np.eye(len(MELD_LABELS), dtype=np.float32)[label])
    return {name: np.mean(shares, axis=0) for name, shares in found.items()}


def _table(folder: Path, name: str, column: str):
    """Return a table of the training split, and the utterance of each row."""
    path = required_file(folder, name, "a table of further annotations of MELD's training split")
    table = read_csv(path, ("Dialogue_ID", "Utterance_ID", column))
    numbers = zip(table.integers("Dialogue_ID"), table.integers("Utterance_ID"), strict=True)
    return table, [meld_utterance_id(*pair) for pair in numbers]


__all__ = ["SECOND_FILE", "VOTES_FILE", "annotator_shares"]
