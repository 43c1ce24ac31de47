"""A checked waveform with the curves that its measures are computed from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synctva.audio.harmonicity import harmonicity
from synctva.audio.intensity import Intensity, intensity
from synctva.audio.pitch import Pitch, pitch

MIN_SAMPLE_RATE = 4_000  # Hz: below it, too little is left of a voice for any of the measures
LARGEST_SAMPLE = 100.0
"""Floats from a decoder may exceed 1 slightly. Beyond this value, samples are on another scale."""


class Contours(NamedTuple):
    """A sound and its curves."""

    samples: np.ndarray
    """(N,) float64 in [-1, 1]."""
    sample_rate: float
    """Hz."""
    level: Intensity
    pitch: Pitch
    harmonicity: np.ndarray
    """(T,) dB; NaN where silent."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


def analyse(samples: np.ndarray, sample_rate: float) -> Contours:
    """Compute the curves of a sound with Praat's standard settings.

    Intensity is "To Intensity: 100, 0, yes", pitch "To Pitch: 0, 75, 600" (Boersma, 1993),
    harmonicity "To Harmonicity (cc): 0.01, 75, 0.1, 1".

    Args:
        samples, sample_rate: as `checked_samples`.

    Raises:
        ValueError: as `checked_samples`.
    """
    samples = checked_samples(samples, sample_rate)
    return Contours(
        samples,
        sample_rate,
        intensity(samples, sample_rate),
        pitch(samples, sample_rate),
        harmonicity(samples, sample_rate),
    )


def checked_samples(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """Check the samples of one channel and return them as (N,) float64.

    Args:
        samples: (N,) float in [-1, 1]; divide 16-bit samples by 32768.
        sample_rate: in Hz, at least 4000.

    Raises:
        ValueError: the samples are not finite floats of one channel in [-1, 1], or the sample rate
            is too low.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f"samples.shape = {samples.shape}: expected (N,), one channel")
    if samples.dtype.kind != "f":
        raise ValueError(
            f"samples.dtype = {samples.dtype}: expected float in [-1, 1], such as 16-bit samples "
            "divided by 32768"
        )
    if not sample_rate >= MIN_SAMPLE_RATE or np.isinf(sample_rate):
        raise ValueError(f"sample_rate = {sample_rate}: expected at least {MIN_SAMPLE_RATE} Hz")
    sound = ~(np.abs(samples) > LARGEST_SAMPLE) & np.isfinite(samples)
    if not sound.all():
        first = int(sound.argmin())
        raise ValueError(f"samples[{first}] = {samples[first]}: expected a number in [-1, 1]")
    return samples.astype(np.float64)


__all__ = ["Contours", "analyse", "checked_samples"]
