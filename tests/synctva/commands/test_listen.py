"""`synctva listen`, compared with `synctva stream` of what was said."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

from synctva.commands import listen, stream
from synctva.speech import listening
from synctva.speech.recognition import Recognition, Word


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command on half a second of sound, in which two things are said."""
    said = [
        {"speaker": "Speaker 1", "text": "I won!", "start": 61.0, "end": 62.0, "confidence": 0.9},
        {"speaker": "Speaker 2", "text": "Oh no.", "start": 63.5, "end": 64.0, "confidence": 0.9},
    ]

    def heard(sound, recogniser, **options):
        pieces = list(sound)
        assert recogniser == "whisper base" and sum(map(len, pieces)) == 8_000
        heard.options = options
        yield from ((utterance, np.concatenate(pieces)) for utterance in said)

    monkeypatch.setattr(listen, "listen", heard)
    monkeypatch.setattr(listen, "whisper_recogniser", lambda model: f"whisper {model}")
    tone = (0.3 * np.sin(np.arange(8_000) / 8) * 2**15).astype("<i2").tobytes()
    stdin = SimpleNamespace(buffer=io.BytesIO(tone), isatty=lambda: False)

    def run(*options):
        stdin.buffer.seek(0)
        monkeypatch.setattr("sys.stdin", stdin)
        listen.main(options)
        return capsys.readouterr().out, heard.options

    run.said = said
    return run


def test_lines_of_text(call):
    out, options = call("--speakers", "2", "--language", "en")
    assert options == {"language": "en", "speakers": 2}
    lines = out.splitlines()
    assert lines[0].startswith(" 1:01.0  ") and lines[0].endswith("Speaker 1: I won!")
    assert len(lines) == 2


def test_answers_are_those_of_a_stream(call, capsys, monkeypatch):
    answers = [json.loads(line) for line in call("--json")[0].splitlines()]
    for answer, said in zip(answers, call.said, strict=True):
        assert said.items() <= answer.items()
        assert answer["modalities"] == ["text", "audio"]
        assert answer["latency"] >= 0
    texts = "".join(f"{json.dumps({k: u[k] for k in ('speaker', 'text')})}\n" for u in call.said)
    monkeypatch.setattr("sys.stdin", io.StringIO(texts))
    stream.main([])
    without_sound = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for answer, other in zip(answers, without_sound, strict=True):
        assert answer["scores"].keys() == other["scores"].keys()
        assert answer["scores"] != pytest.approx(other["scores"], abs=1e-4), "it hears the voice"


def test_words_that_were_hardly_understood_get_a_caution(call):
    call.said[1]["confidence"] = 0.3
    first, second = (json.loads(line) for line in call("--json")[0].splitlines())
    assert first["cautions"] == [] and "0.3" in second["cautions"][0]
    assert "(says little)  Speaker 2: Oh no." in call()[0]


def test_sound_is_read_in_pieces_and_half_a_sample_is_left_out():
    samples = np.arange(-4_000, 4_000, dtype="<i2")
    read = list(listen.read_sound(io.BytesIO(samples.tobytes() + b"\0")))
    assert len(read) > 1
    np.testing.assert_array_equal(np.concatenate(read), samples.astype(np.float32) / 2**15)


def test_a_terminal_is_no_sound(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(SystemExit, match="standard input is a terminal: expected sound"):
        listen.main([])


def test_from_sound_to_answers(monkeypatch, capsys):
    """The whole way, but for the recogniser and the voice activity detection."""
    monkeypatch.setattr(listening, "detect_speech", lambda samples: [(0.1, 0.4)])
    words = [Word("I", 0.1, 0.2, 0.9), Word("won!", 0.2, 0.4, 0.9)]
    monkeypatch.setattr(
        listen,
        "whisper_recogniser",
        lambda model: lambda samples, language: Recognition(words, "en"),
    )
    tone = (0.3 * np.sin(np.arange(16_000) / 8) * 2**15).astype("<i2").tobytes()
    stdin = SimpleNamespace(buffer=io.BytesIO(tone), isatty=lambda: False)
    monkeypatch.setattr("sys.stdin", stdin)
    listen.main(["--speakers", "1"])
    assert "Speaker 1: I won!" in capsys.readouterr().out
