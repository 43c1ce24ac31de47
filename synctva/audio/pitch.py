"""Pitch by the autocorrelation method of Boersma (1993), as Praat's "To Pitch (ac)" sets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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

PERIODS_PER_WINDOW = 3
CANDIDATES = 15
"""Candidates per frame, including the unvoiced one."""


@dataclass(frozen=True)
class PitchSettings:
    """Praat's parameters of the path finder; the defaults are those of "To Pitch: 0, 75, 600"."""

    floor: float = 75.0  # Hz
    ceiling: float = 600.0  # Hz
    time_step: float = 0.01  # s: 0.75 / floor
    silence_threshold: float = 0.03  # of the largest amplitude
    voicing_threshold: float = 0.45  # of the autocorrelation
    octave_cost: float = 0.01  # per octave, so that of equal candidates the highest wins
    octave_jump_cost: float = 0.35  # per octave, at a time step of 0.01 s
    voicing_cost: float = 0.14  # per change of voicing, at a time step of 0.01 s


class Pitch(NamedTuple):
    """A pitch contour."""

    times: np.ndarray
    """(T,) centres of the frames in s."""
    hertz: np.ndarray
    """(T,) Hz; 0 where unvoiced."""

    def at(self, times: np.ndarray) -> np.ndarray:
        """Interpolate the pitch, (M,) Hz, linearly between voiced frames; 0 where unvoiced.

        As in Praat, if only the nearest of the two frames around a time is voiced, the time has
        that frame's pitch. Times more than half a step outside the first and last centre have none.
        """
        if not len(self.times):
            return np.zeros(len(times))
        step = self.times[1] - self.times[0] if len(self.times) > 1 else np.inf
        place = np.zeros(len(times)) if np.isinf(step) else (times - self.times[0]) / step
        left = np.floor(place).astype(np.int64)
        near = np.rint(place).astype(np.int64)
        last = len(self.times) - 1
        below, above = (self.hertz[np.clip(i, 0, last)] for i in (left, left + 1))
        nearest = np.where((near >= 0) & (near <= last), self.hertz[np.clip(near, 0, last)], 0.0)
        between = (left >= 0) & (left < last) & (below > 0) & (above > 0)
        return np.where(between, below + (above - below) * (place - left), nearest)


def pitch(samples: np.ndarray, sample_rate: float, settings: PitchSettings | None = None) -> Pitch:
    """Find the most likely contour through the candidates of all frames.

    A frame's candidates are the maxima of r(τ) = r_xw(τ) / r_w(τ): the normalized autocorrelation
    of the Hanning-windowed frame of three longest periods over that of the window, which undoes the
    window's taper (P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
    harmonics-to-noise ratio of a sampled sound", Proceedings of the Institute of Phonetic Sciences
    17, Amsterdam, 1993). Their strengths, r - octave_cost · log2(ceiling / f), compete with that of
    unvoiced, voicing_threshold + max(0, 2 - (local peak / global peak) · (1 + voicing_threshold) /
    silence_threshold); the path with the greatest sum of strengths less transition costs wins.

    Args:
        samples: (N,) float.
        sample_rate: in Hz.
        settings: those of "To Pitch: 0, 75, 600" if None.

    Returns:
        The contour. It has no frames if the sound is shorter than three longest periods.
    """
    settings = settings or PitchSettings()
    times = frame_times(
        len(samples), sample_rate, PERIODS_PER_WINDOW / settings.floor, settings.time_step
    )
    global_peak = np.abs(samples - samples.mean()).max() if len(samples) else 0.0
    if not len(times) or not global_peak > 0:
        return Pitch(times, np.zeros(len(times)))
    hertz = np.zeros((len(times), CANDIDATES))
    strength = np.zeros((len(times), CANDIDATES))
    loudness = np.empty(len(times))
    means = local_means(samples, sample_rate, times, 1 / settings.floor)
    for block in range(0, len(times), 128):  # bounds the memory of long sounds
        part = slice(block, block + 128)
        curves, peaks = _autocorrelations(
            samples, sample_rate, times[part], means[part], settings.floor
        )
        loudness[part] = np.minimum(1.0, peaks / global_peak)
        hertz[part], strength[part] = _candidates(curves, sample_rate, settings)
    return Pitch(times, _best_path(hertz, strength, loudness, settings))


