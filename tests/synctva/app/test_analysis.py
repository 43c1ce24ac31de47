"""A recording or a text becomes a conversation with emotions, and files to download."""

import json
import re
import sys
from pathlib import Path

import pytest

from synctva.app.analysis import (
    LISTENING,
    Stopped,
    analyse_recording,
    analyse_text,
    duration,
)
from synctva.speech import recognition, transcription
from synctva.speech.transcription import transcribe

TYPED = "Ann: I got the <job>!\n\nBo: No way: you did?\nThat is all."
TIMED = "0-0.4 Ann: No way!\n0:00.4 - 0:00.9 Bo:\n"


def test_what_is_not_read_is_said(recognise):
    chat = "1/2/24, 9:41 AM - Ann: <Media omitted>\n1/2/24, 9:42 AM - Bo: No way!"
    analysis = analyse_text(recognise, chat)
    assert analysis.notes == ["line 1: notices and media are not read"]
    assert len(analysis.answers) == 1


def test_answers_are_those_of_the_pipeline(recognise):
    analysis = analyse_text(recognise, TYPED)
    conversation = [
        {"speaker": "Ann", "text": "I got the <job>!"},
        {"speaker": "Bo", "text": "No way: you did?"},
        "That is all.",
    ]
    assert analysis.answers == recognise(conversation, top_k=None)
    assert [analysis.place(number) for number in range(3)] == ["1", "2", "3"]


def test_a_recording_is_cut_at_the_times_of_the_lines(recognise, recording):
    analysis = analyse_text(recognise, TIMED, recording)
    conversation = [
        {"speaker": "Ann", "text": "No way!", "video": recording, "start": 0, "end": 0.4},
        {"speaker": "Bo", "video": recording, "start": 0.4, "end": 0.9},
    ]
    assert analysis.answers == recognise(conversation, top_k=None)
    assert [answer["modalities"] for answer in analysis.answers] == [["text", "audio"], ["audio"]]


@pytest.mark.parametrize(
    ("transcript", "message"),
    [
        ("Ann: No way!", "line 1, 'Ann: No way!': has no times"),
        (
            "0-0.5 Ann: No!\n\n7-8 Bo: Oh!",
            r"line 3: .*talk\.mp4: start = 7.0 s: expected less than 1.\d\d s, where it ends",
        ),
    ],
)
def test_a_mistake_names_the_line_and_what_was_expected(recognise, recording, transcript, message):
    with pytest.raises(ValueError, match=message):
        analyse_text(recognise, transcript, recording)


def test_a_file_that_is_not_a_recording_is_named(recognise, heard, tmp_path):
    path = tmp_path / "notes.wav"
    path.write_text("Buy milk.")
    with pytest.raises(ValueError, match=r"^line 1: .*notes\.wav: cannot be read as a recording"):
        analyse_text(recognise, TIMED, str(path))
    with pytest.raises(ValueError, match=r"notes\.wav: cannot be read as a recording"):
        analyse_recording(recognise, str(path))


def test_a_transcript_does_not_choose_files_of_the_machine(recognise, recording):
    """Whoever can reach the page can paste a transcript, and must not read files by it."""
    pasted = json.dumps([{"text": "No way!", "video": recording, "start": 0, "end": 0.4}])
    (utterance,) = analyse_text(recognise, pasted).conversation
    assert not {"video", "audio"} & set(utterance)


@pytest.mark.parametrize("speakers", [None, 1])
def test_a_recording_without_a_transcript_is_listened_to(recognise, call, heard, speakers):
    analysis = analyse_recording(recognise, call, speakers)
    conversation = transcribe(call, speakers=speakers)
    assert analysis.conversation == conversation and len(conversation) == 3
    assert analysis.answers == recognise(conversation, top_k=None)
    assert analysis.answers[0]["modalities"] == ["text", "audio"]
    assert [analysis.place(number) for number in range(3)] == ["0:00", "0:02", "0:04"]


def test_progress_tells_what_is_done_and_how_long_it_takes(recognise, call, heard):
    told = []
    analyse_recording(recognise, call, progress=lambda part, what: told.append((part, what)))
    parts, words = zip(*told, strict=True)
    assert list(parts) == sorted(parts) and parts[0] == 0 and parts[-1] == LISTENING
    assert LISTENING / 2 in parts
    assert words[0] == "Getting ready to listen" and words[-1] == "Recognising emotions"
    assert any(re.fullmatch("Listening; a few seconds left", said) for said in words)


def test_nobody_listens_for_an_input_that_has_changed(recognise, call, heard, monkeypatch):
    def changed(part, what):
        if part:
            raise Stopped

    monkeypatch.setattr(recognise, "preprocess", None)
    with pytest.raises(Stopped):
        analyse_recording(recognise, call, progress=changed)


def test_silence_is_an_error(recognise, call, heard):
    heard.clear()
    with pytest.raises(ValueError, match=r"^call\.wav: no speech was recognised: expected"):
        analyse_recording(recognise, call)


def test_without_speech_recognition_it_is_said_how_to_install_it(recognise, call, monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    recognition.whisper_recogniser.cache_clear()
    with pytest.raises(ImportError, match=r"needs faster-whisper: .*\[speech\]"):
        analyse_recording(recognise, call)


def test_one_speaker_on_each_channel(recognise, call, heard):
    with pytest.raises(ValueError, match=r"speakers = 'channels', but .* has 1 channel"):
        analyse_recording(recognise, call, transcription.CHANNELS)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"), (9.4, "a few seconds"), (12, "about 10 seconds"),
        (54, "about 50 seconds"), (56, "about 1 minute"), (100, "about 2 minutes"),
        (3600, "about 60 minutes"),
    ],
)  # fmt: skip
def test_the_time_left_is_rough(seconds, words):
    assert duration(seconds) == words


def test_all_forms_can_be_downloaded(recognise, call, heard):
    analysis = analyse_recording(recognise, call)
    files = [Path(path) for path in analysis.files()]
    assert [path.name for path in files] == [
        f"call{suffix}"
        for suffix in (
            *(".json", ".csv", ".tsv", ".html", ".srt", ".vtt", ".rttm", ".txt", ".TextGrid"),
            ".eaf",
        )
    ]
    data = json.loads(files[0].read_text())
    assert [item["label"] for item in data] == [answer["label"] for answer in analysis.answers]
    assert data[0]["file"] == "call.wav"
    assert '"address":"call.wav"' in files[3].read_text()
    for path in files:
        assert str(Path(call).parent) not in path.read_text()
        assert str(path.parent) not in path.read_text()


def test_without_times_the_forms_that_need_none(recognise, caplog):
    files = [Path(path) for path in analyse_text(recognise, TYPED).files()]
    assert [path.name for path in files] == [
        f"conversation{suffix}" for suffix in (".json", ".csv", ".tsv", ".html")
    ]
    assert not caplog.records
    assert files != [Path(path) for path in analyse_text(recognise, TYPED).files()]
