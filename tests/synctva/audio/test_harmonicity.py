import numpy as np
import pytest

from synctva.audio.harmonicity import harmonicity
from tests.support.sounds import embedded, glide, noise, tone


@pytest.mark.parametrize("ratio", [0.0, 5.0, 10.0, 20.0])
def test_ratio_of_a_voice_in_noise(ratio):
    voice = glide(150, 150, 3.0)
    deviation = np.sqrt((voice**2).mean() / 10 ** (ratio / 10))
    measured = harmonicity(voice + noise(3.0, deviation=deviation), 16_000)
    # A little too high, because of several periods the best fitting one counts.
    assert ratio - 0.5 < np.nanmean(measured) < ratio + 2


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_a_sine_is_far_above_noise(rate):
    assert np.nanmean(harmonicity(tone(200, rate=rate), rate)) > 40
    assert np.nanmean(harmonicity(noise(rate=rate), rate)) < 5


def test_amplification_does_not_matter():
    sound = glide(100, 200) + noise(deviation=0.02)
    np.testing.assert_allclose(
        harmonicity(8 * sound, 16_000), harmonicity(sound, 16_000), rtol=1e-6
    )


def test_shift_by_whole_steps_shifts_the_curve():
    sound = glide(100, 200, 0.5) + noise(0.5, deviation=0.01)
    early = harmonicity(embedded(sound, 0.1, 0.3), 16_000)
    late = harmonicity(embedded(sound, 0.2, 0.2), 16_000)
    np.testing.assert_allclose(early[:-10], late[10:], rtol=1e-6, atol=1e-6)


def test_silence_is_left_out():
    assert np.isnan(harmonicity(np.zeros(16_000), 16_000)).all()
    ratio = harmonicity(embedded(tone(200), 0.5, 0.5), 16_000)
    assert np.isnan(ratio[:40]).all()
    assert not np.isnan(ratio[60:140]).any()
    for samples in (0, 1, 420):
        assert harmonicity(np.ones(samples), 16_000).shape == (0,)
