"""How agreement is counted; and the agreement on invented sounds, if Praat is installed."""

import importlib.util

import numpy as np
import pytest

from benchmarks.prosody_agreement import agreement, praat_prosody
from synctva.audio.contours import analyse
from synctva.audio.prosody import PROSODY_MEASURES, prosody


def test_errors_are_relative_and_the_undefined_are_counted():
    reference = np.full((5, 8), 100.0)
    own = reference + np.array([0, 1, -2, 3, 4])[:, None]
    own[4, 3] = np.nan
    reference[3:, 5] = np.nan
    of = agreement(own, reference)
    assert list(of) == list(PROSODY_MEASURES)
    assert of["duration"]["median_relative_error"] == pytest.approx(0.02)
    assert of["avg_pitch"]["median_relative_error"] == pytest.approx(0.015)
    assert of["avg_pitch"]["undefined_here"] == 1
    assert of["pitch_range"]["median_relative_error"] == pytest.approx(0.01)
    assert of["pitch_range"]["undefined_in_praat"] == 2


@pytest.mark.skipif(
    importlib.util.find_spec("parselmouth") is None,
    reason="praat-parselmouth is not installed: GPLv3, only a reference",
)
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_praat_agrees(rate):
    time = np.arange(2 * rate) / rate
    swell = 0.1 + np.sin(np.pi * time / 0.25) ** 2
    phase = 2 * np.pi * (110 * time + 20 * time**2)
    sound = 0.2 * swell * (np.sin(phase) + 0.4 * np.sin(2 * phase))
    sound += np.random.default_rng(0).normal(0, 0.003, len(sound))
    of, praats = prosody(analyse(sound, rate)), praat_prosody(sound, rate)
    np.testing.assert_allclose(of, praats, rtol=0.005)
