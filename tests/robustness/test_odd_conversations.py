"""Odd conversations in every form of input: a right answer, or an error that names the place."""

import math
import re
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import datasets
import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import pipeline

from synctva.audio.encoder import PROSODY_SPEC
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.decoder_stand_ins import as_in_datasets, decoders
from tests.support.media_files import clip
from tests.support.property_based import REPEATABLE
from tests.support.sounds import glide
from tests.support.toy import LABELS, toy_config

RATE = 16_000
VOICE = glide(110, 180, 0.3).astype(np.float32)
MONO = clip("wav", None, "pcm_s16le", samples=VOICE[None])
STEREO = clip("wav", None, "pcm_s16le", samples=np.stack([VOICE, VOICE[::-1]]), layout="stereo")
VIDEO_FILE = clip("mp4", "libx264", None, frames=3)
SOUND, VIDEO = decoders("stand-in")

PLACE = re.compile(r"(conversations? |the input|row \d+, dialogue_id|columns = )")
"""How every message begins, so that the user knows where to look."""


@pytest.fixture(scope="module")
def recognise(tmp_path_factory, toy_encoder_spec):
    folder = tmp_path_factory.mktemp("odd")
    torch.manual_seed(0)
    widths = {"text_dim": 16, "visual_dim": 3, "audio_dim": 8}
    SyncTVAForEmotionRecognition(toy_config(**widths)).save_pretrained(folder)
    SyncTVAProcessor(
        **widths,
        text_encoder=toy_encoder_spec,
        audio_encoder={**PROSODY_SPEC, "fill": [1.0] * 8},
    ).save_pretrained(folder)
    return pipeline("emotion-recognition", model=str(folder))


NUMBERS = [True, -1, 0, 3, 2**70, 0.5, math.nan, math.inf, 1j, Decimal("1.5"), Fraction(1, 3)]
WORDS = ["", "left", "1.5", "soon", "a\0b", "\ud800", "x" * 5_000, b"Hi", memoryview(b"Hi")]
GROUPS = [[], {}, set(), (), ["Hi"], {"Hi": 1}, {"Hi"}, ("Ann", "Hi"), range(3)]
ARRAYS = [np.zeros(()), np.zeros(3), np.zeros((2, 0)), torch.zeros(3), torch.tensor(1.0)]
ENTRIES = [np.str_("a"), np.bytes_(b"Hi"), np.int8(1), np.float32("nan"), pd.NA, pd.NaT]
TABLES = [np.array(["a"]), np.array([None]), pd.Series([1]), pd.DataFrame({"a": [1]})]
OTHERS = [None, datetime(2020, 1, 1), timedelta(seconds=1), object(), len, int]
ODD = st.sampled_from([*NUMBERS, *WORDS, *GROUPS, *ARRAYS, *ENTRIES, *TABLES, *OTHERS])

SAID = ["Hi!", " ", "no " * 400, "Ann: Hi!", "<b>Hi</b>", "[00:01] Hi", "{}", "NaN", np.str_("Hi")]
SCRIPTS = ["\U0001f389", "e\u0301" * 9, "\u202eright", "мама", "你好", "\ufeffHi", "\x1b[31mred"]
BROKEN = ["\0", "\ud83d\ude00", "\udfff end", "a\r\nb", "clip.wav", "/etc/hostname"]
TEXTS = st.one_of(st.text(max_size=30), st.sampled_from([*SAID, *SCRIPTS, *BROKEN]))
NAMES = st.one_of(st.text(max_size=3), st.sampled_from([None, 1, 2.0, "Ann", "", np.str_("Bo")]))
STARTS = st.sampled_from([None, 0, 0.1, "0.1", "", -0.0, np.float32(0), "0:00.1", "00:00:00,100"])
ENDS = st.sampled_from([None, 0.2, 1e9, "0.25", "0:00.2", "1:00:00"])
NOT_TIMES = st.sampled_from([-1, "1:99", "1,5", "-1", "9" * 999, "now", "1:2:3:4"])
CHANNELS = st.sampled_from([None, 0, "0", "left", "Left", 0.0, np.int64(0), ""])
NOT_CHANNELS = st.sampled_from([2, 63, -1, 0.5, "middle", "1.0", 2**70])
FILES = [MONO, STEREO, {"bytes": MONO}, SOUND(MONO), as_in_datasets(SOUND(STEREO), STEREO)]
SAMPLES = [(VOICE, RATE), {"raw": VOICE, "sampling_rate": RATE}, (torch.from_numpy(VOICE), RATE)]
PAIR = {"array": np.stack([VOICE] * 2), "sampling_rate": RATE}
NOT_SOUND = [VIDEO(VIDEO_FILE), "nowhere.wav", "", "a\0b.wav", "/", b"", b"RIFF", MONO[:50], {1: 2}]
NOT_SAMPLES = [
    {"array": VOICE.tolist()},
    {"array": [[1.0], [1.0, 2.0]], "sampling_rate": RATE},
    {"path": None},
    (VOICE, "fast"),
    (VOICE, 0),
    (VOICE, True),
    (VOICE * 999, RATE),
    (VOICE[:, None, None], RATE),
    (np.full(99, np.nan), RATE),
    ([], RATE),
    ("abc", RATE),
    [VOICE, RATE],
    (torch.ones(9, requires_grad=True), RATE),
]
AUDIO = st.sampled_from([*FILES, *SAMPLES, PAIR])
NOT_AUDIO = st.sampled_from([VIDEO_FILE, *NOT_SOUND, *NOT_SAMPLES])
VIDEOS = st.sampled_from(
    [VIDEO_FILE, VIDEO(VIDEO_FILE), SOUND(MONO), "nowhere.mp4", np.zeros(3), b"", []]
)


