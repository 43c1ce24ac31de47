import numpy as np
import pytest

from synctva.audio.contours import analyse, checked_samples
from tests.support.sounds import tone


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros((2, 100)), 16_000, r"samples.shape = \(2, 100\): expected \(N,\), one channel"),
        (np.zeros(100, dtype=np.int16), 16_000, "samples.dtype = int16: expected float"),
        (np.zeros(100), 3_999, "sample_rate = 3999: expected at least 4000"),
        (np.zeros(100), float("nan"), "sample_rate = nan"),
        (np.zeros(100), float("inf"), "sample_rate = inf"),
        (np.array([0.0, np.nan]), 16_000, r"samples\[1\] = nan: expected a number in \[-1, 1\]"),
        (np.array([0.0, 0.1, -np.inf]), 16_000, r"samples\[2\] = -inf"),
        (np.array([0.0, 12_000.0]), 16_000, r"samples\[1\] = 12000.0"),
    ],
)
def test_refuses(samples, rate, message):
    with pytest.raises(ValueError, match=message):
        checked_samples(samples, rate)


def test_copies_to_float64():
    samples = np.array([0.5, -0.5], dtype=np.float32)
    checked = checked_samples(samples, 8_000)
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, samples)
    assert checked_samples([], 8_000).shape == (0,)


def test_contours_of_a_tone():
    contours = analyse(tone(200, 0.5), 16_000)
    assert contours.duration == 0.5
    assert len(contours.level.times) == len(contours.level.decibels) == 55
    assert len(contours.pitch.times) == 47
    assert len(contours.harmonicity) == 48
