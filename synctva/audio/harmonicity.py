"""The harmonics-to-noise ratio, as Praat's "To Harmonicity (cc)" defines it."""

from __future__ import annotations

import numpy as np

from synctva.audio.frames import (
    SINC_DEPTH,
    fft_length,
    frame_times,
    local_maxima,
    local_means,
    refine_maxima,
    sample_before,
    windows,
)

TIME_STEP = 0.01  # s
FLOOR = 75.0  # Hz
SILENCE_THRESHOLD = 0.1  # of the largest amplitude
LARGEST_DB = 150.0
"""Value in dB of a frame that repeats itself exactly."""


def harmonicity(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """Return 10 log10(r / (1 - r)) dB for each frame, (T,); NaN where it is silent.

    r is the highest maximum of the cross-correlation of a stretch of 1/75 s with what follows it
    0 to 1/75 s later, normalized by the energies of both: a periodic sound of power r in noise of
    power 1 - r has it at its period (Boersma, 1993; Praat manual, "Sound: To Harmonicity (cc)...").
    A frame is silent where 2 - (local peak / global peak) / 0.1 exceeds r.

    Args:
        samples: (N,) float.
        sample_rate: in Hz.

    Returns:
        One value per 0.01 s; none if the sound is shorter than 2/75 s.
    """
    times = frame_times(len(samples), sample_rate, 2 / FLOOR, TIME_STEP)
    global_peak = np.abs(samples - samples.mean()).max() if len(samples) else 0.0
    if not len(times) or not global_peak > 0:
        return np.full(len(times), np.nan)
    ratio = np.empty(len(times))
    silence = np.empty(len(times))
    means = local_means(samples, sample_rate, times, 1 / FLOOR)
    # Only the interpolation reads lags beyond the last sample.
    padded = np.concatenate([samples, np.zeros(int(sample_rate / FLOOR) + 2 * SINC_DEPTH)])
    for block in range(0, len(times), 128):  # bounds the memory of long sounds
        part = slice(block, block + 128)
        curves, peaks = _cross_correlations(padded, sample_rate, times[part], means[part])
        silence[part] = 2 - np.minimum(1.0, peaks / global_peak) / SILENCE_THRESHOLD
        ratio[part] = _highest(curves)
    decibels = np.full(len(times), np.nan)
    sounding = (ratio > 0) & (ratio > silence)
    kept = np.clip(ratio[sounding], 1e-15, 1 - 1e-15)
    decibels[sounding] = np.clip(10 * np.log10(kept / (1 - kept)), -LARGEST_DB, LARGEST_DB)
    return decibels


def _cross_correlations(
    padded: np.ndarray, sample_rate: float, times: np.ndarray, means: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the normalized cross-correlation, (T, L), and the largest amplitude, (T,)."""
    period = int(sample_rate / FLOOR)
    half = period // 2 - 1
    length = 2 * half
    lags = length + SINC_DEPTH
    right = sample_before(times, sample_rate) + 1
    peaks = np.abs(windows(padded, right - half, length) - means).max(1)
    starts = np.maximum(0, sample_before(times - 1 / FLOOR, sample_rate))
    stretch = windows(padded, starts, length + lags) - means  # (T, W + L)
    size = fft_length(length + lags)
    first = np.fft.rfft(stretch[:, :length], size)
    product = np.fft.irfft(first.conj() * np.fft.rfft(stretch, size), size)[:, :lags]
    total = np.concatenate([np.zeros((len(times), 1)), np.cumsum(stretch**2, axis=1)], axis=1)
    energy = np.maximum(0.0, total[:, length : length + lags] - total[:, :lags])
    scale = np.sqrt(energy[:, :1] * energy)
    return np.where(scale > 0, product / np.where(scale > 0, scale, 1.0), 0.0), peaks


def _highest(curves: np.ndarray) -> np.ndarray:
    """Return r at the highest local maximum beyond lag 1, (T,); 0 if none is above 0."""
    inside = curves[:, : curves.shape[1] - SINC_DEPTH]
    found = local_maxima(inside) & (inside > 0)
    found[:, :2] = False
    # A sharp peak is higher than its samples, but not so much higher that a maximum whose sample is
    # below 0.7 of the highest could win.
    highest = np.where(found, inside, 0.0).max(1, keepdims=True)
    rows, columns = (found & (inside >= 0.7 * highest)).nonzero()
    heights = refine_maxima(curves, rows, columns)[1]
    heights = np.where(heights > 1, 1 / heights, heights)  # an artefact of the interpolation
    best = np.zeros(len(curves))
    np.maximum.at(best, rows, heights)
    return best


__all__ = ["harmonicity"]
