"""Parts of a recording get speakers by their voices."""

import numpy as np
import pytest

from synctva.speech import speakers
from synctva.speech.speakers import assign_speakers
from tests.support import synthetic_speech

from .test_voice_encoder import voice

SILENCE = np.zeros(8_000, dtype=np.float32)


def recording(pitches, seconds=3.0):
    """Parts of these pitches with half a second between them: samples, and their times."""
    parts, sounds, time = [], [], 0.0
    for number, pitch in enumerate(pitches):
        sound = voice(pitch, seconds, number)
        sounds += [sound, SILENCE]
        parts.append((time, time + seconds))
        time += seconds + 0.5
    return np.concatenate(sounds), parts


@pytest.fixture
def by_loudness(monkeypatch):
    """Replace the network: a voice is as loud as its sound, from the first axis to the second."""

    def embed(samples):
        angle = np.pi / 2 * np.abs(samples).max()
        return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)

    monkeypatch.setattr(speakers, "embed_voice", embed)


def loud(*levels, seconds=3.0):
    """Parts of constant loudness: samples, and their times."""
    length = round(seconds * 16_000)
    samples = np.repeat(np.array(levels, dtype=np.float32), length)
    return samples, [(i * seconds, (i + 1) * seconds) for i in range(len(levels))]


@pytest.mark.usefixtures("by_loudness")
def test_the_number_is_estimated_from_how_much_voices_differ():
    assert assign_speakers(*loud(0.1, 0.12, 0.9, 0.1, 0.92)) == [0, 0, 1, 0, 1]
    assert assign_speakers(*loud(0.1, 0.12, 0.15, 0.1)) == [0] * 4
    assert assign_speakers(*loud(0.0, 0.5, 1.0, 0.5, 0.0, 1.0)) == [0, 1, 2, 1, 0, 2]
    # Short parts have to differ more.
    assert assign_speakers(*loud(*[0.0, 0.5, 0.0, 0.5] * 4, seconds=3)) == [0, 1, 0, 1] * 4
    assert assign_speakers(*loud(*[0.0, 0.5, 0.0, 0.5] * 4, seconds=1)) == [0] * 16


def test_voices_are_told_apart_and_numbered_in_order_of_appearance():
    samples, parts = recording([300, 100, 300, 100, 100])
    assert assign_speakers(samples, parts, 2) == [0, 1, 0, 1, 1]


def test_one_voice_is_one_speaker():
    samples, parts = recording([120] * 5)
    assert assign_speakers(samples, parts) == [0] * 5


def test_the_number_can_be_given():
    samples, parts = recording([300, 100, 300, 100])
    assert assign_speakers(samples, parts, 1) == [0] * 4
    assert len(set(assign_speakers(samples, parts, 3))) == 3


@pytest.mark.usefixtures("by_loudness")
def test_a_short_part_joins_the_nearest_voice():
    samples, parts = loud(0.0, 1.0, 0.1, 0.9, 0.6)
    parts[-1] = (parts[-1][0], parts[-1][0] + 0.5)  # alone it would be a voice of its own
    assert assign_speakers(samples, parts) == [0, 1, 0, 1, 1]


def test_somebody_who_hardly_speaks_is_not_a_speaker():
    samples, parts = recording([100, 100, 100])
    other = voice(300, 1.5)
    samples = np.concatenate([samples, other])
    parts.append((len(samples) / 16_000 - 1.5, len(samples) / 16_000))
    assert assign_speakers(samples, parts) == [0] * 4
    assert assign_speakers(samples, parts, 2) == [0, 0, 0, 1]


@pytest.mark.parametrize("parts", [[], [(0.0, 1.0)]])
def test_one_part_needs_no_voices(parts):
    assert assign_speakers(np.zeros(16_000, np.float32), parts) == [0] * len(parts)


def test_more_speakers_than_parts_are_as_many_as_there_are():
    samples, parts = recording([300, 100])
    assert assign_speakers(samples, parts, 5) == [0, 1]


def test_no_speakers_are_refused():
    with pytest.raises(ValueError, match="speakers = 0: expected at least 1"):
        assign_speakers(np.zeros(16_000, np.float32), [(0, 1)], 0)


@pytest.mark.skipif(not synthetic_speech.available(), reason="espeak-ng is not installed")
@pytest.mark.parametrize("voices", [("deep", "bright"), ("scottish", "caribbean")])
def test_synthetic_voices_of_different_families_are_told_apart(voices):
    spoken = synthetic_speech.converse(voices, 40, seed=3)
    times = [(turn.start, turn.end) for turn in spoken.turns]
    found = assign_speakers(spoken.samples, times)
    first = [turn.speaker == spoken.turns[0].speaker for turn in spoken.turns]
    assert [speaker == 0 for speaker in found] == first and len(set(found)) == 2