def features(width):
    """Return vectors of this width, and what is none."""
    numbers = st.floats(-5, 5, width=32)
    right = st.lists(numbers, min_size=width, max_size=width)
    entries = (math.nan, math.inf, "a", None, [1.0], 2**200, 10**400, 1j, {})
    arrays = [torch.ones(width, requires_grad=True), torch.zeros(width).to_sparse()]
    arrays += [np.zeros(width, "M8[s]"), np.array([{}] * width), pd.Series([1.0] * width)]
    others = [[1.0], {"pitch": 1.0}, {1: 2}, "loud", 7]
    wrong = st.sampled_from([*([entry] * width for entry in entries), *arrays, *others])
    return st.one_of(right, right.map(np.float64), right.map(torch.tensor)), wrong


FIELDS = {
    "text": (TEXTS, ODD),
    "speaker": (NAMES, ODD),
    "start": (STARTS, NOT_TIMES),
    "end": (ENDS, NOT_TIMES),
    "channel": (CHANNELS, NOT_CHANNELS),
    "audio": (AUDIO, NOT_AUDIO),
    "video": (st.none(), VIDEOS),
    "text_features": features(16),
    "visual_features": features(3),
    "audio_features": features(8),
}
"""Of each field, values that are right, and values that are not."""
UNKNOWN = st.sampled_from(["txt", "Speaker", "mood", "", 1, None, ("text",), "texts", "sentence"])


@st.composite
def utterances(draw):
    kind = draw(
        st.sampled_from(["text", "turn", *["right"] * 6, "wrong field", "odd field", "odd"])
    )
    if kind == "text":
        return draw(TEXTS)
    if kind == "turn":
        return draw(st.tuples(NAMES, TEXTS))
    if kind == "odd":
        return draw(ODD)
    names = draw(st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=4, unique=True))
    utterance = {name: draw(FIELDS[name][0]) for name in names}
    if kind == "odd field":
        utterance[draw(st.one_of(st.sampled_from(names), UNKNOWN))] = draw(ODD)
    if kind == "wrong field":
        utterance[names[0]] = draw(FIELDS[names[0]][1])
    return utterance


def as_frame(rows):
    return pd.DataFrame(rows)


def as_dataset(rows):
    return datasets.Dataset.from_list(rows)


def of_conversations(rows):
    return [{"dialogue_id": i // 2, **row} for i, row in enumerate(rows)]


ROWS = {
    "frame": as_frame,
    "frame of dialogues": lambda rows: as_frame(of_conversations(rows)),
    "dataset": as_dataset,
    "dataset of dialogues": lambda rows: as_dataset(of_conversations(rows)),
    "records": of_conversations,
}
"""Forms of utterances that are dictionaries."""

FORMS = {
    "list": list,
    "tuple": tuple,
    "several": lambda items: [items, ["Hi!"]],
    "iterator": lambda items: iter([items]),
    "columns": lambda items: {"texts": items, "speakers": [None] * len(items)},
    "array": lambda items: np.fromiter(items, object, len(items)),
    "Arrow": lambda items: pyarrow.table({"text": [str(type(item)) for item in items]}),
    "set": lambda items: {str(type(item)) for item in items},
    "columns of odd": lambda items: {"texts": ["Hi!"], "labels": items, "speakers": items},
    "mask of odd": lambda items: {"texts": ["Hi!"] * len(items), "modality_mask": items},
    "features of odd": lambda items: {"audio_features": items},
    "one": lambda items: items[0],
}


@st.composite
def inputs(draw):
    """Draw an input, and the utterances in it (None where that is not a question)."""
    items = draw(st.lists(utterances(), min_size=1, max_size=4))
    form = draw(st.sampled_from([*FORMS, *["list"] * 16, *ROWS]))
    if form in ROWS:
        rows = [item if isinstance(item, dict) else {"text": item} for item in items]
        try:
            return ROWS[form](rows), len(rows)
        except Exception:  # pandas or Arrow cannot hold it, so it cannot be given
            return rows, len(rows)
    counted = form in ("list", "tuple", "iterator", "columns", "several")
    return FORMS[form](items), len(items) + (form == "several") if counted else None


def check(recognise, given, count, outcomes):
    try:
        answers = recognise(given, top_k=None)
        answers = answers if isinstance(answers, list) else list(answers)
    except (ValueError, TypeError, OSError) as error:
        assert PLACE.match(str(error)), f"{type(error).__name__}: {error}"
        outcomes["refused"] += 1
        return
    flat = [answer for part in answers for answer in (part if isinstance(part, list) else [part])]
    assert count is None or len(flat) == count
    for answer in flat:
        assert set(answer["scores"]) == set(LABELS)
        assert all(0 <= score <= 1 for score in answer["scores"].values())
        assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-4)
    outcomes["answered"] += 1


def run(recognise, examples):
    outcomes = Counter()

    @settings(REPEATABLE, max_examples=examples)
    @given(drawn=inputs())
    def every(drawn):
        check(recognise, *drawn, outcomes)

    every()
    # Neither everything refused nor everything accepted.
    assert min(outcomes["answered"], outcomes["refused"]) > examples / 10, outcomes


def test_odd_conversations(recognise):
    run(recognise, 50)


@pytest.mark.slow
def test_500_odd_conversations(recognise):
    run(recognise, 500)
