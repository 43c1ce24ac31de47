"""DailyDialog (Li et al. 2017, arXiv 1710.03957), and its conversations in RECCON.

RECCON (Poria et al. 2021, arXiv 2012.11820) has about a tenth of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.labels import label_id
from synctva.datasets_scripts.schema import Conversation, new_conversation

from .corpus import TextCorpus, load_splits, one_label_each
from .written_out import as_spoken

LABELS = ("neutral", "happiness", "surprise", "anger", "sadness", "disgust", "fear")

_NUMBERS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
"""The original's labels by their numbers."""

_SAME = {
    "angry": "anger",
    "excited": "happiness",
    "happines": "happiness",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
"""Other spellings that a dozen utterances in RECCON have."""


def load_dailydialog(data_dir: str | Path) -> DatasetDict:
    """Load DailyDialog's splits train, dev and test.

    Args:
        data_dir: folder with RECCON's dailydialog_train.json, dailydialog_valid.json and
            dailydialog_test.json, or with the original's unpacked folders train, validation and
            test.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`, with text only. Two speakers,
        A and B, take turns.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not of this form, or a label is unknown.
    """
    return load_splits(_read, data_dir, LABELS)


def read_dailydialog(folder: Path) -> TextCorpus:
    """Read the training split; files and errors are those of `load_dailydialog`."""
    return one_label_each("dailydialog", LABELS, _read(folder, "train"))


def _read(folder: Path, split: str) -> list[Conversation]:
    if (folder / "train" / "dialogues_train.txt").is_file():
        return _original(folder, "validation" if split == "dev" else split)
    name = f"dailydialog_{'valid' if split == 'dev' else split}.json"
    path = required_file(folder, name, "RECCON's DailyDialog part, or the original's folder train")
    try:
        return [
            _conversation(name, turns, f"{path}, {name}")
            for name, (turns,) in json.loads(path.read_text("utf-8")).items()
        ]
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: {error!r}: expected a list of turns with speaker, utterance and emotion for "
            "each conversation"
        ) from None


def _original(folder: Path, split: str) -> list[Conversation]:
    """Read a line of texts, each with __eou__ after it, and a line of labels per conversation."""
    place, expected = folder / split, "DailyDialog's unpacked archives"
    path = required_file(place, f"dialogues_{split}.txt", expected)
    labels = required_file(place, f"dialogues_emotion_{split}.txt", expected)
    lines = [file.read_text("utf-8").strip().split("\n") for file in (path, labels)]
    if len(lines[0]) != len(lines[1]):
        raise ValueError(f"{labels} has {len(lines[1])} lines: expected {len(lines[0])}, as {path}")
    conversations = []
    for number, (said, numbers) in enumerate(zip(*lines, strict=True), 1):
        texts = said.split("__eou__")[:-1]
        emotions = numbers.split()
        if len(texts) != len(emotions) or not set(emotions) <= set("0123456"):
            raise ValueError(
                f"{labels}, line {number} = {numbers!r}: expected {len(texts)} numbers from 0 to 6"
            )
        turns = [
            {"speaker": "AB"[turn % 2], "utterance": text, "emotion": _NUMBERS[int(emotion)]}
            for turn, (text, emotion) in enumerate(zip(texts, emotions, strict=True))
        ]
        conversations.append(_conversation(f"{split}_{number}", turns, str(path)))
    return conversations


def _conversation(name: str, turns: list[dict[str, Any]], where: str) -> Conversation:
    return new_conversation(
        name,
        [str(number) for number in range(1, len(turns) + 1)],
        [turn["speaker"] for turn in turns],
        [as_spoken(turn["utterance"]) for turn in turns],
        [label_id(_SAME.get(turn["emotion"], turn["emotion"]), LABELS, where) for turn in turns],
    )


__all__ = ["load_dailydialog", "read_dailydialog"]
