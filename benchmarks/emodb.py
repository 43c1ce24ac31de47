"""Emotions of EmoDB from audio features only, leaving one speaker out at a time.

    pip install opensmile      # licensed for non-commercial use: for comparison, not a dependency
    python -m benchmarks.emodb --data FOLDER

FOLDER holds EmoDB's wav files, named as in the release: speaker (03), text (a01), emotion (F),
version (a). A support vector machine trained on the other speakers predicts each speaker's
emotions. Features are standardised with the training speakers' statistics; kernel, C and gamma are
chosen by leaving each of the training speakers out. A second score follows most of the literature:
each speaker's features are first standardised with that speaker's own statistics, which needs many
recordings of everyone. The real-time factor counts processor time. Writes results/emodb.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.prosody_agreement import read_wav
from synctva.audio.encoder import PROSODY_MFCC_SPEC, PROSODY_SPEC, AudioEncoder
from synctva.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "emodb.json"

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
"""By the sixth character of a file's name."""

SPECS: tuple[dict[str, Any], ...] = (PROSODY_MFCC_SPEC, PROSODY_SPEC, {"name": "opensmile-egemaps"})

GRID = [
    {"svc__kernel": ["linear"], "svc__C": [0.003, 0.01, 0.03, 0.1]},
    {"svc__kernel": ["rbf"], "svc__C": [1, 3, 10, 30], "svc__gamma": [0.003, 0.01, 0.03]},
]


def read_name(path: Path) -> tuple[str, str]:
    """Return the speaker and the emotion of a file.

    Raises:
        ValueError: the name does not have EmoDB's form.
    """
    name = path.stem
    if len(name) != 7 or not name[:2].isdigit() or name[5] not in EMOTIONS:
        raise ValueError(f"file name = {path.name!r}: expected a name such as 03a01Fa.wav")
    return name[:2], EMOTIONS[name[5]]


def predict(features: np.ndarray, emotions: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Return (F,) emotions, each speaker's predicted by a model of all other speakers."""
    predicted = np.empty_like(emotions)
    for speaker in np.unique(speakers):
        train = speakers != speaker
        model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), SVC())
        search = GridSearchCV(model, GRID, cv=LeaveOneGroupOut())
        search.fit(features[train], emotions[train], groups=speakers[train])
        predicted[~train] = search.predict(features[~train])
    return predicted


def standardise_speakers(features: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Scale (F, D) features to mean 0 and deviation 1 over each speaker's files."""
    scaler = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    standardised = np.empty_like(features)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        standardised[own] = scaler.fit_transform(features[own])
    return standardised


def scores(features: np.ndarray, emotions: np.ndarray, speakers: np.ndarray) -> dict[str, Any]:
    """Score how well each speaker's emotions are predicted from the others'."""
    predicted = predict(features, emotions, speakers)
    of_speakers = {
        str(speaker): accuracy_score(emotions[speakers == speaker], predicted[speakers == speaker])
        for speaker in np.unique(speakers)
    }
    order = list(EMOTIONS.values())
    matrix = confusion_matrix(emotions, predicted, labels=order).tolist()
    return {
        "accuracy": accuracy_score(emotions, predicted),
        "unweighted_average_recall": balanced_accuracy_score(emotions, predicted),
        "accuracy_of_speaker": of_speakers,
        "confusion": {
            true: dict(zip(order, row, strict=True))
            for true, row in zip(order, matrix, strict=True)
        },
    }


def evaluate(encoder: AudioEncoder, paths: list[Path]) -> dict[str, Any]:
    """Return the scores and the speed of one encoder."""
    vectors, seconds, audio = [], 0.0, 0.0
    for path in paths:
        samples, rate = read_wav(path)
        started = time.process_time()
        vector = encoder.encode(samples, rate)
        seconds += time.process_time() - started
        audio += len(samples) / rate
        vectors.append(np.full(encoder.width, np.nan) if vector is None else vector)
    speakers, emotions = np.array([read_name(path) for path in paths]).T
    features = np.stack(vectors)
    return {
        "width": encoder.width,
        "licence": encoder.licence,
        **scores(features, emotions, speakers),
        "speakers_standardised": scores(
            standardise_speakers(features, speakers), emotions, speakers
        ),
        "real_time_factor_of_one_core": round(seconds / audio, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of EmoDB's wav files")
    options = parser.parse_args()
    paths = sorted(options.data.glob("*.wav"))
    if not paths:
        raise FileNotFoundError(f"--data = {options.data}: expected a folder with wav files")
    report: dict[str, Any] = {**provenance(), "files": len(paths), "encoders": {}}
    for spec in SPECS:
        try:
            encoder = AudioEncoder.from_spec(spec)
        except ImportError as error:
            print(f"{spec['name']}: left out: {error}")
            continue
        result = evaluate(encoder, paths)
        report["encoders"][spec["name"]] = result
        print(
            f"{spec['name']:18} width {result['width']:3}  accuracy {result['accuracy']:.3f}  "
            f"unweighted average recall {result['unweighted_average_recall']:.3f}  "
            f"each speaker standardised {result['speakers_standardised']['accuracy']:.3f}  "
            f"real-time factor of one core {result['real_time_factor_of_one_core']:.4f}",
            flush=True,
        )
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
