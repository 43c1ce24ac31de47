import numpy as np
import pytest

from synctva.audio.intensity import SILENT_FRAME_DB, energy_mean, intensity
from tests.support.sounds import embedded, noise, tone


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("amplitude", [0.001, 0.1, 1.0])
def test_level_of_a_sine(rate, amplitude):
    level = intensity(tone(250, rate=rate, amplitude=amplitude), rate).decibels
    np.testing.assert_allclose(level, 10 * np.log10(amplitude**2 / 2 / 4e-10), atol=0.01)


def test_amplification_adds_decibels():
    sound = noise()
    np.testing.assert_allclose(
        intensity(10 * sound, 16_000).decibels, intensity(sound, 16_000).decibels + 20
    )


def test_an_offset_does_not_count():
    sound = noise()
    shifted = intensity(sound + 0.25, 16_000).decibels
    np.testing.assert_allclose(shifted, intensity(sound, 16_000).decibels, atol=1e-9)


def test_shift_by_whole_steps_shifts_the_curve():
    sound = noise(0.5)
    # An odd number of samples: the centres of the frames are samples, and need no rounding.
    sound = np.append(sound, 0)
    early = intensity(embedded(sound, 0.08, 0.24), 16_000).decibels
    late = intensity(embedded(sound, 0.16, 0.16), 16_000).decibels
    np.testing.assert_allclose(early[:-10], late[10:], atol=1e-9)


def test_frames_are_computed_alike_in_every_block():
    sound = noise(3.0)  # more frames than one block
    whole = intensity(sound, 16_000)
    frame = 300
    start = round((whole.times[frame] - 0.032) * 16_000)
    alone = intensity(sound[start : start + 1024], 16_000)
    assert len(alone.times) == 1
    assert alone.decibels[0] == pytest.approx(whole.decibels[frame], abs=0.01)


def test_silence_and_shortness():
    assert (intensity(np.zeros(2000), 16_000).decibels == SILENT_FRAME_DB).all()
    for samples in (0, 1, 1023):
        assert intensity(np.ones(samples), 16_000).decibels.shape == (0,)


def test_energy_mean_is_of_powers():
    assert energy_mean(np.array([60.0, 60.0])) == pytest.approx(60)
    assert energy_mean(np.array([60.0, SILENT_FRAME_DB])) == pytest.approx(60 - 3.0103)
