"""Invented feature pickles in the published forms, for the tests."""

import io
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np

from synctva.datasets_scripts.labels import SPLITS
from synctva.datasets_scripts.legacy_pickles.forms import FORMS, UNUSED

WIDTHS = {"text": 4, "audio": 3, "visual": 2}
LENGTHS = (2, 3, 1)
"""Numbers of utterances that the conversations have in turn."""

CONVERSATIONS = {
    "iemocap": {
        "train": [f"Ses01F_impro{number:02d}" for number in range(20)],
        "dev": ["Ses02M_script01_1", "Ses02M_script01_2"],
        "test": ["Ses05F_impro01", "Ses05M_impro01"],
    },
    "meld": {"train": [0, 1, 1038], "dev": [1039, 1152], "test": [1153, 1432]},
}


def toy_members(name: str, widths=WIDTHS) -> dict:
    """Return the members of a form by name. Without dev, its conversations are in train."""
    form = FORMS[name]
    splits = CONVERSATIONS[form.corpus]
    generator = np.random.default_rng(0)
    members: dict = {member: {} for member in form.members}
    for number, conversation in enumerate(id_ for split in SPLITS for id_ in splits[split]):
        count = LENGTHS[number % len(LENGTHS)]
        turns = range(count)
        named = [f"{conversation}_{'FM'[turn % 2]}{turn:03d}" for turn in turns]
        one_hot = [np.eye(9)[turn % 2] for turn in turns]
        values = {
            "utterance_ids": named if form.corpus == "iemocap" else [*turns],
            "speakers": ["FM"[turn % 2] for turn in turns] if form.corpus == "iemocap" else one_hot,
            "labels": [(number + turn) % 6 for turn in turns],
            "sentences": [f"Sentence {turn} isn\x92t long." for turn in turns],
            UNUSED: [0] * count,
        }
        for member in members:
            if member not in SPLITS:
                vectors = generator.normal(size=(count, widths.get(member.strip("1234"), 1)))
                members[member][conversation] = values.get(member, [*vectors])
    for split in members.keys() & set(SPLITS):
        members[split] = [*splits[split]]
    if "dev" not in members:
        members["train"] = splits["train"] + splits["dev"]
    return members


def in_order(name: str, members: dict) -> tuple:
    """Return the members in the order of the file."""
    return tuple(members[member] for member in FORMS[name].members)


def write_pickle(path: Path, data, style: str = "python 3") -> Path:
    """Write a pickle like Python 3, or like Python 2 with numpy 1."""
    if style == "python 3":
        path.write_bytes(pickle.dumps(data))
        return path
    file = io.BytesIO()
    _Python2Pickler(file, protocol=2).dump(data)
    path.write_bytes(file.getvalue().replace(b"cnumpy._core.", b"cnumpy.core."))
    return path


class _Python2Pickler(pickle._Pickler):
    """Writes like Python 2, where text and bytes are one type, byte strings."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        data = value.encode("latin1") if isinstance(value, str) else value
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    dispatch[str] = save_string
    dispatch[bytes] = save_string
