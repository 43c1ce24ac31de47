"""Which form a file has, and what its utterances are."""

import json
import math
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synctva.transcripts.line import TranscriptError
from synctva.transcripts.reading import (
    LARGEST,
    parse_transcript,
    read_conversations,
    read_transcript,
)

SAID = [
    {"text": "The boat is gone!", "speaker": "Ina", "start": 0.0, "end": 1.5},
    {"text": "Gone where?", "speaker": "Raf", "start": 61.25, "end": 62.5},
]
SAME = {
    "list.json": json.dumps(SAID),
    "segments.json": json.dumps({"segments": [{"id": 3, "words": [], **item} for item in SAID]}),
    "lines.jsonl": "\n".join(map(json.dumps, SAID)) + "\n",
    "srt.srt": "1\n00:00:00,000 --> 00:00:01,500\nIna: The boat\nis gone!\n\n"
    "2\n00:01:01,250 --> 00:01:02,500\n[Raf]: Gone where?\n",
    "web.vtt": "WEBVTT - made up\nKind: captions\n\nNOTE\nby hand\n\nSTYLE\n::cue {}\n\n"
    "first\n00:00.000 --> 00:01.500 align:start\n<v.loud Ina>The <i>boat</i> is gone!</v>\n\n"
    "01:01.250 --> 01:02.500\n<v Raf>Gone where?\n",
    "terminal.txt": "Detected language: English\n"
    "[00:00.000 --> 00:01.500]  Ina: The boat is gone!\n"
    "[01:01.250 --> 01:02.500]  [Raf]: Gone where?\n",
    "typed.txt": "0-1.5 Ina: The boat is gone!\n1:01.25 - 1:02.5 Raf: Gone where?\n",
    "labels.txt": "0.0\t1.5\tIna: The boat is gone!\n61.25\t62.5\tRaf: Gone where?\n",
}


@pytest.mark.parametrize("name", SAME)
def test_every_form_says_the_same(tmp_path, name):
    path = tmp_path / name
    path.write_text(SAME[name], encoding="utf-8")
    assert read_conversations(path) == ([SAID], False)


def test_a_list_of_conversations_is_several_even_if_it_has_one(tmp_path):
    path = tmp_path / "one.json"
    path.write_text('[["Hi!", {"text": "Oh.", "speaker": "Raf"}]]', encoding="utf-8")
    assert read_conversations(path) == (
        [[{"text": "Hi!"}, {"text": "Oh.", "speaker": "Raf"}]],
        True,
    )


@pytest.mark.parametrize("name", SAME)
def test_a_text_is_read_like_a_file(name):
    for timed in (True, False):
        lines = parse_transcript(SAME[name], timed)
        assert [line.utterance() for line in lines] == SAID


@pytest.mark.parametrize("name", [name for name in SAME if not name.endswith(".jsonl")])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_encodings_and_ends_of_lines(tmp_path, name, mark, encoding):
    path = tmp_path / name
    for end in ("\n", "\r\n", "\r"):
        path.write_bytes(mark + SAME[name].replace("\n", end).encode(encoding))
        assert read_conversations(path) == ([SAID], False)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"Ann: Hi!\nIt\x92s me.",
            "t.txt, line 2: has the byte 0x92, which is not UTF-8",
        ),
        ("Ann: \u3042".encode("shift-jis"), "t.txt, line 1: has the byte 0x82, which is not UTF-8"),
        (b"\xff\xfeA", "which is not UTF-16: expected text saved in UTF-8 or UTF-16"),
        ("Ann: Hi!".encode("utf-32"), "t.txt is not a text file: expected lines such as"),
        (b"RIFF\0\0\0\0WAVE", "t.txt is not a text file: expected lines such as 'Ann: I got"),
        (b"", "t.txt: there is no utterance: expected lines such as"),
        (b" \n\t\n", "t.txt: there is no utterance"),
        (b"\xef\xbb\xbf", "t.txt: there is no utterance"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, data, message):
    path = tmp_path / "t.txt"
    path.write_bytes(data)
    with pytest.raises(TranscriptError) as error:
        read_transcript(path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.txt", "<!DOCTYPE html><html>Hi!</html>"),
        ("t.txt", "<transcript>\n<p>Hi!</p>"),
        ("t.txt", '<p begin="0s">Hi!</p>'),
        ("t.txt", "[Script Info]\nTitle: made up"),
        ("t.txt", "@UTF8\n@Begin\n*CHI:\thi ."),
        ("t.txt", "{\\rtf1\\ansi Hi!}"),
        ("t.ctm", "meeting 1 0.00 0.21 hello"),
        ("t.docx", "Ann: Hi!"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_line_and_the_forms(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TranscriptError) as error:
        read_transcript(path)
    first = text.split("\n")[0]
    assert f"{name}, line 1, {first!r}: is not understood: expected lines" in str(error.value)
    assert "SRT, WebVTT, CSV or TSV" in str(error.value)


@pytest.mark.parametrize(
    "transcript",
    [
        "1\n0 --> 1\n[0:00] Ann: Hi!\n",
        "WEBVTT\n\n00:00.000 --> 00:01.000\n0:00.5 Hi!\n",
        "[00:00.000 --> 00:01.000] Ann: Hi! [00:01.000 --> 00:02.000] Bo: Oh.",
        '{"segments": [{"start": 0, "end": 1, "text": "00:00.000 --> 00:01.000 Hi!"}]}',
        "text,start,end\n0-1 Ann: Hi!,0,1\n",
    ],
)
def test_forms_within_others_are_refused(transcript):
    with pytest.raises(TranscriptError, match="has a time among its words: expected one form"):
        parse_transcript(transcript)


@pytest.mark.parametrize(
    ("name", "text", "unread"),
    [
        ("t.jsonl", '{"said": "Hi!"}\n{"said": "Oh."}\n', "; these columns are not read: said"),
        ("t.json", '[{"text": "", "speaker": "Ann"}, ""]', ""),
        ("t.srt", "1\n0 --> 1\n\n2\n1 --> 2\n", ""),
    ],
)
def test_a_file_without_any_text_is_refused(tmp_path, name, text, unread):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TranscriptError, match=f"no utterance has a text{unread}: expected text"):
        read_transcript(path)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".srt", ".csv", ".eaf", ".TextGrid"])
