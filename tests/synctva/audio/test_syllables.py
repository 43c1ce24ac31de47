import numpy as np
import pytest

from synctva.audio.intensity import Intensity, intensity
from synctva.audio.syllables import articulation_rate, intensity_peaks, sounding_intervals
from tests.support.sounds import embedded, noise, syllables, tone


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("count", [3, 6])
def test_all_swells_but_the_last_are_counted(count, rate):
    sound = syllables(count, rate)
    assert articulation_rate(sound, rate) == pytest.approx((count - 1) / (0.25 * count))


def test_peaks_are_where_the_voice_swells():
    peaks = intensity_peaks(intensity(syllables(4), 16_000, 50.0))
    np.testing.assert_allclose(peaks, [0.125, 0.375, 0.625], atol=0.01)


def test_pauses_do_not_count_as_phonation():
    sound = syllables(5)
    with_pause = np.concatenate([sound, np.zeros(16_000), sound])
    intervals = sounding_intervals(intensity(with_pause, 16_000, 50.0), 3.5)
    np.testing.assert_allclose(intervals, [[0, 1.25], [2.25, 3.5]], atol=0.07)
    # All but the last of the ten: the pause's dip keeps the fifth.
    phonation = (intervals[:, 1] - intervals[:, 0]).sum()
    assert articulation_rate(with_pause, 16_000) == pytest.approx(9 / phonation)


def test_short_stretches_join_their_neighbours():
    times = 0.05 * np.arange(40) + 0.025
    level = np.full(40, 60.0)
    level[10:14] = 20  # a pause of 0.2 s
    level[20:30] = 20  # a pause of 0.5 s, with a click of 0.05 s in it
    level[25] = 60
    intervals = sounding_intervals(Intensity(times, level), 2.0)
    np.testing.assert_allclose(intervals, [[0, 1.025], [1.525, 2.0]])


def test_amplification_and_shift_do_not_matter():
    sound = syllables(5)
    rate = articulation_rate(sound, 16_000)
    assert articulation_rate(0.1 * sound, 16_000) == pytest.approx(rate)
    shifted = [embedded(sound, before, 1 - before) for before in (0.4, 0.56)]
    assert articulation_rate(shifted[0], 16_000) == pytest.approx(
        articulation_rate(shifted[1], 16_000)
    )


@pytest.mark.parametrize(
    "sound", [np.zeros(0), np.ones(1), np.zeros(16_000), tone(100, 0.1), syllables(1), noise()]
)
def test_undefined_where_there_is_no_nucleus(sound):
    assert np.isnan(articulation_rate(sound, 16_000))
