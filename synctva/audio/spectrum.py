"""Mel-frequency cepstral coefficients and other descriptors of the short-time spectrum."""

from __future__ import annotations

import functools

import numpy as np

from synctva.audio.frames import fft_length, frame_times, windows

WINDOW = 0.025  # s
STEP = 0.01  # s
BANDS = 26
LOWEST = 20.0  # Hz
HIGHEST = 8_000.0  # Hz: the upper edge of the last band, whatever the sample rate
COEFFICIENTS = 13
FLOOR = 2**-30 / 12 / HIGHEST
"""Power per Hz of the rounding error of 16 bits. Smaller values carry no information."""

DESCRIPTORS = (
    *(f"mfcc_{index}" for index in range(1, COEFFICIENTS + 1)),
    "alpha_ratio",  # dB
    "hammarberg_index",  # dB
    "slope_50_500",  # dB per kHz
    "slope_500_1500",  # dB per kHz
    "centroid",  # Hz
    "spread",  # Hz
    "flux",  # 0 to √2
)
"""Descriptors of each frame."""


def spectral_descriptors(samples: np.ndarray, sample_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of the frames in s, (T,), and their `DESCRIPTORS`, (T, 20).

    With the power density P(f) of a frame (25 ms every 10 ms, Hann window, mean subtracted):

    | descriptor | formula |
    |---|---|
    | mfcc_k | √(2/26) Σ_b ln(E_b) cos(π k (b + 1/2) / 26); E_b is P averaged over mel band b |
    | alpha_ratio | power in 50-1000 Hz over that in 1-5 kHz |
    | hammarberg_index | highest P in 0-2 kHz over the highest in 2-5 kHz |
    | slope_a_b | slope of the regression line of 10 log10 P on f between a and b |
    | centroid, spread | mean and deviation of f weighted with P, up to 8 kHz |
    | flux | √Σ_b (√e_b - √e'_b)², e = E / Σ E in the frame and e' in the one before |

    The bands are triangles whose corners lie equally far apart in mel = 2595 log10(1 + f / 700)
    from 20 Hz to 8 kHz. Everything is in Hz and per Hz, so that the sample rate matters only where
    it cuts frequencies off: below 16 kHz, everything above half the sample rate counts as zero.
    mfcc_0, the level, is left out, so that amplification changes nothing unless the sound is close
    to the rounding error.

    Args:
        samples: (N,) float in [-1, 1].
        sample_rate: in Hz.
    """
    times = frame_times(len(samples), sample_rate, WINDOW, STEP)
    length = int(WINDOW * sample_rate)
    starts = np.rint(times * sample_rate - length / 2).astype(np.int64)
    window = np.hanning(length + 2)[1:-1]
    size = 2 * fft_length(length)
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)  # (F,)
    filters = mel_filters(size, sample_rate)  # (F, B)
    bands = np.empty((len(times), BANDS))
    shapes = np.empty((len(times), 6))
    for block in range(0, len(times), 256):  # bounds the memory of long sounds
        framed = windows(samples, starts[block : block + 256], length)
        framed = (framed - framed.mean(1, keepdims=True)) * window
        power = np.abs(np.fft.rfft(framed, size)) ** 2 / ((window**2).sum() * sample_rate)
        bands[block : block + 256] = power @ filters
        shapes[block : block + 256] = _shapes(power, hertz)
    order = np.arange(1, COEFFICIENTS + 1)
    cosines = np.cos(np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, order)) * np.sqrt(2 / BANDS)
    cepstrum = np.log(bands + FLOOR) @ cosines  # (T, 13)
    roots = np.sqrt(bands / np.maximum(bands.sum(1, keepdims=True), FLOOR))
    flux = np.zeros((len(times), 1))
    flux[1:, 0] = np.linalg.norm(np.diff(roots, axis=0), axis=1)
    return times, np.concatenate([cepstrum, shapes, flux], axis=1)


@functools.lru_cache(maxsize=8)
def mel_filters(size: int, sample_rate: float) -> np.ndarray:
    """Return the mel bands' weights, (size // 2 + 1, 26); each sums to 1, or 0 out of range."""
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)[:, None]
    lowest, highest = 2595 * np.log10(1 + np.array([LOWEST, HIGHEST]) / 700)
    mels = np.linspace(lowest, highest, BANDS + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hertz - left) / (middle - left), (right - hertz) / (right - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    total = weights.sum(0)
    return weights / np.where(total > 0, total, 1.0)


def _shapes(power: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    """Compute the descriptors from alpha_ratio to spread: (T, F), (F,) → (T, 6)."""
    floored = power + FLOOR

    def between(low: float, high: float) -> np.ndarray:
        return (hertz >= low) & (hertz < high)

    def total(low: float, high: float) -> np.ndarray:
        return power[:, between(low, high)].sum(1) * hertz[1] + FLOOR * (high - low)

    def peak(low: float, high: float) -> np.ndarray:
        return power[:, between(low, high)].max(1, initial=0.0) + FLOOR

    def slope(low: float, high: float) -> np.ndarray:
        inside = between(low, high)
        place = (hertz[inside] - hertz[inside].mean()) / 1000
        return 10 * np.log10(floored[:, inside]) @ place / (place @ place)

    reach = between(0, HIGHEST)
    share = floored[:, reach] / floored[:, reach].sum(1, keepdims=True)
    centroid = share @ hertz[reach]
    variance = share @ hertz[reach] ** 2 - centroid**2
    return np.stack(
        [
            10 * np.log10(total(50, 1000) / total(1000, 5000)),
            10 * np.log10(peak(0, 2000) / peak(2000, 5000)),
            slope(50, 500),
            slope(500, 1500),
            centroid,
            np.sqrt(np.maximum(0.0, variance)),
        ],
        axis=1,
    )


__all__ = ["DESCRIPTORS", "mel_filters", "spectral_descriptors"]
