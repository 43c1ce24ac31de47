import numpy as np
import pytest

from synctva.audio.contours import analyse
from synctva.audio.functionals import FUNCTIONALS, functionals
from synctva.audio.spectrum import DESCRIPTORS, spectral_descriptors
from tests.support.sounds import embedded, glide, noise, syllables, tone


def measured(sound, rate=16_000):
    return dict(zip(FUNCTIONALS, functionals(analyse(sound, rate)).tolist(), strict=True))


def test_names_are_distinct():
    assert len(set(FUNCTIONALS)) == len(FUNCTIONALS) == 84


def test_spectral_functionals_of_what_sounds_throughout():
    sound = noise(0.5)
    of = measured(sound)
    descriptors = spectral_descriptors(sound, 16_000)[1]
    for column, name in enumerate(DESCRIPTORS):
        curve = descriptors[:, column]
        assert of[f"{name}_mean"] == pytest.approx(curve.mean())
        assert of[f"{name}_std"] == pytest.approx(curve.std())
        assert of[f"{name}_change"] == pytest.approx(np.abs(np.diff(curve)).mean())


def test_pauses_do_not_count():
    sound = noise(1.0)
    of, within = measured(sound), measured(embedded(sound, 1.0, 1.0))
    assert within["sounding_fraction"] == pytest.approx(1 / 3, abs=0.03)
    assert within["centroid_mean"] == pytest.approx(of["centroid_mean"], rel=0.03)
    assert within["mfcc_1_mean"] == pytest.approx(of["mfcc_1_mean"], abs=0.2)


def test_pitch_in_semitones():
    of = measured(tone(220))
    assert of["semitones_mean"] == pytest.approx(36, abs=0.01)
    assert of["semitones_std"] == pytest.approx(0, abs=0.01)
    time = np.arange(32_000) / 16_000
    octave_a_second = 0.1 * np.sin(2 * np.pi * 110 * (2**time - 1) / np.log(2))
    of = measured(octave_a_second)
    assert of["semitones_trend"] == pytest.approx(12, rel=0.01)
    assert of["semitones_rise"] == pytest.approx(12, rel=0.02)
    assert of["semitones_q50"] == pytest.approx(36, abs=0.1)
    down = measured(octave_a_second[::-1].copy())
    assert down["semitones_fall"] == pytest.approx(-of["semitones_rise"], rel=0.01)


def test_amplification_adds_decibels_to_the_level():
    sound = glide(100, 200) * np.linspace(1, 0.3, 16_000) + noise(deviation=0.01)
    of, louder = measured(sound), measured(2 * sound)
    for name in FUNCTIONALS:
        gain = 20 * np.log10(2) if name.startswith("level_q") else 0
        assert louder[name] - of[name] == pytest.approx(gain, abs=1e-2), name


def test_rhythm_of_voiced_stretches():
    gap = np.zeros(3200)  # 0.2 s
    of = measured(np.concatenate([tone(200, 0.4), gap, tone(200, 0.4), gap, tone(200, 0.4)]))
    assert of["voiced_stretches"] == pytest.approx(3 / 1.6)
    assert of["voiced_length_mean"] == pytest.approx(0.4, abs=0.03)
    assert of["unvoiced_length_mean"] == pytest.approx(0.2, abs=0.03)
    assert of["voiced_fraction"] == pytest.approx(0.75, abs=0.05)


def test_position_within_silence_does_not_matter():
    sound = syllables(4)
    early, late = (
        functionals(analyse(embedded(sound, before, 1 - before), 16_000)) for before in (0.32, 0.48)
    )
    np.testing.assert_allclose(early, late, rtol=1e-3)


def test_undefined_where_nothing_is_voiced():
    undefined = {name for name, value in measured(noise(0.1)).items() if np.isnan(value)}
    semitones = {name for name in FUNCTIONALS if name.startswith("semitones")}
    assert undefined == semitones | {"voiced_length_mean", "voiced_length_std"}
    assert measured(noise(0.1))["unvoiced_length_mean"] == 0
