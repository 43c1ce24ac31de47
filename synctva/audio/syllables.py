"""Syllable nuclei and phonation time, by the method of de Jong & Wempe (2009)."""

from __future__ import annotations

import numpy as np

from synctva.audio.frames import local_maxima, parabola
from synctva.audio.intensity import Intensity, intensity
from synctva.audio.pitch import PitchSettings, pitch

MIN_PITCH = 50.0  # Hz: frames of 0.128 s, so that a syllable has one peak
SILENCE_DB = -25.0  # below the loudest
DIP_DB = 2.0
MIN_PAUSE = 0.3  # s
MIN_SOUNDING = 0.1  # s
NUCLEUS_PITCH = PitchSettings(
    floor=30.0, ceiling=450.0, time_step=0.02, voicing_threshold=0.25, voicing_cost=0.25
)


def articulation_rate(samples: np.ndarray, sample_rate: float) -> float:
    """Count the syllable nuclei per second of phonation.

    A nucleus is a voiced peak of the intensity curve, not in a pause, above the silence threshold
    (the curve's 0.99 quantile - 25 dB), and at least 2 dB above the lowest point before the next
    peak; the last peak is followed by none and is left out, as in the authors' script (N. H. de
    Jong and T. Wempe, "Praat script to detect syllable nuclei and measure speech rate
    automatically", Behavior Research Methods 41, 2009).

    Args:
        samples: (N,) float.
        sample_rate: in Hz.

    Returns:
        Syllables per second; NaN where no nucleus is found: in silence, below 0.128 s, and in most
        utterances of one syllable, whose only peak is the last.
    """
    curve = intensity(samples, sample_rate, MIN_PITCH)
    if not len(curve.times) or not np.ptp(samples) > 0:
        return np.nan
    sounding = sounding_intervals(curve, len(samples) / sample_rate)
    phonation = float((sounding[:, 1] - sounding[:, 0]).sum())
    if not phonation > 0:
        return np.nan
    peaks = intensity_peaks(curve)
    inside = ((peaks[:, None] >= sounding[:, 0]) & (peaks[:, None] < sounding[:, 1])).any(1)
    peaks = peaks[inside]
    if not len(peaks):
        return np.nan
    nuclei = int((pitch(samples, sample_rate, NUCLEUS_PITCH).at(peaks) > 0).sum())
    return nuclei / phonation if nuclei else np.nan


def intensity_peaks(curve: Intensity) -> np.ndarray:
    """Return the times in s, (P,), of peaks above the silence threshold before a dip of 2 dB."""
    level = curve.decibels
    threshold = max(_quantile(level, 0.99) + SILENCE_DB, level.min())
    tops = local_maxima(level).nonzero()[0]
    if not len(tops):
        return np.empty(0)
    shift, height = parabola(level[tops - 1], level[tops], level[tops + 1])
    loud = height > threshold
    tops, shift, height = tops[loud], shift[loud], height[loud]
    if len(tops) < 2:
        return np.empty(0)
    dips = np.minimum.reduceat(level, tops)[:-1]  # from each peak to the one after it
    step = curve.times[1] - curve.times[0]
    times = curve.times[tops] + shift * step
    return times[:-1][height[:-1] - dips > DIP_DB]


def sounding_intervals(curve: Intensity, duration: float) -> np.ndarray:
    """Return start and end in s, (S, 2), of what Praat's "To TextGrid (silences)" calls sounding.

    The threshold lies 25 dB below the curve's 0.99 quantile. Sounding stretches below 0.1 s become
    silent, then silent ones below 0.3 s sounding.
    """
    silent = curve.decibels < _quantile(curve.decibels, 0.99) + SILENCE_DB
    changes = (np.diff(silent.astype(np.int8)) != 0).nonzero()[0] + 1
    bounds = np.concatenate([[0.0], curve.times[changes], [duration]])
    labels = silent[np.concatenate([[0], changes])]
    for label, minimum in ((False, MIN_SOUNDING), (True, MIN_PAUSE)):
        bounds, labels = _without_short(bounds, labels, label, minimum)
    return np.stack([bounds[:-1][~labels], bounds[1:][~labels]], axis=1)


def _without_short(
    bounds: np.ndarray, labels: np.ndarray, label: bool, minimum: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give too short intervals of a label the other label, and merge equal neighbours."""
    if len(labels) > 1:
        short = (labels == label) & (np.diff(bounds) < minimum)
        labels = np.where(short, not label, labels)
    starts = np.concatenate([[True], labels[1:] != labels[:-1]])
    return np.append(bounds[:-1][starts], bounds[-1]), labels[starts]


def _quantile(values: np.ndarray, fraction: float) -> float:
    """Return a quantile as Praat does, with value i of N at (i + 1/2) / N."""
    place = fraction * len(values) - 0.5
    return float(np.interp(place, np.arange(len(values)), np.sort(values)))


__all__ = ["articulation_rate", "intensity_peaks", "sounding_intervals"]
