import numpy as np
import pytest

from synctva.audio.contours import analyse
from synctva.audio.prosody import PROSODY_MEASURES, prosody
from tests.support.sounds import embedded, glide, noise, syllables, tone


def measures(sound, rate=16_000):
    return dict(zip(PROSODY_MEASURES, prosody(analyse(sound, rate)).tolist(), strict=True))


def test_a_tone():
    of = measures(tone(200, 1.5, amplitude=0.2))
    assert of["duration"] == 1.5
    assert of["avg_intensity"] == pytest.approx(10 * np.log10(0.02 / 4e-10), abs=0.01)
    assert of["intensity_variation"] == pytest.approx(0, abs=0.01)
    assert of["avg_pitch"] == pytest.approx(200, rel=1e-3)
    assert of["pitch_std"] == pytest.approx(0, abs=0.05)
    assert of["pitch_range"] == pytest.approx(0, abs=0.2)
    assert np.isnan(of["articulation_rate"])
    assert of["mean_hnr"] > 40


def test_a_glide():
    of = measures(glide(120, 240, 2.0))
    assert of["avg_pitch"] == pytest.approx(180, rel=0.01)
    assert of["pitch_range"] == pytest.approx(120, rel=0.05)
    assert of["pitch_std"] == pytest.approx(120 / np.sqrt(12), rel=0.05)


def test_amplification_changes_only_the_level():
    sound = syllables(5) + noise(1.25, deviation=0.001)
    difference = prosody(analyse(4 * sound, 16_000)) - prosody(analyse(sound, 16_000))
    expected = np.zeros(8)
    expected[1] = 20 * np.log10(4)
    np.testing.assert_allclose(difference, expected, atol=1e-6)


def test_position_within_silence_does_not_matter():
    sound = syllables(5)
    early, late = (embedded(sound, before, 1 - before) for before in (0.32, 0.48))
    np.testing.assert_allclose(
        prosody(analyse(early, 16_000)), prosody(analyse(late, 16_000)), rtol=1e-3
    )


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_the_sample_rate_hardly_matters(rate):
    of, reference = (prosody(analyse(syllables(5, r), r)) for r in (rate, 16_000))
    np.testing.assert_allclose(of[:7], reference[:7], rtol=0.005, atol=0.05)


def test_unvoiced_and_silent():
    of = measures(noise(0.06))
    assert np.isnan([of["avg_intensity"], of["intensity_variation"], of["avg_pitch"]]).all()
    assert of["pitch_std"] == of["pitch_range"] == 0
    of = measures(np.zeros(16_000))
    assert of["duration"] == 1
    assert np.isnan([of[name] for name in PROSODY_MEASURES if "pitch_" not in name][1:]).all()
    for samples in (0, 1):
        assert np.isnan(prosody(analyse(np.zeros(samples), 16_000))[1:]).all()
