"""The eight prosodic measures of an utterance from its waveform, with Praat's definitions."""

from __future__ import annotations

import numpy as np

from synctva.audio.contours import Contours
from synctva.audio.intensity import SILENT_FRAME_DB, energy_mean
from synctva.audio.syllables import articulation_rate
from synctva.datasets_scripts.labels import PROSODY_MEASURES


def prosody(contours: Contours) -> np.ndarray:
    """Return the measures, (8,) float64, in the order of `PROSODY_MEASURES`.

    | measure | unit | definition |
    |---|---|---|
    | duration | s | N / sample_rate |
    | avg_intensity | dB re 2e-5 | level of the mean power of the intensity frames |
    | intensity_variation | dB | population deviation of the frames' dB |
    | avg_pitch | Hz | mean of the voiced frames, 75-600 Hz |
    | pitch_std | Hz | population deviation of the voiced frames; 0 where none is voiced |
    | pitch_range | Hz | highest minus lowest voiced frame; 0 where none is voiced |
    | articulation_rate | 1/s | syllable nuclei per second of phonation |
    | mean_hnr | dB | mean harmonics-to-noise ratio of the frames that are not silent |

    The curves are those of `analyse`; the articulation rate is that of de Jong & Wempe (2009).

    A measure is NaN where it is undefined: the intensities below 0.064 s or in digital silence, the
    mean pitch if no frame is voiced, the other two pitch measures below 0.04 s, the articulation
    rate if no nucleus is found, the harmonicity below 0.027 s or if everything is silent.

    Example:
        >>> from synctva.audio.contours import analyse
        >>> time = np.arange(16_000) / 16_000
        >>> measures = prosody(analyse(0.1 * np.sin(2 * np.pi * 200 * time), 16_000))
        >>> dict(zip(PROSODY_MEASURES, measures.round(1).tolist()))["avg_pitch"]
        200.0
    """
    measures = dict.fromkeys(PROSODY_MEASURES, np.nan)
    measures["duration"] = contours.duration
    level = contours.level.decibels
    if (level > SILENT_FRAME_DB).any():
        measures["avg_intensity"] = energy_mean(level)
        measures["intensity_variation"] = float(level.std())
    hertz = contours.pitch.hertz
    voiced = hertz[hertz > 0]
    if len(voiced):
        measures["avg_pitch"] = float(voiced.mean())
    if len(hertz):
        measures["pitch_std"] = float(voiced.std()) if len(voiced) else 0.0
        measures["pitch_range"] = float(np.ptp(voiced)) if len(voiced) else 0.0
    measures["articulation_rate"] = articulation_rate(contours.samples, contours.sample_rate)
    if not np.isnan(contours.harmonicity).all():
        measures["mean_hnr"] = float(np.nanmean(contours.harmonicity))
    return np.array([measures[name] for name in PROSODY_MEASURES])


__all__ = ["PROSODY_MEASURES", "prosody"]