def test_the_suffix_says_what_is_expected_where_the_text_does_not(tmp_path, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_text("Ann and Bo went home.", encoding="utf-8")
    with pytest.raises(TranscriptError) as error:
        read_transcript(path)
    assert str(error.value).startswith(f"{path}, line 1")


def test_large_files_are_refused_unless_they_are_json(tmp_path):
    for name, refused in (("t.eaf", True), ("t.txt", True), ("t.json", False)):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(b'["Hi!"]')
            file.seek(LARGEST)
            file.write(b" ")
        with pytest.raises(TranscriptError) as error:
            read_transcript(path)
        assert ("has 50 MB: expected a transcript of at most 50 MB" in str(error.value)) == refused


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"t\.srt does not exist: expected a transcript"):
        read_transcript(tmp_path / "t.srt")
    with pytest.raises(IsADirectoryError, match="is a folder: expected a transcript"):
        read_transcript(tmp_path)


def test_times_that_run_backwards_are_sorted_and_said(tmp_path, said):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(SAID[::-1]), encoding="utf-8")
    assert read_transcript(path) == SAID
    assert said() == [
        f"{path}: utterance 2: starts before the utterance above: sorted by their starts"
    ]


def test_messages_are_short():
    with pytest.raises(TranscriptError) as error:
        parse_transcript("[0:01] " + "Hi! " * 10_000 + "\nOh.")
    assert len(str(error.value)) < 300


def test_each_mistake_names_the_file(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("Ann:\n" * 8, encoding="utf-8")
    with pytest.raises(TranscriptError) as error:
        read_transcript(path)
    mistakes = str(error.value).split("\n")
    assert [mistake.split(", 'Ann:'")[0] for mistake in mistakes[:5]] == [
        f"{path}, line {n}" for n in range(1, 6)
    ]
    assert mistakes[5] == "... and 3 more."


@pytest.mark.parametrize(
    "line",
    [
        "<" * 20_000 + "i>" * 20_000,
        "1" * 200_000,
        "1" + " " * 200_000,
        "[" * 100_000,
        "A, [" + "11.11 " * 50_000,
        '"' * 100_001,
        "Ann" + " " * 200_000 + "x",
    ],
)
@pytest.mark.parametrize("before", ["", "0 --> 1\n", "1/2/24, 9:41 AM - A: ", 'text,speaker\n"'])
def test_hostile_lines_are_read_or_refused_soon(before, line):
    began = time.perf_counter()
    with suppress(TranscriptError):
        parse_transcript(before + line)
    assert time.perf_counter() - began < 2


PAGE = Path("docs/transcripts.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_documentation_are_the_same_conversation(example):
    assert [(line.speaker.capitalize(), line.text) for line in parse_transcript(example)] == [
        ("Ann", "I got the job!"),
        ("Bo", "That is wonderful!"),
    ]


SAMPLES = [*SAME.values(), *EXAMPLES]


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.integers(0, 30),
            st.one_of(
                st.text(max_size=8),
                st.sampled_from(['"', "<", "{", "[", "\t", "\n", "-->", "\u200e", "\ud800", "-1"]),
                st.sampled_from(SAMPLES),
            ),
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_damaged_transcripts_are_read_or_refused(sample, edits, timed):
    for start, length, text in edits:
        sample = sample[:start] + text + sample[start + length :]
    with suppress(TranscriptError):
        lines = parse_transcript(sample, timed)
        assert any(line.text or timed for line in lines)
        for line in lines:
            assert line.start is None or 0 <= line.start < math.inf
            assert None in (line.start, line.end) or line.start < line.end
            assert line.start is None or "-->" not in line.text
