"""A recording is a conversation of the pipeline: its words are recognised first."""

import os
import sys
from pathlib import Path

import pytest
from transformers import pipeline

import synctva
from synctva.answering import answer_each, failures
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.speech import recognition, transcription
from synctva.speech.recognition import Recognition, Word
from tests.support.media_files import clip, tone
from tests.support.toy import toy_model

from .test_pipeline_synctva import assert_same

pytest.importorskip("av", reason="PyAV is not installed")


@pytest.fixture(scope="module")
def recognise(toy_encoder_spec):
    processor = SyncTVAProcessor(16, None, None, text_encoder=toy_encoder_spec)
    return pipeline("emotion-recognition", model=toy_model(text_dim=16), processor=processor)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Two recordings, and a stand-in for Whisper that remembers for what it was asked."""
    monkeypatch.chdir(tmp_path)
    for name in ("call.wav", "other.wav"):
        Path(name).write_bytes(clip("wav", None, "pcm_s16le", samples=tone(3.0)))
    words = [Word("Hello", 0.1, 0.4, 0.9), Word("Ann.", 0.5, 0.9, 0.9), Word("No.", 1.8, 2.0, 0.4)]
    languages = []

    def recognised(samples, language):
        languages.append(language)
        return Recognition(words, "en")

    monkeypatch.setattr(transcription, "whisper_recogniser", lambda model: recognised)
    return languages


WHOLE = {"recording": "call.wav", "speakers": 1, "language": "en"}


def test_a_recording_is_answered_like_its_transcription(asked, recognise):
    expected = recognise(synctva.transcribe("call.wav", speakers=1, language="en"), top_k=None)
    assert [(a["speaker"], a["text"], a["start"], a["end"]) for a in expected] == [
        ("Speaker 1", "Hello Ann.", 0.1, 0.9), ("Speaker 1", "No.", 1.8, 2.0),
    ]  # fmt: skip
    assert recognise(WHOLE, top_k=None) == expected
    assert asked == ["en", "en"]
    assert recognise({**WHOLE, "recording": Path("call.wav")}, top_k=None) == expected
    given = recognise(Path("call.wav"), top_k=None)
    assert asked[-1] is None
    assert given == recognise(synctva.transcribe("call.wav"), top_k=None)
    assert "unsure of the words (0.40)" in given[1]["cautions"][0]
    explained = recognise.explain(WHOLE, -1)
    assert explained == recognise.explain(synctva.transcribe("call.wav", speakers=1), -1)


def test_a_list_of_recordings_is_several_conversations(asked, recognise):
    one = recognise(WHOLE)
    several = [WHOLE, Path("other.wav"), ["Hello Ann.", "No."]]
    answers = recognise(several)
    assert_same(recognise(several, batch_size=2), answers)
    assert_same(list(recognise(iter(several))), answers)
    assert [len(answer) for answer in answers] == [2, 2, 2]
    assert_same(answers[0], one)
    assert [a["label"] for a in answers[2]] == [a["label"] for a in answers[0]]
    assert_same(list(answer_each(recognise, several)), answers)
    frame = recognise(several, as_frame=True)
    assert list(frame["start"][:4]) == [0.1, 1.8, 0.1, 1.8] and frame["start"][4:].isna().all()


@pytest.mark.parametrize("name", ["call.wav", "nowhere.mp4"])
def test_a_string_is_never_opened(name, asked, recognise, monkeypatch):
    monkeypatch.setattr(transcription, "transcribe", None)
    with pytest.raises(ValueError) as caught:
        recognise(name)
    assert str(caught.value) == f"the input is {name!r}: expected pathlib.Path({name!r})"
    assert recognise([name])[0]["text"] == name
    assert len(recognise([[name], ["no"]])) == 2


BAD = {
    "an address": ({"recording": "http://localhost/x.mp4"}, "expected the path of a local file"),
    "an address as a path": (Path("http://localhost/x.mp4"), "expected the path of a local file"),
    "a protocol": (Path("concat:call.wav|other.wav"), "expected the path of a local file"),
    "a missing file": (Path("nowhere.mp4"), "No such file or directory"),
    "a folder": (Path("."), "is not a file"),
    "a device": (Path(os.devnull), "is not a file"),
    "bytes": ({"recording": b"RIFF"}, "recording = b'RIFF': expected the path of a local file"),
    "nothing": ({"recording": None}, "recording = None: expected the path of a local file"),
    "a text beside": ({**WHOLE, "text": "Hi!"}, r"has the fields \['text'\]: expected only"),
    "a mistyped field": ({**WHOLE, "lang": "en"}, r"has the fields \['lang'\]: expected only"),
    "no speakers": ({**WHOLE, "speakers": 0}, "speakers = 0: expected at least 1"),
}


@pytest.mark.parametrize(("recording", "message"), BAD.values(), ids=BAD)
def test_what_is_no_recording_is_refused_by_name(recording, message, asked, recognise):
    for conversations in (recording, [["no"], recording]):
        with pytest.raises(ValueError, match=message):
            recognise(conversations)
    said, unread = answer_each(recognise, [["no"], recording])
    assert said == recognise(["no"])
    assert unread[0].keys() == {"error"} and len(failures([said, unread])) == 1


def test_a_recording_in_which_nobody_speaks_is_refused(asked, recognise, monkeypatch):
    silence = Recognition([], None)
    monkeypatch.setattr(transcription, "whisper_recogniser", lambda model: lambda *_: silence)
    with pytest.raises(ValueError, match=r"conversation 0, recording = 'call.wav': no speech was"):
        recognise(Path("call.wav"))


def test_what_is_missing_is_named(asked, recognise, monkeypatch):
    monkeypatch.setattr(transcription, "whisper_recogniser", recognition.whisper_recogniser)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    recognition.whisper_recogniser.cache_clear()
    with pytest.raises(ImportError, match=r"needs faster-whisper: .*\[speech\]"):
        recognise(Path("call.wav"))
    monkeypatch.setitem(sys.modules, "synctva.speech", None)
    with pytest.raises(ImportError, match=r"conversation 0 is a recording: expected the package"):
        recognise(Path("call.wav"))
    assert len(recognise(["no"])) == 1
