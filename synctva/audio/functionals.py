"""Statistics of spectrum, pitch and level over an utterance, which complement the prosody."""

from __future__ import annotations

import numpy as np

from synctva.audio.contours import Contours
from synctva.audio.intensity import REFERENCE_POWER
from synctva.audio.pitch import Pitch
from synctva.audio.spectrum import DESCRIPTORS, spectral_descriptors

SOUNDING_DB = 25.0
"""Frames more than this many dB below the 0.99 quantile of the level are pauses."""

LOWEST_DB = float(10 * np.log10(2**-30 / 12 / REFERENCE_POWER))
"""Level of the rounding error of 16 bits, -7 dB. Digital silence, -300 dB, is raised to it."""

SEMITONE_REFERENCE = 27.5  # Hz

FUNCTIONALS = (
    *(f"{name}_{form}" for name in DESCRIPTORS for form in ("mean", "std", "change")),
    *("semitones_mean", "semitones_std", "semitones_q20", "semitones_q50", "semitones_q80"),
    *("semitones_rise", "semitones_fall", "semitones_trend"),
    *("level_q5", "level_q20", "level_q50", "level_q80", "level_q95", "level_rise", "level_fall"),
    *("hnr_std", "hnr_q50", "hnr_q80"),
    *("sounding_fraction", "voiced_fraction", "voiced_stretches"),
    *("voiced_length_mean", "voiced_length_std", "unvoiced_length_mean"),
)
"""Names of the values that `functionals` returns."""


def functionals(contours: Contours) -> np.ndarray:
    """Compute the values of `FUNCTIONALS`, (84,) float64; NaN where one is undefined.

    | names | unit | definition |
    |---|---|---|
    | <descriptor>_mean, _std | see `DESCRIPTORS` | mean, population deviation |
    | <descriptor>_change | per frame | mean absolute difference of neighbouring frames |
    | semitones_mean, _std, _q20 … | semitones over 27.5 Hz | of the voiced frames |
    | semitones_rise, _fall | semitones/s | mean step upwards, downwards, from frame to frame |
    | semitones_trend | semitones/s | slope of the regression line on time |
    | level_q5 … | dB re 2e-5 | quantiles of the intensity curve |
    | level_rise, _fall | dB/s | mean step upwards, downwards |
    | hnr_std, _q50, _q80 | dB | of the harmonics-to-noise ratio |
    | sounding_fraction, voiced_fraction | 1 | fraction of the frames |
    | voiced_stretches | 1/s | runs of voiced frames |
    | voiced_length_mean, _std | s | length of those runs |
    | unvoiced_length_mean | s | length of what lies between two of them |

    Spectral descriptors are those of sounding frames, within 25 dB of the 0.99 quantile of the
    level. The semitones and the lengths of voiced stretches are NaN if no frame is voiced, the
    harmonics-to-noise ratio is NaN if everything is silent, and a mean step is 0 if there is no
    step. The choice follows F. Eyben et al., "The Geneva minimalistic acoustic parameter set
    (GeMAPS) for voice research and affective computing", IEEE Transactions on Affective Computing
    7 (2), 2016.

    Args:
        contours: of a sound of at least 0.064 s that is not silent throughout.
    """
    times, descriptors = spectral_descriptors(contours.samples, contours.sample_rate)
    level = np.maximum(contours.level.decibels, LOWEST_DB)
    threshold = np.quantile(level, 0.99) - SOUNDING_DB
    sounding = np.interp(times, contours.level.times, level) >= threshold  # (T,)
    of_spectrum = np.stack(
        [
            descriptors[sounding].mean(0),
            descriptors[sounding].std(0),
            _change(descriptors, sounding),
        ],
        axis=1,
    )  # (D, 3)
    return np.concatenate(
        [
            of_spectrum.ravel(),
            _of_pitch(contours.pitch),
            np.quantile(level, [0.05, 0.2, 0.5, 0.8, 0.95]),
            _steps(level, contours.level.times),
            _of_harmonicity(contours.harmonicity),
            [sounding.mean()],
            _of_voicing(contours.pitch, contours.duration),
        ]
    )


def _change(descriptors: np.ndarray, sounding: np.ndarray) -> np.ndarray:
    """Return the mean absolute difference, (D,), of neighbouring sounding frames; 0 without any."""
    both = sounding[1:] & sounding[:-1]
    differences = np.abs(np.diff(descriptors, axis=0))[both]
    return differences.mean(0) if len(differences) else np.zeros(descriptors.shape[1])


def _of_pitch(contour: Pitch) -> np.ndarray:
    """Return the statistics of the semitones, (8,); NaN without a voiced frame."""
    voiced = contour.hertz > 0
    if not voiced.any():
        return np.full(8, np.nan)
    semitones = 12 * np.log2(np.where(voiced, contour.hertz, 1.0) / SEMITONE_REFERENCE)
    voice, times = semitones[voiced], contour.times[voiced]
    times = times - times.mean()
    spread = times @ times
    both = voiced[1:] & voiced[:-1]
    steps = _steps(semitones, contour.times, both)
    trend = times @ voice / spread if spread > 0 else 0.0
    quantiles = np.quantile(voice, [0.2, 0.5, 0.8])
    return np.array([voice.mean(), voice.std(), *quantiles, *steps, trend])


def _steps(curve: np.ndarray, times: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
    """Return the mean upward and downward step per second, (2,); 0 where there is none."""
    steps = np.diff(curve) / np.diff(times)
    if kept is not None:
        steps = steps[kept]
    sides = steps[steps > 0], steps[steps < 0]
    return np.array([side.mean() if len(side) else 0.0 for side in sides])


def _of_harmonicity(ratio: np.ndarray) -> np.ndarray:
    """Return deviation, median and 0.8 quantile, (3,); NaN if everything is silent."""
    sounding = ratio[~np.isnan(ratio)]
    if not len(sounding):
        return np.full(3, np.nan)
    return np.array([sounding.std(), *np.quantile(sounding, [0.5, 0.8])])


def _of_voicing(contour: Pitch, duration: float) -> np.ndarray:
    """Return the values from voiced_fraction to unvoiced_length_mean, (5,)."""
    voiced = contour.hertz > 0
    step = contour.times[1] - contour.times[0] if len(voiced) > 1 else duration
    edges = np.diff(np.concatenate([[False], voiced, [False]]).astype(np.int8))
    starts, ends = (edges == 1).nonzero()[0], (edges == -1).nonzero()[0]
    lengths, gaps = (ends - starts) * step, (starts[1:] - ends[:-1]) * step
    return np.array(
        [
            voiced.mean(),
            len(lengths) / duration,
            lengths.mean() if len(lengths) else np.nan,
            lengths.std() if len(lengths) else np.nan,
            gaps.mean() if len(gaps) else 0.0,
        ]
    )


__all__ = ["FUNCTIONALS", "functionals"]
