"""The eight prosodic measures of an utterance from its waveform, with Praat's definitions."""

from __future__ import annotations

import numpy as np

from synctva.datasets_scripts.labels import PROSODY_MEASURES

from .contours import Contours
from .intensity import SILENT_FRAME_DB, energy_mean
from .syllables import articulation_rate


def prosody(contours: Contours) -> np.ndarray:
    """Return the measures, (8,) float64, in the order of `PROSODY_MEASURES`.

    | measure | unit | definition |
    |---|---|---|
    | duration | s | N / sample_rate |
    | avg_intensity | dB re 2e-5 | level of the mean power of the intensity frames |
    | intensity_variation | dB | population deviation of the frames' dB |
    | avg_pitch | Hz | mean of the voiced frames, 75-600 Hz |
    | pitch_std | Hz | population deviation of the voiced frames; 0 where none is voiced |
    | pitch_range | Hz | highest less lowest voiced frame; 0 where none is voiced |
    | articulation_rate | 1/s | syllable nuclei per second of phonation |
    | mean_hnr | dB | mean harmonics-to-noise ratio of the frames that are not silent |

    The curves are those of `analyse`, articulation is by de Jong & Wempe's (2009) method.

    A measure is NaN where it is undefined: the intensities below 0.064 s or in digital silence, the
    mean pitch where no frame is voiced, the other two of pitch below 0.04 s, the articulation rate
    where no nucleus is found, the harmonicity below 0.027 s or where all is silent.

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
