"""Agreement of the prosodic measures with Praat's, and their speed.

    pip install praat-parselmouth            # GPLv3: a reference, not a dependency
    python -m benchmarks.prosody_agreement --wavs FOLDER [FOLDER ...]

Reads the first channel of every 16-bit wav file; with `--files N`, of N files evenly spread over
each folder's sorted names. The reference for the articulation rate is the method of de Jong and
Wempe (2009) on Praat's objects. Writes results/prosody_agreement.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np

from synctva.audio.contours import analyse
from synctva.audio.prosody import PROSODY_MEASURES, prosody
from synctva.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "prosody_agreement.json"


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """Read (N,) float64 samples of the first channel, and the sample rate in Hz."""
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: bits per sample = {8 * file.getsampwidth()}: expected 16")
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return frames[:: file.getnchannels()] / 32768, file.getframerate()


def praat_prosody(samples: np.ndarray, sample_rate: float) -> np.ndarray:
    """Return (8,) the same measures by Praat; NaN where undefined."""
    import parselmouth

    sound = parselmouth.Sound(samples, sample_rate)
    intensity = sound.to_intensity(100.0)
    pitch = sound.to_pitch(None, 75.0, 600.0).selected_array["frequency"]
    voiced = pitch[pitch > 0]
    harmonicity = sound.to_harmonicity().values
    defined = harmonicity[harmonicity != -200]
    return np.array(
        [
            sound.duration,
            intensity.get_average(),
            intensity.values.std(),
            voiced.mean() if len(voiced) else np.nan,
            voiced.std() if len(voiced) else 0.0,
            np.ptp(voiced) if len(voiced) else 0.0,
            praat_articulation_rate(sound),
            defined.mean() if len(defined) else np.nan,
        ]
    )


def praat_articulation_rate(sound: Any) -> float:
    """Return voiced intensity peaks with a dip of 2 dB after them, per second that sounds."""
    from parselmouth.praat import call

    intensity = sound.to_intensity(50.0)
    lowest = call(intensity, "Get minimum", 0, 0, "Parabolic")
    highest = call(intensity, "Get maximum", 0, 0, "Parabolic")
    loud = call(intensity, "Get quantile", 0, 0, 0.99)
    threshold = max(loud - 25, lowest)
    grid = call(
        intensity, "To TextGrid (silences)", loud - 25 - highest, 0.3, 0.1, "silent", "sounding"
    )
    phonation = sum(
        call(grid, "Get end time of interval", 1, i)
        - call(grid, "Get start time of interval", 1, i)
        for i in range(1, call(grid, "Get number of intervals", 1) + 1)
        if call(grid, "Get label of interval", 1, i) == "sounding"
    )
    if not phonation > 0:
        return float("nan")
    curve = call(call(intensity, "Down to Matrix"), "To Sound (slice)", 1)
    extrema = call(curve, "To PointProcess (extrema)", "Left", "yes", "no", "Sinc70")
    times = [
        call(extrema, "Get time from index", i)
        for i in range(1, call(extrema, "Get number of points") + 1)
    ]
    heights = {t: call(curve, "Get value at time", t, "Cubic") for t in times}
    peaks = [t for t in times if heights[t] > threshold]
    pitch = sound.to_pitch_ac(0.02, 30, 4, False, 0.03, 0.25, 0.01, 0.35, 0.25, 450)
    nuclei = 0
    for peak, following in itertools.pairwise(peaks):
        dip = call(intensity, "Get minimum", peak, following, "None")
        interval = call(grid, "Get interval at time", 1, peak)
        nuclei += (
            heights[peak] - dip > 2
            and not np.isnan(pitch.get_value_at_time(peak))
            and call(grid, "Get label of interval", 1, interval) == "sounding"
        )
    return nuclei / phonation if nuclei else float("nan")


def agreement(own: np.ndarray, reference: np.ndarray) -> dict[str, dict[str, float]]:
    """Return each measure's median and 0.9 quantile of the relative error, and undefined values.

    Args:
        own, reference: (F, 8), NaN where undefined.
    """
    error = np.abs(own - reference) / np.maximum(np.abs(reference), 1e-12)
    error[own == reference] = 0.0
    return {
        name: {
            "median_relative_error": float(np.nanmedian(error[:, column])),
            "quantile_0.9": float(np.nanquantile(error[:, column], 0.9)),
            "undefined_here": int(np.isnan(own[:, column]).sum()),
            "undefined_in_praat": int(np.isnan(reference[:, column]).sum()),
        }
        for column, name in enumerate(PROSODY_MEASURES)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--wavs", nargs="+", type=Path, required=True, help="folders of wav files")
    parser.add_argument("--files", type=int, help="at most this many of each folder; default: all")
    options = parser.parse_args()
    import parselmouth  # first, because measuring takes a while

    ours, praats, seconds, audio = [], [], 0.0, 0.0
    counts = {}
    for folder in options.wavs:
        paths = sorted(folder.glob("*.wav"))
        if not paths:
            raise FileNotFoundError(f"--wavs = {folder}: expected a folder with wav files")
        count = min(options.files or len(paths), len(paths))
        chosen = np.linspace(0, len(paths) - 1, count).round().astype(int)
        counts[folder.name] = len(chosen)
        for index in chosen:
            samples, rate = read_wav(paths[index])
            started = time.process_time()
            ours.append(prosody(analyse(samples, rate)))
            seconds += time.process_time() - started
            audio += len(samples) / rate
            praats.append(praat_prosody(samples, rate))
    measures = agreement(np.array(ours), np.array(praats))
    report = {
        **provenance(),
        "praat": parselmouth.PRAAT_VERSION,
        "files": counts,
        "seconds_of_audio": round(audio, 1),
        "real_time_factor_of_one_core": round(seconds / audio, 4),
        "measures": measures,
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    speed = f"real-time factor of one core {seconds / audio:.4f}"
    print(f"{len(ours)} files, {audio:.0f} s of audio, {speed}")
    print("| measure | median relative error | 0.9 quantile | undefined here / in Praat |")
    print("|---|---|---|---|")
    for name, row in measures.items():
        middle, high = 100 * row["median_relative_error"], 100 * row["quantile_0.9"]
        missing = f"{row['undefined_here']} / {row['undefined_in_praat']}"
        print(f"| {name} | {middle:.3f}% | {high:.3f}% | {missing} |")


if __name__ == "__main__":
    main()
