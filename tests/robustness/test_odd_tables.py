"""Odd tables and odd calls of commands: exit status 0, or a message that says what to do."""

import contextlib
import csv
import io
import json
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva_command_line import main
from tests.support.property_based import REPEATABLE
from tests.support.toy import toy_config

HEADER = ["dialogue_id", "utterance_id", "speaker", "text", "emotion"]
FURTHER = ["split", "start", "end", "media_path", "channel", "audio_pitch", "audio_features"]
FURTHER += ["label", "Text", "", "text", "audio_file", "visual_x", "annotator", "dialogue_id "]
LABELS = ["glad", "calm", "cross"]
CELLS = ["", " ", "nan", "0", "1.0", "-1", "00:00:01,5", "train", "Validation", "TEST ", "left"]
CELLS += ["a;b", "a|b", "[0.1, 0.9]", "Glad", "/etc/hostname", "../x.wav", "\ud83d", "\0", "é", '"']
CELL = st.one_of(st.sampled_from(CELLS), st.text(max_size=8))
CODINGS = ["utf-8-sig", "utf-16", "cp1252", "utf-32"]
NAMES = ["own.tsv", "own.jsonl", "own.txt", "train.csv", "own"]


ODD = ["column", "cell", "gone", "order", "name", "coding", "separator", "cut"]


@st.composite
def tables(draw):
    """Draw the name and the bytes of a table that is right but for at most two things."""
    odd = draw(st.lists(st.sampled_from(ODD), max_size=2))
    rows = [[f"d{i // 2}", i % 2, "AB"[i % 2], f"Number {i}.", LABELS[i % 3]] for i in range(12)]
    columns, name, file = list(HEADER), "own.csv", io.StringIO()
    if "column" in odd:
        columns.append(draw(st.sampled_from(FURTHER)))
        cell = draw(st.one_of(CELL, st.just("0.5"), st.just("")))
        rows = [[*row, cell] for row in rows]
    if "cell" in odd:
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(CELL)
    if "gone" in odd:
        del columns[draw(st.integers(0, len(columns) - 1))]
    if "order" in odd:
        rows = draw(st.permutations(rows))
    if "name" in odd:
        name = draw(st.sampled_from(NAMES))
    if name.endswith("jsonl"):
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=False))), file=file)
    else:
        separator = draw(st.sampled_from(";\t|")) if "separator" in odd else ","
        csv.writer(file, delimiter=separator).writerows([columns, *rows])
    coding = draw(st.sampled_from(CODINGS)) if "coding" in odd else "utf-8"
    content = file.getvalue().encode(coding, errors="replace")
    return name, content[: draw(st.sampled_from([0, 1, 60, -3])) if "cut" in odd else None]


def call(*arguments):
    """Return the exit status of a command, and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            status = main(list(arguments))
        except SystemExit as stop:
            status = stop.code
    return status, printed.getvalue()


def run(examples, strategy, check):
    outcomes = Counter()

    @settings(REPEATABLE, max_examples=examples)
    @given(strategy)
    def every(drawn):
        status, printed = check(drawn)
        assert status in (0, 1, 2), printed
        assert "Traceback" not in printed
        # argparse words the errors of status 2.
        assert status == 0 or ("expected", "error: ")[status - 1] in printed, printed
        outcomes["read" if status == 0 else "refused"] += 1

    every()
    # Neither everything refused nor everything accepted.
    assert min(outcomes["read"], outcomes["refused"]) > examples / 10, outcomes


def check_tables(tmp_path, examples):
    def check(drawn):
        name, content = drawn
        (tmp_path / name).write_bytes(content)
        return call("check", str(tmp_path / name))

    run(examples, tables(), check)


def test_odd_tables(tmp_path):
    check_tables(tmp_path, 30)


@pytest.mark.slow
def test_300_odd_tables(tmp_path):
    check_tables(tmp_path, 300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy_encoder_spec):
    folder = tmp_path_factory.mktemp("odd_commands")
    torch.manual_seed(0)
    SyncTVAForEmotionRecognition(toy_config(text_dim=16)).save_pretrained(folder)
    SyncTVAProcessor(text_dim=16, text_encoder=toy_encoder_spec).save_pretrained(folder)
    for name, text in {
        "a.txt": "Ann: Hi!\nBo: No!",
        "a.srt": "1\n00:00:00,000 --> 00:00:01,000\nHi!\n",
        "a.json": '[{"text": "Hi!"}, {"text": "No!", "start": "0:01"}]',
        "a.csv": "text;speaker\nHi!;Ann\n",
        "a.rttm": "SPEAKER a 1 0.0 1.0 <NA> <NA> A <NA> <NA>\n",
        "empty.vtt": "WEBVTT\n\nNOTE nothing\n",
        "broken.wav": "RIFF",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


FILES = [
    "a.txt",
    "a.srt",
    "a.json",
    "a.csv",
    "a.txt",
    "a.rttm",
    "empty.vtt",
    "broken.wav",
    "no",
    ".",
]
OPTIONS = [
    *([], ["--json"], ["--csv"], ["--csv_bom"], ["--top_k", "1"], ["--top_k", "0"]),
    *(["--prediction_set", "0.9"], ["--abstain_below", "2"], ["--abstain_below", "0.5"]),
    *(["--strict"], ["--independent"], ["--no-calibrate"], ["--jsn"], ["--top_k", "few"]),
]


@st.composite
def calls(draw):
    """Draw the arguments of `predict`, with names of files to be completed."""
    kind = draw(st.sampled_from(["file", "file", "text", "clips", "rttm", "recording", "nothing"]))
    name = "{}/" + draw(st.sampled_from(FILES))
    words = draw(st.lists(st.text(max_size=9).filter(lambda w: not w.startswith("-")), max_size=3))
    given = {
        "file": ["--file", name],
        "text": ["--text", "Hi!", *words],
        "clips": ["--clips", name],
        "rttm": ["--file", name, "--rttm", "{}/a.rttm"],
        "recording": ["--file", name, "--recording", "{}/broken.wav"],
        "nothing": words,
    }[kind]
    return [*given, *draw(st.sampled_from(OPTIONS)), *draw(st.sampled_from([[], ["--json"]]))]


def check_calls(folder, examples):
    def check(drawn):
        named = [word.replace("{}/", f"{folder}/") if "{}/" in word else word for word in drawn]
        return call("predict", "--model", str(folder), *named)

    run(examples, calls(), check)


def test_odd_calls_of_predict(folder):
    check_calls(folder, 30)


@pytest.mark.slow
def test_200_odd_calls_of_predict(folder):
    check_calls(folder, 200)
