"""Conversations in every form that users write them, read as the same lists of utterances."""

import logging

import datasets
import numpy as np
import pandas as pd
import pyarrow
import pytest

from synctva.modeling_synctva.conversation_input import (
    clock_seconds,
    is_columns,
    is_turn,
    read_columns,
    read_table,
    read_utterances,
)

NAMES = {"audio": ["pitch", "pace"]}
WIDTHS = {"text": 2, "visual": None, "audio": 2}


def read(conversation):
    return read_utterances(conversation, "conversation 0", NAMES, WIDTHS)


@pytest.fixture
def warnings(monkeypatch):
    """The warnings of this test, those included that are otherwise said once."""
    said = []
    monkeypatch.setattr(logging.Logger, "warning_once", lambda _, message: said.append(message))
    return said


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Hi!", {"text": "Hi!"}),
        (np.str_("Hi!"), {"text": "Hi!"}),
        (("Ann", "Hi!"), {"speaker": "Ann", "text": "Hi!"}),
        ((None, "Hi!"), {"speaker": None, "text": "Hi!"}),
        ((1, "Hi!"), {"speaker": 1, "text": "Hi!"}),
        ({"text": None, "speaker": 3}, {"text": None, "speaker": 3}),
        (
            {"text": float("nan"), "speaker": np.nan, "start": pd.NaT, "channel": pd.NA},
            dict.fromkeys(("text", "speaker", "start", "channel")),
        ),
        ({"text": "\ud83d\ude00"}, {"text": "\U0001f600"}),
        ({"audio": "a.wav", "start": "", "end": 2}, {"audio": "a.wav", "start": None, "end": 2}),
        ({"audio_features": {"pace": 4.0, "pitch": 1.0}}, {"audio_features": [1.0, 4.0]}),
    ],
)
def test_forms_of_an_utterance(given, expected):
    (utterance,) = read([given])
    assert utterance == expected
    assert type(utterance.get("text")) in (str, type(None))


TIMES = {
    "1.5": 1.5,
    " 2 ": 2.0,
    "0:01.5": 1.5,
    "00:01:02,500": 62.5,
    "1:00:00": 3600.0,
    "16:21.731": 981.731,
}


@pytest.mark.parametrize("text", TIMES)
def test_times_as_text(text):
    assert clock_seconds(text) == pytest.approx(TIMES[text])
    (utterance,) = read([{"audio": "a.wav", "start": text}])
    assert utterance["start"] == pytest.approx(TIMES[text])


@pytest.mark.parametrize("text", ["soon", "1:75", "61:00", "1:2:3:4", "1,5,0", "::", "1m"])
def test_what_is_no_time(text):
    assert np.isnan(clock_seconds(text))
    with pytest.raises(ValueError, match=r"utterance 0, start = .*: expected seconds from 0"):
        read([{"start": text}])


@pytest.mark.parametrize(
    ("value", "index"),
    [(0, 0), (np.int64(3), 3), (1.0, 1), ("1", 1), ("left", 0), ("Right", 1), ("", None)],
)
def test_channels(value, index):
    assert read([{"channel": value}])[0]["channel"] == index


@pytest.mark.parametrize(
    ("utterance", "message"),
    [
        ({"text": 3}, "utterance 1, text = 3: expected a string"),
        ({"text": b"Hi!"}, r"utterance 1, text = b'Hi!': expected a string"),
        ({"text": np.bytes_(b"Hi!")}, r"utterance 1, text = b'Hi!': expected a string"),
        ({"text": ["Hi!"]}, r"utterance 1, text = \['Hi!'\]: expected a string"),
        ({"speaker": ["Ann"]}, r"speaker = \['Ann'\]: expected a string or a number"),
        ({"speaker": b"Ann"}, "speaker = b'Ann': expected a string or a number"),
        ({"start": -1}, "start = -1: expected seconds from 0"),
        ({"start": True}, "start = True: expected seconds from 0"),
        ({"end": float("inf")}, "end = inf: expected seconds from 0"),
        ({"end": [1]}, r"end = \[1\]: expected seconds from 0"),
        ({"channel": -1}, "channel = -1: expected the number of a channel from 0"),
        ({"channel": 0.5}, "channel = 0.5: expected the number of a channel"),
        ({"channel": True}, "channel = True: expected the number of a channel"),
        ({"channel": "middle"}, "channel = 'middle': expected the number of a channel"),
        ({"audio": 3}, "audio = 3: expected a recording, such as a path"),
        ({"video": True}, "video = True: expected a recording"),
        ({"speakr": "Ann"}, r"expected a string or a dictionary .* \(is 'speakr' meant as 'speak"),
        ({"Text": "Hi!"}, r"\(is 'Text' meant as 'text'\?\)"),
        ({"mood": 1}, r"utterance 1 = {'mood': 1}: expected a string or a dictionary with any of"),
        ({1: 2}, "utterance 1 = {1: 2}: expected a string or a dictionary"),
        (("Ann", "Hi!", 3), r"utterance 1 = \('Ann', 'Hi!', 3\): expected a string"),
        (b"Hi!", "utterance 1 = b'Hi!': expected a string or a dictionary"),
        ({"audio_features": {"pace": 4.0, 1: 2}}, r"has \['1', 'pace'\]: expected exactly"),
    ],
)
def test_wrong_types_are_refused_by_name(utterance, message):
    with pytest.raises(ValueError, match=message):
        read(["Hi!", utterance])


