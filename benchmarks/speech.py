"""How well a recording is transcribed: words, speakers and utterances of synthetic conversations.

    python -m benchmarks.speech --output benchmarks/results/speech.json
    python -m benchmarks.speech --emodb <folder of EmoDB's wavs>

Needs espeak-ng, faster-whisper and the weights of Whisper base. The conversations are those of
`tests/support/synthetic_speech.py`; none of their seeds was used to choose a threshold. With
`--emodb` clips of pairs of real speakers are joined to conversations, and only who speaks is
judged: five speakers were used to choose the threshold, pairs of the other five are printed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from benchmarks.speech_scores import (
    cut_right,
    diarisation_error_rate,
    word_error_rate,
    words_of,
)
from synctva.speech.recognition import Recognition, whisper_recogniser
from synctva.speech.speakers import assign_speakers
from synctva.speech.transcription import read_speech, transcribe
from tests.support.synthetic_speech import RATE, converse

FAMILIES = (
    ("deep", "bright"),
    ("deep", "caribbean"),
    ("scottish", "bright"),
    ("scottish", "caribbean"),
    ("london", "caribbean"),
    ("london", "light"),
    ("bright", "caribbean"),
    ("light", "bright"),
)
"""Pairs of voices of different espeak-ng families."""

KINDS: dict[str, list[tuple[tuple[str, ...], dict[str, Any]]]] = {
    "two voices": [(pair, {}) for pair in FAMILIES],
    "one voice": [((name,), {}) for name in ("scottish", "light", "deep")],
    "two voices of one family": [(("deep", "london"), {})],
    "two voices, a fifth of the turns overlap": [(p, {"overlap": 0.2}) for p in FAMILIES[:3]],
    "two voices over music": [(p, {"noise": 0.02}) for p in FAMILIES[:3]],
    "three voices": [(("deep", "scottish", "light"), {}), (("bright", "london", "caribbean"), {})],
    "four voices": [(("bright", "caribbean", "london", "light"), {})],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120, help="of each recording")
    parser.add_argument("--emodb", type=Path, help="folder of EmoDB's wavs")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    results = emodb(options.emodb) if options.emodb else synthetic(options.seconds)
    for kind, scores in results.items():
        print(kind, json.dumps(scores))
    if options.output:
        options.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def synthetic(seconds: float) -> dict[str, dict[str, Any]]:
    """Return the mean scores of each kind of recording."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, recordings in KINDS.items():
            scores = [
                score(voices, options, seconds, 100 + seed, Path(folder))
                for seed, (voices, options) in enumerate(recordings)
            ]
            results[kind] = {"recordings": len(scores)} | {
                name: round(float(np.mean([one[name] for one in scores])), 4) for name in scores[0]
            }
    return results


def score(
    voices: tuple[str, ...], options: dict[str, Any], seconds: float, seed: int, folder: Path
) -> dict[str, float]:
    """Make a recording, transcribe it and compare."""
    said = converse(voices, seconds, seed, **options)
    path = folder / "recording.wav"
    wavfile.write(path, RATE, said.samples)
    heard: list[Recognition] = []

    def recogniser(samples: np.ndarray, language: str | None, *_: Any) -> Recognition:
        heard.append(whisper_recogniser()(samples, language))
        return heard[-1]

    whisper_recogniser()
    began = time.process_time()
    found = transcribe(path, recogniser=recogniser)
    cpu = time.process_time() - began
    told = transcribe(path, speakers=len(voices), recogniser=lambda *_: heard.pop(0))
    true = [(turn.speaker, turn.start, turn.end) for turn in said.turns]
    turns, turns_told = ([(u["speaker"], u["start"], u["end"]) for u in us] for us in (found, told))
    true_words = words_of(" ".join(turn.text for turn in said.turns))
    return {
        "wer": word_error_rate(true_words, words_of(" ".join(u["text"] for u in found))),
        "der": diarisation_error_rate(true, turns),
        "der_number_given": diarisation_error_rate(true, turns_told),
        "number_right": float(len({name for name, *_ in turns}) == len(voices)),
        "utterances_cut_right": cut_right(true, turns),
        "cpu_seconds_per_second": cpu * RATE / len(said.samples),
    }


def emodb(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the mean scores of joined clips of real speakers, by length of the turns."""
    clips: dict[str, list[np.ndarray]] = {}
    for path in sorted(folder.glob("*.wav")):
        clips.setdefault(path.name[:2], []).append(read_speech(str(path)))
    speakers = sorted(clips)[5:]
    results = {}
    for clips_per_turn in (1, 3, 5):
        scores = []
        for seed, pair in enumerate(itertools.combinations(speakers, 2)):
            samples, true = joined([clips[name] for name in pair], clips_per_turn, seed)
            parts = [(start, end) for _, start, end in true]
            found, told = assign_speakers(samples, parts), assign_speakers(samples, parts, 2)
            scores.append(
                {
                    "seconds_of_turn": np.mean([end - start for start, end in parts]),
                    "der": diarisation_error_rate(true, _turns(found, parts)),
                    "der_number_given": diarisation_error_rate(true, _turns(told, parts)),
                    "number_right": float(len(set(found)) == 2),
                }
            )
        results[f"{clips_per_turn} clips a turn"] = {"recordings": len(scores)} | {
            name: round(float(np.mean([one[name] for one in scores])), 4) for name in scores[0]
        }
    return results


def _turns(speakers: list[int], parts: list[tuple[float, float]]) -> list[tuple[str, float, float]]:
    return [(str(speaker), *part) for speaker, part in zip(speakers, parts, strict=True)]


def joined(
    clips: list[list[np.ndarray]], per_turn: int, seed: int, turns: int = 12
) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Join clips of two speakers, who take turns: samples, and who speaks when."""
    draw = np.random.default_rng(seed)
    left = [list(draw.permutation(len(own))) for own in clips]
    sounds: list[np.ndarray] = []
    true: list[tuple[str, float, float]] = []
    time = 0.0
    for turn in range(turns):
        who = turn % 2
        if len(left[who]) < per_turn:
            break
        sound = np.concatenate([clips[who][left[who].pop()] for _ in range(per_turn)])
        sounds += [sound, np.zeros(RATE // 2, dtype=np.float32)]
        true.append((str(who), time, time + len(sound) / RATE))
        time += len(sound) / RATE + 0.5
    return np.concatenate(sounds), true


if __name__ == "__main__":
    main()
