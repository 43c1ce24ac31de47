"""Leaving a speaker out, with features of the emotions and with features of the speakers."""

import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from benchmarks import emodb


def test_name():
    assert emodb.read_name(Path("03a01Fa.wav")) == ("03", "happiness")
    with pytest.raises(ValueError, match=r"'03a01Xa.wav': expected a name such as"):
        emodb.read_name(Path("03a01Xa.wav"))


def test_a_speaker_is_predicted_from_the_others():
    rng = np.random.default_rng(0)
    speakers = np.repeat(["03", "08", "09"], 20)
    emotions = np.tile(np.repeat(["anger", "sadness"], 10), 3)
    of_emotion = (emotions == "anger")[:, None] + rng.normal(0, 0.1, (60, 3))
    assert (emodb.predict(of_emotion, emotions, speakers) == emotions).all()
    # Features of the speakers say nothing about the one left out.
    of_speaker = rng.normal(size=(60, 3)) + 10 * (speakers == "08")[:, None]
    assert (emodb.predict(of_speaker, emotions, speakers) == emotions).mean() < 0.75


def test_standardised_speakers_differ_only_by_emotion():
    rng = np.random.default_rng(0)
    speakers = np.repeat(["03", "08", "09"], 20)
    emotions = np.tile(np.repeat(["anger", "sadness"], 10), 3)
    level = np.select([speakers == "03", speakers == "08"], [-50.0, 0.0], 50.0)
    features = (level + (emotions == "anger") + rng.normal(0, 0.1, 60))[:, None]
    features = np.hstack([features, np.full((60, 1), np.nan)])  # undefined for everyone
    assert emodb.scores(features, emotions, speakers)["accuracy"] < 0.75
    standardised = emodb.standardise_speakers(features, speakers)
    assert emodb.scores(standardised, emotions, speakers)["accuracy"] == 1


def test_writes_what_it_measured(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for speaker in ("03", "08", "09"):
        for letter, hertz in (("W", 250), ("T", 120)):
            for version in "abc":
                time = np.arange(4_800) / 16_000
                sound = 0.3 * np.sin(2 * np.pi * hertz * time) + rng.normal(0, 0.01, 4_800)
                with wave.open(str(tmp_path / f"{speaker}a01{letter}{version}.wav"), "wb") as file:
                    file.setparams((1, 2, 16_000, 0, "NONE", ""))
                    file.writeframes((sound * 32767).astype("<i2").tobytes())
    monkeypatch.setattr(emodb, "RESULTS", tmp_path / "emodb.json")
    monkeypatch.setattr(emodb, "SPECS", (emodb.PROSODY_SPEC,))
    monkeypatch.setattr(sys, "argv", ["emodb", "--data", str(tmp_path)])
    emodb.main()
    report = json.loads((tmp_path / "emodb.json").read_text())
    assert report["files"] == 18
    result = report["encoders"]["prosody"]
    assert result["accuracy"] == 1
    assert result["speakers_standardised"]["accuracy"] > 0.5  # chance, for two emotions
    assert result["confusion"]["anger"]["anger"] == 9
    assert list(result["accuracy_of_speaker"]) == ["03", "08", "09"]
