"""EmoryNLP (Zahiri and Choi 2018, arXiv 1708.04299): scenes of Friends, like MELD's.

It has scenes that MELD's dev and test have too: see `without_lines_of`.
"""

from __future__ import annotations

import ast
from pathlib import Path

from datasets import DatasetDict

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.labels import label_id
from synctva.datasets_scripts.schema import Conversation, new_conversation
from synctva.datasets_scripts.table.csv_rows import read_csv
from synctva.datasets_scripts.text_repair import repair_text

from .corpus import TextCorpus, load_splits, one_label_each

LABELS = ("Neutral", "Joyful", "Peaceful", "Powerful", "Scared", "Mad", "Sad")
SCENE = ("Season", "Episode", "Scene_ID")
COLUMNS = ("Utterance", "Speaker", "Emotion", *SCENE, "Utterance_ID")


def load_emorynlp(data_dir: str | Path) -> DatasetDict:
    """Load EmoryNLP's splits train, dev and test, a conversation for each scene.

    Some of its scenes are MELD's: a model trained on one corpus has read lines of the other.

    Args:
        data_dir: folder with emorynlp_train_final.csv, emorynlp_dev_final.csv and
            emorynlp_test_final.csv.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`, with text only. Speakers have
        their first names, as in MELD.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not readable, lacks a column, or has an unknown label, two utterances
            of the same number in a scene, or speakers that are not a list.
    """
    return load_splits(_read, data_dir, LABELS)


def read_emorynlp(folder: Path) -> TextCorpus:
    """Read the training split; files and errors are those of `load_emorynlp`."""
    return one_label_each("emorynlp", LABELS, _read(folder, "train"))


def _read(folder: Path, split: str) -> list[Conversation]:
    table = read_csv(
        required_file(folder, f"emorynlp_{split}_final.csv", "EmoryNLP's CSVs"), COLUMNS
    )
    columns = {name: table.column(name) for name in COLUMNS}
    rows_of: dict[tuple[str, ...], list[int]] = {}
    for row, scene in enumerate(zip(*(columns[name] for name in SCENE), strict=True)):
        rows_of.setdefault(scene, []).append(row)
    return [
        new_conversation(
            "s{}_e{}_scene{}".format(*scene),
            [columns["Utterance_ID"][row] for row in rows],
            [_first_names(columns["Speaker"][row], table.where(row, "Speaker")) for row in rows],
            [repair_text(columns["Utterance"][row]) for row in rows],
            [
                label_id(columns["Emotion"][row].strip(), LABELS, table.where(row, "Emotion"))
                for row in rows
            ],
        )
        for scene, rows in rows_of.items()
    ]


def _first_names(cell: str, where: str) -> str:
    """Return the first names in a list such as "['Ann Lee', 'Bo Day']", as MELD names speakers."""
    try:
        names = [name.split()[0] for name in ast.literal_eval(cell) if name.strip()]
    except (ValueError, SyntaxError, AttributeError, TypeError):
        raise ValueError(f"{where} = {cell!r}: expected a list of names") from None
    return " and ".join(names)


__all__ = ["load_emorynlp", "read_emorynlp"]
