"""`synctva transcribe` prints a conversation that `synctva predict` reads."""

import json

import numpy as np
import pytest
from scipy.io import wavfile

import synctva_command_line
from synctva.speech import transcription
from synctva.speech.recognition import Recognition, Word
from synctva.transcripts.reading import read_transcript

pytest.importorskip("av", reason="PyAV is not installed")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A recording, and a stand-in for Whisper that hears one sentence in it."""
    monkeypatch.chdir(tmp_path)
    clock = np.arange(3 * 16_000) / 16_000
    sound = 0.1 * np.sin(2 * np.pi * 150 * clock)
    wavfile.write("call.wav", 16_000, sound.astype(np.float32))
    words = [Word("I", 0.5, 0.7, 0.9), Word("won.", 0.7, 1.2, 0.7)]
    asked = []

    def recogniser(model):
        asked.append(model)
        return lambda samples, language: Recognition(words, "en")

    monkeypatch.setattr(transcription, "whisper_recogniser", recogniser)
    return words, asked


def test_the_output_is_a_conversation_for_predict(call, capsys, tmp_path):
    assert synctva_command_line.main(["transcribe", "call.wav"]) == 0
    printed = capsys.readouterr().out
    conversation = json.loads(printed)
    assert conversation == [
        {
            "speaker": "Speaker 1", "text": "I won.", "start": 0.5, "end": 1.2,
            "confidence": 0.8, "audio": "call.wav",
        }
    ]  # fmt: skip
    assert synctva_command_line.main(["transcribe", "call.wav", "--output", "call.json"]) == 0
    assert (tmp_path / "call.json").read_text() == printed
    (utterance,) = read_transcript("call.json")
    assert utterance["text"] == "I won." and utterance["audio"] == "call.wav"


def test_the_model_and_the_limits_are_options(call, capsys):
    words, asked = call
    words += [Word("Really", 2.0, 2.2, 0.9), Word("won.", 2.2, 2.5, 0.9)]
    for pause, utterances in (("0.5", 2), ("2", 1)):
        options = ["--speech_model", "small", "--pause", pause, "--speakers", "1"]
        assert synctva_command_line.main(["transcribe", "call.wav", *options]) == 0
        assert len(json.loads(capsys.readouterr().out)) == utterances
    assert asked == ["small", "small"]


def test_no_speech_is_said(call, capsys):
    call[0].clear()
    assert synctva_command_line.main(["transcribe", "call.wav"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == []
    assert output.err == "call.wav: no speech was recognised\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["missing.wav"], "cannot be opened: No such file"),
        (["call.wav", "--speakers", "0"], "speakers = 0: expected at least 1"),
        (["call.wav", "--speakers", "channels"], "has 1 channel: expected a channel for each"),
        (["call.wav", "--speakers", "missing.rttm"], "missing.rttm"),
    ],
)
def test_mistakes_are_one_message(call, capsys, options, message):
    assert synctva_command_line.main(["transcribe", *options]) == 1
    output = capsys.readouterr()
    assert output.out == "" and message in output.err and "Traceback" not in output.err