def test_long_values_are_shortened():
    with pytest.raises(ValueError, match=r"text = b'a{20}': expected a string"):
        read([{"text": b"a" * 10_000}])
    with pytest.raises(ValueError, match="expected a string") as caught:
        read([{"text": ["a" * 10_000] * 100}])
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("text", ["clip.wav", "talks/clip.MP4", "/data/call.srt", "notes.txt"])
def test_a_path_as_text_is_read_as_words_and_named(text, warnings):
    assert read([text])[0]["text"] == text
    assert f"utterance 0, text = {text!r} is the name of a file" in warnings[0]


def test_the_warning_says_what_to_write(warnings, tmp_path):
    read(["clip.wav", "clip.mp4", "call.srt"])
    assert warnings[0].endswith(
        "expected {'audio': 'clip.wav'} or for a whole conversation pathlib.Path('clip.wav')"
    )
    assert "expected {'video': 'clip.mp4'} or" in warnings[1]
    assert warnings[2].endswith("expected synctva.read_transcript('call.srt')")
    existing = tmp_path / "my clip"
    existing.write_bytes(b"")
    read([str(existing)])
    assert "is the name of a file" in warnings[3]


LONG = "I never thought that she would come back after all"


def test_swapped_turns_are_told_so(warnings):
    read([(LONG, "Ann"), (LONG + " this", "Bo")])
    (warning,) = warnings
    assert warning.startswith("conversation 0, ('I never thought")
    assert warning.endswith("expected tuples (speaker, text)")
    read(["Hi!", (LONG, "Ann Lee"), {"text": "No."}])
    assert len(warnings) == 2


@pytest.mark.parametrize(
    "turns",
    [
        [("Ann", LONG), ("Bo", "No.")],
        [(LONG, "Ann"), ("Bo", LONG)],  # only one of them
        [("The Right Honourable the Lord Mayor of London", "No.")],  # eight words
        [(LONG, "I do not know.")],
        [(LONG, " ")],
        [(7, "No."), (None, "Ann")],
        [LONG, "Ann"],
    ],
)
def test_turns_that_may_be_right_are_not(turns, warnings):
    read(turns)
    assert not warnings


def test_sentences_are_not_taken_for_paths(warnings):
    read(["I saved it as clip.wav", "and/or", "Hi.", "", "Look at www.example.org/a.", "a\n.wav"])
    assert not warnings


def test_halves_of_characters_are_left_out_with_a_warning(warnings):
    assert read(["\ud83d\ude00 hi"])[0]["text"] == "\U0001f600 hi"
    assert not warnings
    assert read(["\ud800 hi \udc80"])[0]["text"] == "\ufffd hi \ufffd"
    assert "utterance 0, text = " in warnings[0]
    assert "has halves of characters" in warnings[0]


