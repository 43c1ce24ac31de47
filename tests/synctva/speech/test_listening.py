from itertools import pairwise

import numpy as np
import pytest

from synctva.speech import listening
from synctva.speech.listening import LONGEST, VoiceBook, listen
from synctva.speech.recognition import SAMPLE_RATE, Recognition, Word

LOUD = 0.5


@pytest.fixture(autouse=True)
def energy_for_voice_activity(monkeypatch):
    """Take for speech what is loud, with pauses from 0.2 s on."""

    def spans(samples):
        loud = np.flatnonzero(np.abs(samples) > LOUD / 2) / SAMPLE_RATE
        if not len(loud):
            return []
        cuts = [i for i, (a, b) in enumerate(pairwise(loud)) if b - a > 0.2]
        starts = [loud[0], *(loud[i + 1] for i in cuts)]
        return list(zip(starts, [*(loud[i] for i in cuts), loud[-1]], strict=True))

    monkeypatch.setattr(listening, "detect_speech", spans)


class WordPerSpan:
    """Hears a word in each half second that is loud, numbered by the whole sound."""

    def __init__(self):
        self.heard = 0
        self.languages = []

    def __call__(self, samples, language, heard=None):
        words = []
        self.languages.append(language)
        for start, end in listening.detect_speech(samples):
            for begin in np.arange(start, end - 0.05, 0.5):
                words.append(Word(f"w{self.heard}", begin, min(end, begin + 0.45), 0.9))
                self.heard += 1
        return Recognition(words, "en" if words else None)


def sound(*spans, seconds):
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for start, end in spans:
        samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = LOUD
    return samples


def pieces(samples, size):
    return [samples[i : i + size] for i in range(0, len(samples), size)]


@pytest.mark.parametrize("size", [1_600, 5_000, 40_000, 10**6])
def test_an_utterance_ends_at_a_pause_however_the_sound_is_cut(size):
    whole = sound((1.0, 2.0), (2.3, 3.0), (5.0, 6.0), seconds=8.0)
    found = list(listen(pieces(whole, size), WordPerSpan(), speakers=1))
    times = [(utterance["start"], utterance["end"]) for utterance, _ in found]
    assert times[0] == pytest.approx((1.0, 3.0), abs=0.06)
    assert times[-1][1] == pytest.approx(6.0, abs=0.06)
    for utterance, samples in found:
        assert utterance["speaker"] == "Speaker 1"
        length = utterance["end"] - utterance["start"]
        assert len(samples) / SAMPLE_RATE == pytest.approx(length, abs=0.01)
    assert " ".join(u["text"] for u, _ in found).split() == [f"w{i}" for i in range(6)]


def test_an_utterance_is_answered_before_the_sound_goes_on():
    read = []

    def live():
        for number, piece in enumerate(pieces(sound((1.0, 2.0), seconds=9.0), 1_600)):
            read.append(number)
            yield piece

    next(listen(live(), WordPerSpan(), speakers=1))
    assert len(read) * 0.1 == pytest.approx(2.0 + listening.PAUSE + listening.EVERY, abs=0.5)


def test_the_last_utterance_needs_no_pause():
    ((utterance, _),) = listen([sound((0.5, 1.2), seconds=1.2)], WordPerSpan(), speakers=1)
    assert utterance["end"] == pytest.approx(1.2, abs=0.1)


def test_speech_without_a_pause_is_cut_between_words():
    whole = sound((0.5, 40.0), seconds=41.0)
    found = [u for u, _ in listen(pieces(whole, 8_000), WordPerSpan(), speakers=1)]
    assert len(found) >= 40 / (LONGEST + 1)
    for before, after in pairwise(found):
        assert before["end"] <= after["start"] + 0.01
        assert after["start"] - before["end"] < 0.6, "nothing is left out"


@pytest.mark.parametrize("given", [[], [np.zeros(0, np.float32)], [sound(seconds=30.0)]])
def test_silence_has_no_utterances(given):
    recogniser = WordPerSpan()
    assert list(listen(given, recogniser)) == []
    assert not recogniser.languages, "silence is not given to the recogniser"


def test_the_language_is_detected_once_or_given():
    whole = pieces(sound((0.5, 1.0), (3.0, 3.5), (5.0, 5.5), seconds=7.0), 4_000)
    recogniser = WordPerSpan()
    list(listen(whole, recogniser, speakers=1))
    assert recogniser.languages == [None, "en", "en"]
    recogniser = WordPerSpan()
    list(listen(whole, recogniser, language="de", speakers=1))
    assert set(recogniser.languages) == {"de"}


def test_wrong_numbers_of_speakers_are_refused():
    with pytest.raises(ValueError, match="speakers = 0: expected at least 1"):
        next(listen([], WordPerSpan(), speakers=0))


def test_voices_keep_their_numbers(monkeypatch):
    """The first sample says whose voice it is."""
    monkeypatch.setattr(listening, "embed_voice", lambda samples: np.eye(9)[int(samples[0])])

    def say(book, who, seconds=2.0):
        return book.number(np.full(round(seconds * SAMPLE_RATE), float(who)))

    book = VoiceBook()
    assert [say(book, who) for who in (3, 5, 3, 5, 1)] == [0, 1, 0, 1, 2]
    assert say(book, 7, seconds=0.3) == 2, "too short for a new voice: who spoke last"
    two = VoiceBook(2)
    assert [say(two, who) for who in (3, 5)] == [0, 1]
    assert say(two, 1) in (0, 1)
    assert {say(VoiceBook(1), who) for who in (3, 5)} == {0}
