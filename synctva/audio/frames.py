"""Positions of analysis frames, and maxima of curves between their samples."""

from __future__ import annotations

import numpy as np

SINC_DEPTH = 30
"""Number of samples on either side that an interpolated value depends on."""

STEPS_PER_SAMPLE = 8


def frame_times(num_samples: int, sample_rate: float, window: float, step: float) -> np.ndarray:
    """Return the centres in s, (T,), of all frames that fit, placed symmetrically in the sound.

    T = ⌊(duration - window) / step⌋ + 1, none where the sound is shorter than one window.

    Args:
        num_samples: of the sound.
        sample_rate: in Hz.
        window: length of a frame in s.
        step: distance of two centres in s.
    """
    duration = num_samples / sample_rate
    if duration < window:
        return np.empty(0)
    count = int((duration - window) / step) + 1
    return duration / 2 + (np.arange(count) - (count - 1) / 2) * step


def sample_before(times: np.ndarray, sample_rate: float) -> np.ndarray:
    """Return the last sample at or before each time, where sample i is at (i + 1/2) / rate."""
    return np.floor(times * sample_rate - 0.5).astype(np.int64)


def windows(samples: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Copy `length` samples from each start, (T, length); windows are moved inside the sound."""
    view = np.lib.stride_tricks.sliding_window_view(samples, length)
    return view[np.clip(starts, 0, len(view) - 1)]


def local_means(
    samples: np.ndarray, sample_rate: float, times: np.ndarray, reach: float
) -> np.ndarray:
    """Return the mean, (T, 1), of the samples within `reach` s of each time."""
    total = np.concatenate([[0.0], np.cumsum(samples)])
    count = int(sample_rate * reach)
    right = sample_before(times, sample_rate) + 1
    first = np.clip(right - count, 0, len(samples) - 1)
    last = np.clip(right + count, first + 1, len(samples))
    return ((total[last] - total[first]) / (last - first))[:, None]


def fft_length(minimum: int) -> int:
    """Return the smallest 2^a, 3 · 2^a or 5 · 2^a of at least `minimum`, for a fast FFT."""
    return min(m << max(0, (-(-minimum // m) - 1).bit_length()) for m in (1, 3, 5))


def local_maxima(curves: np.ndarray) -> np.ndarray:
    """Mark values above the one before and not below the next, (..., N) bool; never the ends."""
    found = np.zeros(curves.shape, dtype=bool)
    inside = curves[..., 1:-1]
    found[..., 1:-1] = (inside > curves[..., :-2]) & (inside >= curves[..., 2:])
    return found


def refine_maxima(
    curves: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the positions and heights of maxima between samples, by windowed sinc interpolation.

    The curve is evaluated on eighths of a sample around the maximum; a parabola through the three
    highest gives the rest.

    Args:
        curves: (T, L) even functions of their column, such as an autocorrelation from lag 0 on.
        rows: (M,) row of each maximum.
        columns: (M,) column of the sample that is a local maximum.

    Returns:
        Two (M,) arrays: fractional column, value there.
    """
    taps = np.arange(-SINC_DEPTH, SINC_DEPTH + 1)
    places = np.abs(columns[:, None] + taps)  # (M, taps): an even function's mirror image
    around = curves[rows[:, None], np.minimum(places, curves.shape[1] - 1)]
    fine = around @ _KERNEL  # (M, G)
    best = np.clip(fine.argmax(1), 1, fine.shape[1] - 2)
    row = np.arange(len(fine))
    shift, height = parabola(fine[row, best - 1], fine[row, best], fine[row, best + 1])
    return columns + _OFFSETS[best] + shift / STEPS_PER_SAMPLE, height


def parabola(
    left: np.ndarray, middle: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the maximum of the parabola through three samples: its shift in samples, its height.

    If the middle sample is not the highest of the three, or all are equal, it is the result itself.
    """
    slope = (right - left) / 2
    curvature = 2 * middle - left - right
    peaked = (curvature > 0) & (np.abs(slope) <= curvature)
    shift = np.where(peaked, slope / np.where(peaked, curvature, 1.0), 0.0)
    return shift, middle + slope * shift / 2


def _sinc_kernel() -> tuple[np.ndarray, np.ndarray]:
    offsets = np.arange(-STEPS_PER_SAMPLE, STEPS_PER_SAMPLE + 1) / STEPS_PER_SAMPLE
    distances = offsets[None] - np.arange(-SINC_DEPTH, SINC_DEPTH + 1)[:, None]  # (taps, G)
    taper = 0.5 + 0.5 * np.cos(np.pi * distances / (SINC_DEPTH + 1))
    return offsets, np.sinc(distances) * taper


_OFFSETS, _KERNEL = _sinc_kernel()

__all__ = [
    "fft_length",
    "frame_times",
    "local_maxima",
    "local_means",
    "parabola",
    "refine_maxima",
    "sample_before",
    "windows",
]
