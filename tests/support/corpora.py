"""Invented data in the formats of the corpora, for the tests."""

import csv
from pathlib import Path

from synctva.datasets_scripts.labels import PROSODY_MEASURES

MELD_HEADER = [
    "Sr No.",
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
    "Season",
    "Episode",
    "StartTime",
    "EndTime",
]


def write_csv(path: Path, header, rows, encoding="utf-8"):
    """Write a CSV and return its path."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def meld_row(conversation, utterance, text="Fine.", speaker="Ann", emotion="neutral"):
    """Return a row in the format of MELD's CSVs."""
    times = ["0:16:16,059", "00:16:21,731"]
    return [1, text, speaker, emotion, "neutral", conversation, utterance, 8, 21, *times]


def meld_dyadic_row(conversation, utterance, clip, text="Fine.", sentiment="neutral"):
    """Return a row in the format of MELD's dyadic CSVs; `clip` is (dialogue, utterance)."""
    times = ["0:16:16,059", "00:16:21,731"]
    return [text, "Ann", "neutral", sentiment, conversation, utterance, *clip, 8, 21, *times]


MELD_DYADIC_HEADER = [
    *MELD_HEADER[1:7],
    "Old_Dialogue_ID",
    "Old_Utterance_ID",
    *MELD_HEADER[7:],
]


def write_meld(folder: Path, train=None, prosody=True):
    """Write a folder in MELD's format: these rows as train, and one utterance in dev and test."""
    rows = {
        "train": train or [meld_row(0, 0), meld_row(0, 1, emotion="joy"), meld_row(2, 0)],
        "dev": [meld_row(0, 0, emotion="anger")],
        "test": [meld_row(0, 0, emotion="fear")],
    }
    for split, its_rows in rows.items():
        write_csv(folder / f"{split}_sent_emo.csv", MELD_HEADER, its_rows)
        if prosody:
            header = ["Dialogue_ID", "Utterance_ID", *PROSODY_MEASURES]
            measures = [[row[5], row[6], *range(1, 9)] for row in its_rows]
            write_csv(folder / f"{split}_prosody.csv", header, measures)
    return folder


IEMOCAP_HEADER = [
    "split",
    "dialogue_id",
    "utterance_index",
    "utterance_id",
    "speaker",
    "text",
    "emotion",
    *PROSODY_MEASURES,
]


def iemocap_row(split, conversation, index, emotion="neu", measures=range(8)):
    """Return a row in the format of iemocap6.csv."""
    name = f"{conversation}_F{index:03d}"
    return [split, conversation, index, name, "F", "Fine.", emotion, *measures]
