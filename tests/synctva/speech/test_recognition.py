"""faster-whisper's segments become words; its place is taken by a stand-in with its interface."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from synctva.speech import recognition
from synctva.speech.recognition import Recognition, WhisperRecogniser, Word

SILENCE = np.zeros(16_000, dtype=np.float32)


def segment(*words, no_speech_prob=0.1, avg_logprob=-0.3):
    spoken = [SimpleNamespace(word=w, start=s, end=e, probability=p) for w, s, e, p in words]
    return SimpleNamespace(words=spoken, no_speech_prob=no_speech_prob, avg_logprob=avg_logprob)


@pytest.fixture
def heard(monkeypatch):
    """The segments that the stand-in recognises, to fill; and the options it was called with."""
    segments, options = [], {}

    class WhisperModel:
        def __init__(self, folder, compute_type):
            options.update(folder=folder, compute_type=compute_type)

        def transcribe(self, samples, **given):
            options.update(given)
            return iter(segments), SimpleNamespace(language="de")

    module = ModuleType("faster_whisper")
    module.WhisperModel = WhisperModel
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    monkeypatch.setattr(recognition, "locate_whisper", lambda model: f"/models/{model}")
    return segments, options


def test_words_have_times_and_confidence(heard):
    heard[0].append(segment((" Guten", np.float64(0.1), 0.4, 0.9), (" Tag.", 0.4, 0.8, 0.7)))
    words = [Word("Guten", 0.1, 0.4, 0.9), Word("Tag.", 0.4, 0.8, 0.7)]
    assert WhisperRecogniser()(SILENCE) == Recognition(words, "de")
    assert all(type(word.start) is float for word in WhisperRecogniser()(SILENCE).words)


def test_words_heard_in_silence_are_left_out(heard):
    heard[0].append(segment((" Thanks", 0, 1, 0.3), no_speech_prob=0.9, avg_logprob=-1.5))
    assert WhisperRecogniser()(SILENCE) == Recognition([], None)
    heard[0].append(segment((" Hello.", 2, 3, 0.9), no_speech_prob=0.9, avg_logprob=-0.2))
    assert [word.text for word in WhisperRecogniser()(SILENCE).words] == ["Hello."]


def test_empty_words_and_segments_without_words_are_left_out(heard):
    heard[0].append(segment((" ", 0, 1, 0.3)))
    heard[0].append(SimpleNamespace(words=None, no_speech_prob=0.0, avg_logprob=0.0))
    assert WhisperRecogniser()(SILENCE) == Recognition([], None)


def test_the_end_of_each_segment_is_reported(heard):
    segments, _ = heard
    for end in (np.float64(28.5), 40):
        segments.append(segment(("Hm.", 0, 1, 0.9)))
        segments[-1].end = end
    done = []
    WhisperRecogniser()(SILENCE, None, done.append)
    assert done == [28.5, 40.0] and all(type(seconds) is float for seconds in done)


def test_whisper_does_not_continue_its_own_text_and_listens_for_voices(heard):
    WhisperRecogniser("small")(SILENCE, "fr")
    assert heard[1]["folder"] == "/models/small" and heard[1]["language"] == "fr"
    assert heard[1]["vad_filter"] and heard[1]["word_timestamps"]
    assert heard[1]["condition_on_previous_text"] is False