def _autocorrelations(
    samples: np.ndarray, sample_rate: float, times: np.ndarray, means: np.ndarray, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return r(τ) from lag 0 on, (T, L), and the largest amplitude near each frame's centre, (T,).

    L reaches beyond the longest period by what the interpolation needs.
    """
    period = int(sample_rate / floor)
    half = int(PERIODS_PER_WINDOW / floor * sample_rate) // 2 - 1
    lags = 2 * half // PERIODS_PER_WINDOW + SINC_DEPTH + 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 2 * half + 1) / (2 * half + 1))
    right = sample_before(times, sample_rate) + 1
    framed = windows(samples, right - half, 2 * half)  # (T, W)
    framed -= means
    framed *= window
    reach = period // 2 + 1
    peaks = np.abs(framed[:, max(0, half - reach) : half + reach]).max(1)
    size = fft_length(2 * half + lags)
    curves = _autocorrelation(framed, size)[:, :lags]
    curves /= np.where(curves[:, :1] > 0, curves[:, :1], 1.0)
    of_window = _autocorrelation(window[None], size)[:, :lags]
    return curves * (of_window[:, :1] / of_window), peaks


def _autocorrelation(framed: np.ndarray, size: int) -> np.ndarray:
    spectrum = np.fft.rfft(framed, size)
    return np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)


def _candidates(
    curves: np.ndarray, sample_rate: float, settings: PitchSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return Hz and r of the strongest maxima, (T, C) each. The first is unvoiced, 0 Hz."""
    inside = curves[:, : curves.shape[1] - SINC_DEPTH]
    found = local_maxima(inside) & (inside > settings.voicing_threshold / 2)
    found[:, :2] = False
    rows, columns = found.nonzero()
    lags, heights = refine_maxima(curves, rows, columns)
    hertz = sample_rate / lags
    heights = np.where(heights > 1, 1 / heights, heights)  # an artefact of the interpolation
    score = heights - settings.octave_cost * np.log2(settings.floor / hertz)
    order = np.lexsort((-score, rows))
    rows, hertz, heights = rows[order], hertz[order], heights[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    # Maxima above the ceiling count among the strongest, but are not candidates.
    kept = (rank < CANDIDATES) & (hertz < settings.ceiling)
    table = np.zeros((2, len(curves), CANDIDATES))
    table[:, rows[kept], rank[kept]] = hertz[kept], heights[kept]
    return table[0], table[1]


def _best_path(
    hertz: np.ndarray, strength: np.ndarray, loudness: np.ndarray, settings: PitchSettings
) -> np.ndarray:
    """Return the Hz of the candidates on the best path (Viterbi), (T,)."""
    quiet = 2 - loudness * (1 + settings.voicing_threshold) / settings.silence_threshold
    unvoiced = settings.voicing_threshold + np.maximum(0.0, quiet)  # (T,)
    voiced = hertz > 0
    octaves = np.log2(np.where(voiced, hertz, settings.ceiling))  # (T, C)
    low = settings.octave_cost * (np.log2(settings.ceiling) - octaves)
    local = np.where(voiced, strength - low, -np.inf)
    local[:, 0] = unvoiced
    correction = 0.01 / settings.time_step
    jump = settings.octave_jump_cost * correction
    change = settings.voicing_cost * correction
    came_from = np.zeros(hertz.shape, dtype=np.int64)
    total = local[0]
    for block in range(1, len(hertz), 128):  # bounds the memory of long sounds
        now = octaves[block : block + 128]
        before = octaves[block - 1 : block - 1 + len(now)]
        transition = jump * np.abs(before[:, :, None] - now[:, None])  # (B, C, C)
        transition[:, 0] = change
        transition[:, :, 0] = change
        transition[:, 0, 0] = 0.0
        for frame, cost in enumerate(transition, block):
            reached = total[:, None] - cost
            came_from[frame] = reached.argmax(0)
            total = reached.max(0) + local[frame]
    path = np.empty(len(hertz), dtype=np.int64)
    path[-1] = total.argmax()
    for frame in range(len(hertz) - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return hertz[np.arange(len(hertz)), path]


__all__ = ["Pitch", "PitchSettings", "pitch"]
