import numpy as np
import pytest

from synctva.audio.frames import (
    fft_length,
    frame_times,
    local_maxima,
    local_means,
    parabola,
    refine_maxima,
    sample_before,
    windows,
)


@pytest.mark.parametrize("samples", [640, 1000, 16_000, 16_001])
def test_frames_fit_and_lie_symmetrically(samples):
    times = frame_times(samples, 16_000, 0.04, 0.01)
    duration = samples / 16_000
    assert times[0] >= 0.02 - 1e-9
    assert times[0] + times[-1] == pytest.approx(duration)
    np.testing.assert_allclose(np.diff(times), 0.01)
    assert times[0] - 0.02 < 0.005 + 1e-9  # no further frame would fit


def test_no_frame_in_a_sound_shorter_than_a_window():
    assert frame_times(639, 16_000, 0.04, 0.01).shape == (0,)
    assert frame_times(0, 16_000, 0.04, 0.01).shape == (0,)


def test_windows_and_means_by_hand():
    samples = np.arange(100.0) ** 2
    np.testing.assert_array_equal(windows(samples, np.array([3, 95]), 10)[0], samples[3:13])
    np.testing.assert_array_equal(windows(samples, np.array([3, 95]), 10)[1], samples[90:])
    times = np.array([0.0, 0.5, 0.99])
    right = sample_before(times, 100) + 1
    by_hand = [samples[max(0, i - 20) : i + 20].mean() for i in right]
    np.testing.assert_allclose(local_means(samples, 100, times, 0.2)[:, 0], by_hand)


def test_fft_length_is_the_least_of_its_kind():
    kinds = sorted(m << a for m in (1, 3, 5) for a in range(12))
    for minimum in range(1, 2000):
        assert fft_length(minimum) == next(k for k in kinds if k >= minimum)


def test_local_maxima():
    assert local_maxima(np.array([5, 1, 3, 3, 2, 4])).nonzero()[0].tolist() == [2]


def test_parabola_is_exact_on_parabolas():
    top, height = np.array([-0.3, 0.0, 0.45]), np.array([2.0, -1.0, 7.0])
    values = [height - 3 * (place - top) ** 2 for place in (-1, 0, 1)]
    shift, maximum = parabola(*values)
    np.testing.assert_allclose(shift, top, atol=1e-12)
    np.testing.assert_allclose(maximum, height)
    assert parabola(*np.ones((3, 1)))[0] == 0


def test_maxima_between_the_samples():
    period = np.array([[7.3], [11.62], [20.0]])
    curves = np.cos(2 * np.pi * np.arange(120) / period)
    rows = np.arange(3)
    columns = np.rint(2 * period[:, 0]).astype(int)
    places, heights = refine_maxima(curves, rows, columns)
    np.testing.assert_allclose(places, 2 * period[:, 0], atol=0.003)
    np.testing.assert_allclose(heights, 1, atol=1e-3)