ROWS = [
    {"dialogue_id": "a", "text": "Hi!", "speaker": "Ann"},
    {"dialogue_id": "a", "text": "Go away!", "start": "0:01.5"},
    {"dialogue_id": "b", "text": "Hello.", "speaker": "Bo", "channel": 1},
]
CONVERSATIONS = [
    [{"text": "Hi!", "speaker": "Ann"}, {"text": "Go away!", "start": "0:01.5"}],
    [{"text": "Hello.", "speaker": "Bo", "channel": 1}],
]
COLUMNS = ("dialogue_id", "text", "speaker", "start", "channel")
TABLE = {name: [row.get(name) for row in ROWS] for name in COLUMNS}
TABLES = {
    "DataFrame": pd.DataFrame(TABLE),
    "Dataset": datasets.Dataset.from_dict(TABLE),
    "records": pd.DataFrame(TABLE).to_dict("records"),
    "lines of JSON": ROWS,
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_of_several_conversations(kind):
    assert list(read_table(TABLES[kind])) == CONVERSATIONS


@pytest.mark.parametrize("kind", ["DataFrame", "Dataset"])
def test_a_table_without_ids_is_one_conversation(kind):
    table = TABLES[kind]
    drop = table.remove_columns if kind == "Dataset" else lambda name: table.drop(columns=name)
    assert read_table(drop("dialogue_id")) == CONVERSATIONS[0] + CONVERSATIONS[1]
    assert len(read(drop("dialogue_id"))) == 3


def test_rows_of_a_conversation_that_are_apart_are_put_together(warnings):
    frame = TABLES["DataFrame"].iloc[[0, 2, 1]]
    assert read_table(frame) == CONVERSATIONS
    assert "rows of a conversation are not together" in warnings[0]


def test_a_dataset_is_read_row_by_row():
    dataset = datasets.Dataset.from_dict(TABLE)
    taken = []
    dataset.set_transform(lambda rows: taken.append(len(rows["text"])) or rows)
    conversations = read_table(dataset)
    before = len(taken)
    next(conversations)
    assert len(taken) - before == 2  # rows of the first dialogue


def test_columns_that_are_not_read_are_named(warnings):
    read_table(pd.DataFrame({"text": ["Hi!"], "Speaker": ["Ann"], "emotion": ["joy"]}))
    assert "columns ['Speaker'] are not read" in warnings[0]
    assert "(is 'Speaker' meant as 'speaker'?)" in warnings[0]


@pytest.mark.parametrize("columns", [{"texts": [["Hi!"]]}, {"audio_features": [[[1.0, 2.0]]]}])
def test_a_dataset_of_conversations_stays_one(columns):
    dataset = datasets.Dataset.from_dict(columns)
    assert read_table(dataset) is dataset


@pytest.mark.parametrize("value", [["Hi!"], [["Hi!"]], [{"text": "Hi!"}], "Hi!", None, 3, {}])
def test_what_is_no_table_stays_as_it_is(value):
    assert read_table(value) is value


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (
            datasets.DatasetDict(train=TABLES["Dataset"]),
            TypeError,
            r"the input is a DatasetDict: expected one of its 1, such as data\['train'\]",
        ),
        (pyarrow.table(TABLE), TypeError, r"is a Table: expected a DataFrame, such as table.to_p"),
        (pd.Series(["Hi!"]), TypeError, r"is a Series: expected a list of .* series.tolist\(\)"),
        (pd.DataFrame({"text": []}), ValueError, "is an empty DataFrame: expected at least a row"),
        (
            pd.DataFrame({"Utterance": ["Hi!"], "Speaker": ["Ann"]}),
            ValueError,
            r"columns = \['Utterance', 'Speaker'\]: expected any of .*is 'Speaker' meant as",
        ),
        (pd.DataFrame({"speaker": ["Ann"]}), ValueError, r"columns = \['speaker'\]: expected any"),
        (
            pd.DataFrame({"dialogue_id": ["a", None], "text": ["Hi!", "No."]}),
            ValueError,
            "row 1, dialogue_id = nan: expected a name or a number",
        ),
    ],
)
def test_other_tables_are_refused_by_name(table, error, message):
    with pytest.raises(error, match=message):
        read_table(table)


def test_one_conversation_is_not_several():
    with pytest.raises(ValueError, match="conversation 0 has 2 conversations: expected one"):
        read(TABLES["DataFrame"])
    assert len(read(TABLES["DataFrame"].iloc[:2])) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"texts": "Hello"}, "texts = 'Hello': expected a list, with an entry for each utterance"),
        ({"texts": ["Hi!"], "speakers": "Ann"}, "speakers = 'Ann': expected a list"),
        ({"labels": 7}, "labels = 7: expected a list"),
        (
            {"texts": ["Hi!"], "audio_features": {"pitch": 1}},
            "audio_features = {'pitch': 1}: expec",
        ),
        ({"texts": ["Hi!", 3]}, "utterance 1, text = 3: expected a string"),
        (
            {"texts": ["Hi!"], "speakers": [["a"]]},
            r"utterance 0, speaker = \['a'\]: expected a str",
        ),
        ({"text": "Hi!"}, "conversation 0 = {'text': 'Hi!'}, one utterance: expected a conversati"),
    ],
)
def test_columns_of_the_wrong_type_are_refused_by_name(row, message):
    with pytest.raises(ValueError, match=message):
        read_columns(row, "conversation 0")


def test_fields_of_utterances_among_columns_are_named(warnings):
    read_columns({"texts": ["Hi!"], "speaker": ["Ann"], "audio": None}, "conversation 0")
    assert warnings == [
        "speaker not read: expected texts and speakers in a conversation of columns, or else a "
        "list of utterances"
    ]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ({"texts": ["Hi!"]}, True),
        ({"audio_features": [[1.0]]}, True),
        ({"audio_features": [None, [1.0]]}, True),
        ({"audio_features": np.zeros((2, 3))}, True),
        ({"dialogue_id": "a"}, True),
        ({"dialogue_id": "a", "text": "Hi!"}, False),
        ({"audio_features": [1.0, 2.0]}, False),
        ({"audio_features": np.float32(1)}, False),
        ({"audio_features": 7}, False),
        ({"audio_features": pd.DataFrame([[1.0]])}, False),
        ({"audio_features": {"pitch": 1.0}}, False),
        ("texts", False),
    ],
)
def test_columns_and_utterances_are_told_apart(value, answer):
    assert is_columns(value) is answer


@pytest.mark.parametrize(
    "value", [("a", "b", "c"), ("a", 1), (["a"], "a"), ["a", "b"], ("a",), "ab"]
)
def test_what_is_no_turn(value):
    assert not is_turn(value)
