"""The intensity curve of a waveform, as Praat's "To Intensity" defines it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synctva.audio.frames import frame_times, windows

REFERENCE_POWER = 4e-10
"""(2e-5 Pa)², the threshold of hearing; samples count as Pa."""

SILENT_FRAME_DB = -300.0
"""Level in dB of digital silence, whose logarithm does not exist."""

KAISER_SHAPE = 2 * np.pi**2 + 0.5
"""Keeps side lobes below -190 dB, so that the periods of the voice cause no ripple."""


class Intensity(NamedTuple):
    """An intensity curve."""

    times: np.ndarray
    """(T,) centres of the frames in s."""
    decibels: np.ndarray
    """(T,) dB re 2e-5; -300 in digital silence."""


def intensity(samples: np.ndarray, sample_rate: float, min_pitch: float = 100.0) -> Intensity:
    """Compute the weighted mean power in frames of 6.4 / min_pitch s, every 0.8 / min_pitch s.

    10 log10(Σ w (x - x̄)² / Σ w / 4e-10), with the frame's mean x̄ and a Kaiser window w (Praat
    manual, "Intro 6.2. Configuring the intensity contour" and "Sound: To Intensity...").

    Args:
        samples: (N,) float, in [-1, 1].
        sample_rate: in Hz.
        min_pitch: lowest pitch in Hz whose periods leave no ripple in the curve.

    Returns:
        The curve. It has no frames if the sound is shorter than 6.4 / min_pitch s.
    """
    window = 6.4 / min_pitch
    times = frame_times(len(samples), sample_rate, window, 0.8 / min_pitch)
    if not len(times):
        return Intensity(times, np.empty(0))
    half = min(int(window / 2 * sample_rate), (len(samples) - 1) // 2)
    place = np.arange(-half, half + 1) / (window / 2 * sample_rate)
    weights = np.i0(KAISER_SHAPE * np.sqrt(np.maximum(0.0, 1 - place**2)))
    weights[np.abs(place) >= 1] = 0.0
    centres = np.rint(times * sample_rate - 0.5).astype(np.int64)
    power = np.empty(len(times))
    for block in range(0, len(times), 256):  # bounds the memory of long sounds
        part = slice(block, block + 256)
        framed = windows(samples, centres[part] - half, len(weights))  # (B, W)
        framed -= framed.mean(1, keepdims=True)
        power[part] = (framed**2) @ weights / weights.sum()
    ratio = power / REFERENCE_POWER
    audible = ratio > 1e-30
    decibels = np.full(len(times), SILENT_FRAME_DB)
    decibels[audible] = 10 * np.log10(ratio[audible])
    return Intensity(times, decibels)


def energy_mean(decibels: np.ndarray) -> float:
    """Return the level in dB of the mean power: Praat's "Get mean" with the method energy."""
    return float(10 * np.log10(np.mean(10 ** (decibels / 10))))


__all__ = ["Intensity", "energy_mean", "intensity"]
