"""DailyDialog's conversations in RECCON (Poria et al. 2021, arXiv 2012.11820)."""

from __future__ import annotations

import json
from pathlib import Path

from synctva.datasets_scripts.builder import required_file
from synctva.datasets_scripts.labels import label_id

from .corpus import LabelledTexts, TextCorpus, equal_shares
from .written_out import as_spoken

LABELS = ("neutral", "happiness", "surprise", "anger", "sadness", "disgust", "fear")

_SAME = {
    "angry": "anger",
    "excited": "happiness",
    "happines": "happiness",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
"""Other spellings that a dozen utterances have."""


def read_dailydialog(folder: Path) -> TextCorpus:
    """Read dailydialog_train.json, a list of turns for each conversation.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: it is not such a JSON file, or a label is unknown.
    """
    path = required_file(folder, "dailydialog_train.json", "RECCON's DailyDialog part")
    conversations = []
    try:
        for name, (turns,) in json.loads(path.read_text("utf-8")).items():
            labels = [
                label_id(_SAME.get(turn["emotion"], turn["emotion"]), LABELS, f"{path}, {name}")
                for turn in turns
            ]
            conversations.append(
                LabelledTexts(
                    [as_spoken(turn["utterance"]) for turn in turns],
                    [turn["speaker"] for turn in turns],
                    equal_shares([[label] for label in labels], len(LABELS)),
                )
            )
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: {error!r}: expected a list of turns with speaker, utterance and emotion for "
            "each conversation"
        ) from None
    return TextCorpus("dailydialog", LABELS, conversations)


__all__ = ["read_dailydialog"]
