"""JSON and JSON lines."""

import json

import pytest

from synctva.transcripts.line import TranscriptError
from synctva.transcripts.reading import read_conversations, read_transcript

WORDS = [{"word": " It", "start": 0.0, "end": 0.2, "score": 0.9, "speaker": "SPEAKER_00"}]
WHISPER = {"seek": 0, "tokens": [50364, 467], "temperature": 0.0, "avg_logprob": -0.3} | {
    "compression_ratio": 1.2,
    "no_speech_prob": 0.01,
}


@pytest.fixture
def read(tmp_path):
    def read(value, suffix=".json"):
        path = tmp_path / f"made_up{suffix}"
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return read_transcript(path)

    return read


def segments(*items):
    return {"text": "all of it", "language": "en", "segments": list(items)}


FIRST = {"id": 0, "start": 0.0, "end": 1.8, "text": " It leaks.", "speaker": "SPEAKER_00"}
SECOND = {"id": 1, "start": 1.9, "end": 3.0, "text": " Again?"}
TIMES = [
    {"text": "It leaks.", "start": 0.0, "end": 1.8},
    {"text": "Again?", "start": 1.9, "end": 3},
]
SPOKEN = [{**TIMES[0], "speaker": "SPEAKER_00"}, TIMES[1]]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (segments({**FIRST, **WHISPER}, {**SECOND, **WHISPER}), SPOKEN),
        ({**segments({**FIRST, "words": WORDS}, SECOND), "word_segments": WORDS}, SPOKEN),
        ([{**FIRST, "words": []}, {**SECOND, "speaker": None}], SPOKEN),
        (
            {
                "text": " It leaks. Again?",
                "chunks": [
                    {"timestamp": [0.0, 1.8], "text": " It leaks."},
                    {"timestamp": [1.9, 3.0], "text": " Again?"},
                ],
            },
            TIMES,
        ),
        (
            {
                "chunks": [{"timestamp": [0.0, 3.0], "text": " It leaks. Again?"}],
                "speakers": [
                    {"speaker": "SPEAKER_00", "text": "It leaks.", "timestamp": [0.0, 1.8]},
                    {"text": "Again?", "timestamp": [1.9, 3.0]},
                ],
            },
            SPOKEN,
        ),
        (
            {
                "result": {"language": "en"},
                "transcription": [
                    {
                        "timestamps": {"from": "00:00:00,000", "to": "00:00:01,800"},
                        "offsets": {"from": 0, "to": 1800},
                        "text": " It leaks.",
                    },
                    {
                        "timestamps": {"from": "00:00:01,900", "to": "00:00:03,000"},
                        "offsets": {"from": 1900, "to": 3000},
                        "text": " Again?",
                    },
                ],
            },
            TIMES,
        ),
    ],
)
def test_transcribers(read, value, found):
    assert read(value) == found


def test_what_is_missing_stays_missing(read):
    items = [{"text": "It leaks.", "start": 1.0}, {"text": "Again?", "end": None}, {"end": 2}]
    assert read(items) == [{"text": "It leaks.", "start": 1.0}, {"text": "Again?"}, {"end": 2.0}]


def test_times_as_text_and_speakers_as_numbers(read):
    item = {"text": "It leaks.", "speaker": 1, "start": "0.5", "end": "00:00:01,5"}
    assert read([item]) == [{"text": "It leaks.", "speaker": "1", "start": 0.5, "end": 1.5}]


def test_a_segment_without_length_keeps_its_words(read, said):
    value = segments({"start": 2, "end": 2, "text": "Oh."}, {**SECOND, "text": "[Music]"}, FIRST)
    assert read(value) == [{"text": "Oh."}, SPOKEN[0]]
    assert [message.split(": ", 1)[1] for message in said()] == [
        "utterance 2: sounds in brackets are not read",
        "utterance 1: start and end are equal: the times are not read",
    ]


def test_a_telegram_export(read, said):
    value = {
        "name": "Ann",
        "type": "personal_chat",
        "messages": [
            {"id": 1, "type": "service", "actor": "Ann", "action": "phone_call", "text": ""},
            {"id": 2, "type": "message", "from": "Ann", "text": "It leaks."},
            {"id": 3, "type": "message", "from": "Bo", "photo": "1.jpg", "text": ""},
            {"type": "message", "from": "Bo", "text": ["See ", {"type": "link", "text": "it"}]},
        ],
    }
    assert read(value) == [
        {"text": "It leaks.", "speaker": "Ann"},
        {"text": "See it", "speaker": "Bo"},
    ]
    assert said()[0].endswith("messages 1, 3: notices and media are not read")


