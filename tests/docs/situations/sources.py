"""Utterances in Python."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pandas as pd

from tests.support.media_files import clip, tone

from . import said, shipped, situation


def _call(folder: Path) -> str:
    """Write a recording of two channels and return its path."""
    path = folder / "call.wav"
    path.write_bytes(clip("wav", None, "pcm_s16le", samples=tone(channels=2), layout="stereo"))
    return str(path)


@situation("an utterance has a field that is misspelt")
def misspelt_field(folder: Path) -> str:
    return said(lambda: shipped()([{"text": "Hi!", "speakr": "Ann"}]))


@situation("a text is not a string")
def number_as_text(folder: Path) -> str:
    return said(lambda: shipped()(["Hi!", {"text": 3}]))


@situation("the name of a file is given as a text")
def path_as_text(folder: Path) -> str:
    return said(lambda: shipped()(["Hi!", f"{folder}/clip.wav"]))


@situation("a text has halves of characters, because it was cut or decoded in parts")
def lone_surrogates(folder: Path) -> str:
    return said(lambda: shipped()(["Hi!", "No \ud83d"]))


@situation("a time cannot be read")
def time(folder: Path) -> str:
    return said(lambda: shipped()([{"audio": _call(folder), "start": "1:75"}]))


@situation("a recording has fewer channels than `channel` says")
def channel(folder: Path) -> str:
    return said(lambda: shipped()([{"audio": _call(folder), "channel": 2}]))


@situation("features are given of a modality that the checkpoint was trained without")
def features_without_modality(folder: Path) -> str:
    utterance = {"text": "Hi!", "visual_features": np.zeros(263)}
    return said(lambda: shipped()([utterance]))


@situation("a table has columns that are not read")
def unread_columns(folder: Path) -> str:
    return said(lambda: shipped()(pd.DataFrame({"text": ["Hi!"], "Speaker": ["Ann"]})))


@situation("a table has nothing to read")
def unreadable_table(folder: Path) -> str:
    return said(lambda: shipped()(pd.DataFrame({"Utterance": ["Hi!"], "Speaker": ["Ann"]})))


@situation("all splits of a data set are given")
def splits(folder: Path) -> str:
    rows = datasets.Dataset.from_dict({"text": ["Hi!"]})
    return said(lambda: shipped()(datasets.DatasetDict(train=rows, test=rows)))
