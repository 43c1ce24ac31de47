import itertools

import numpy as np
import pytest

from synctva.audio.pitch import Pitch, PitchSettings, _best_path, pitch
from tests.support.sounds import embedded, glide, noise, tone


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("hertz", [80.0, 121.3, 220.0, 410.7, 580.0])
def test_pitch_of_a_sine(hertz, rate):
    contour = pitch(tone(hertz, 0.3, rate), rate)
    assert (contour.hertz > 0).all()
    np.testing.assert_allclose(contour.hertz, hertz, rtol=5e-4)


def test_pitch_of_a_glide():
    contour = pitch(glide(100, 200, 2.0), 16_000)
    expected = 100 + 50 * contour.times
    np.testing.assert_allclose(contour.hertz[5:-5], expected[5:-5], rtol=2e-3)


def test_amplification_and_offset_do_not_matter():
    sound = glide(100, 200) + noise(deviation=0.01)
    expected = pitch(sound, 16_000).hertz
    np.testing.assert_allclose(pitch(5 * sound, 16_000).hertz, expected)
    np.testing.assert_allclose(pitch(sound + 0.2, 16_000).hertz, expected, rtol=1e-6)


def test_noise_is_mostly_unvoiced_and_silence_is():
    assert (pitch(noise(2.0), 16_000).hertz > 0).mean() < 0.1
    assert not pitch(np.zeros(16_000), 16_000).hertz.any()
    contour = pitch(embedded(tone(200), 0.5, 0.5), 16_000)
    inside = (contour.times > 0.55) & (contour.times < 1.45)
    outside = (contour.times < 0.45) | (contour.times > 1.55)
    assert (contour.hertz[inside] > 0).all()
    assert not contour.hertz[outside].any()


def test_shift_by_whole_steps_shifts_the_contour():
    sound = glide(100, 200, 0.5)
    early = pitch(embedded(sound, 0.1, 0.3), 16_000).hertz
    late = pitch(embedded(sound, 0.2, 0.2), 16_000).hertz
    np.testing.assert_allclose(early[:-10], late[10:], rtol=1e-6)


def test_no_frame_in_a_sound_shorter_than_three_periods():
    for samples in (0, 1, 639):
        assert pitch(np.ones(samples), 16_000).hertz.shape == (0,)


def test_best_path_is_the_best_of_all_paths():
    rng = np.random.default_rng(0)
    settings = PitchSettings()
    frames, candidates = 5, 3
    hertz = rng.uniform(80, 500, (frames, candidates))
    hertz[:, 0] = 0
    strength = rng.uniform(0.3, 0.9, (frames, candidates))
    loudness = rng.uniform(0, 0.1, frames)

    def worth(path):
        total = 0.0
        for t, c in enumerate(path):
            if c == 0:
                quiet = 2 - loudness[t] * (1 + settings.voicing_threshold) / 0.03
                total += settings.voicing_threshold + max(0, quiet)
            else:
                total += strength[t, c] - 0.01 * np.log2(settings.ceiling / hertz[t, c])
            if t and (c == 0) != (path[t - 1] == 0):
                total -= settings.voicing_cost
            elif t and c:
                total -= 0.35 * abs(np.log2(hertz[t, c] / hertz[t - 1, path[t - 1]]))
        return total

    best = max(itertools.product(range(candidates), repeat=frames), key=worth)
    expected = hertz[np.arange(frames), list(best)]
    np.testing.assert_array_equal(_best_path(hertz, strength, loudness, settings), expected)


def test_pitch_between_the_frames():
    contour = Pitch(np.array([0.1, 0.2, 0.3]), np.array([100.0, 120.0, 0.0]))
    at = contour.at(np.array([0.04, 0.06, 0.15, 0.24, 0.26, 0.4]))
    np.testing.assert_allclose(at, [0, 100, 110, 120, 0, 0])