def test_conversations_as_the_pipeline_takes_them(read):
    item = {"text": "Hi!", "speaker": "Ann", "audio": "a.wav", "audio_features": [1.0, None]}
    assert read(["Oh.", item]) == [{"text": "Oh."}, item]
    assert read([["Oh."], [item]]) == [[{"text": "Oh."}], [item]]
    columns = {"texts": ["Oh.", "Hi!"], "speakers": ["Bo", None], "audio_features": [None, [1.0]]}
    found = [{"text": "Oh.", "speaker": "Bo"}, {"text": "Hi!", "audio_features": [1.0]}]
    assert read({**columns, "labels": [0, 1], "dialogue_id": "d"}) == found
    assert read([columns]) == [found]
    masked = {**columns, "modality_mask": [[1, 0, 0], [0, 0, 1]]}
    assert read(masked) == [found[0], {"audio_features": [1.0]}]


def test_json_lines(read, said):
    rows = [
        {"dialogue_id": "a", "utterance_id": 0, "text": "Oh.", "emotion": "joy"},
        {"dialogue_id": "b", "utterance_id": 0, "text": "Hi!", "audio_features": [1.0]},
        {"dialogue_id": "a", "utterance_id": 1, "text": "No.", "emotion": "joy"},
    ]
    lines = "\n".join(map(json.dumps, rows)) + "\n\n"
    conversations = [
        [{"text": "Oh."}, {"text": "No."}],
        [{"text": "Hi!", "audio_features": [1.0]}],
    ]
    assert read(lines, ".jsonl") == read(lines) == read(rows) == conversations
    assert said()[0].endswith("these columns are not read: emotion")
    assert read(json.dumps(rows[0]), ".jsonl") == [{"text": "Oh."}]
    assert read('["Oh.", "No."]\n["Hi!"]', ".jsonl") == [
        [{"text": "Oh."}, {"text": "No."}],
        [{"text": "Hi!"}],
    ]
    assert read('"Oh."\n"No."', ".jsonl") == [{"text": "Oh."}, {"text": "No."}]


def test_examples_of_the_repository():
    conversations, several = read_conversations("examples/data/conversations.jsonl")
    same, also = read_conversations("examples/data/conversations.csv")
    assert several and also and len(conversations) == len(same) > 1
    kept = ("text", "speaker", "start", "end")
    assert same == [[{n: u[n] for n in kept if n in u} for u in c] for c in conversations]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"text": "Hi!", "speeker": "Ann"}], "utterance 1 has the fields 'speeker': expected any"),
        ([{"text": ["Hi!"]}], "utterance 1, text = ['Hi!']: expected a string"),
        (["Hi!", 3], "utterance 2 = 3: expected a string or an object"),
        ([["Hi!"], "Oh."], "conversation 1 = 'Oh.': expected a list of utterances, as the others"),
        ([["Hi!"], []], "conversation 1 = []: expected a list of utterances"),
        ({"results": []}, "the JSON is an object with ['results']: expected a list of utterances"),
        ([], "the JSON is []: expected a list of utterances"),
        (3, "the JSON is 3: expected a list of utterances"),
        (segments(), "there is no utterance"),
        (segments({"start": 2, "end": 1, "text": "x"}), "segments 1, times 2 to 1: expected the"),
        (segments({"start": -1, "end": 1, "text": "x"}), "segments 1, start = -1: expected a time"),
        (segments({"start": True, "text": "x"}), "segments 1, start = True: expected a time"),
        (segments({"start": "soon", "text": "x"}), "segments 1, start = 'soon': expected a time"),
        ('[{"start": NaN, "text": "x"}]', "utterance 1, start = nan: expected a time"),
        ('{"text": "Hi!"\n"a": 1}', "line 2: is not JSON (Expecting ',' delimiter)"),
        ('{"text": "Hi!"}\n{"text": }', "line 2: is not JSON (Expecting value)"),
        ('{"dialogue_id": "a", "text": "Hi!"}\n{"text": "Oh."}', "line 2: has no dialogue_id"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ("[" + "9" * 5000 + "]", "is not JSON (Exceeds the limit"),
        ({"texts": ["a", "b"], "speakers": ["c"]}, "has the columns 'texts', 'speakers': expected"),
        ({"texts": "ab"}, "the conversation has the columns 'texts': expected any of texts"),
    ],
)
def test_mistakes_name_the_file_and_the_place(read, value, message):
    with pytest.raises(TranscriptError) as error:
        read(value)
    assert str(error.value).count("made_up.json") == 1
    assert message in str(error.value)


@pytest.mark.parametrize("part", [{"text": "It leaks."}, {"transcript": "It leaks."}])
def test_the_text_of_a_whole_recording_is_no_utterance(read, part):
    whole = {"text": "It leaks. Again?", "utterances": [{"start": 100, "end": 900, **part}]}
    with pytest.raises(TranscriptError, match="expected a list of utterances, or an object with"):
        read(whole)
