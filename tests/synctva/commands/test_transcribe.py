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


def test_the_output_has_the_form_of_its_suffix(call, capsys, tmp_path):
    for form in (".srt", ".vtt", ".csv", ".tsv", ".txt", ".TextGrid", ".eaf"):
        assert synctva_command_line.main(["transcribe", "call.wav", "--output", f"x{form}"]) == 0
        (utterance,) = read_transcript(f"x{form}")
        found = [utterance[name] for name in ("speaker", "text", "start", "end")]
        assert found == ["Speaker 1", "I won.", 0.5, 1.2], form
        assert "emotion" not in (tmp_path / f"x{form}").read_text()
    assert synctva_command_line.main(["transcribe", "call.wav", "--output", "x.rttm"]) == 0
    assert (tmp_path / "x.rttm").read_text().startswith("SPEAKER call 1 0.500 0.700 ")
    capsys.readouterr()
    words, _ = call
    words.clear()
    assert synctva_command_line.main(["transcribe", "call.wav", "--output", "empty.srt"]) == 0
    assert "no speech was recognised" in capsys.readouterr().err
    assert not (tmp_path / "empty.srt").exists()


def test_a_report_needs_emotions(call, capsys):
    for name in ("x.html", "x.doc"):
        with pytest.raises(SystemExit):
            synctva_command_line.main(["transcribe", "call.wav", "--output", name])
        assert f"output = {name}: expected a file that ends in .json" in capsys.readouterr().err
