"""Voices are described by vectors of length 1."""

import numpy as np
import pytest
import torch

from synctva.speech import voice_encoder
from synctva.speech.voice_encoder import embed_voice, mel_power, voice_network


def voice(pitch: float, seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """A buzz of pulses with a little noise, at 16 kHz."""
    clock = np.arange(round(seconds * 16_000)) / 16_000
    pulses = np.zeros(len(clock))
    pulses[np.flatnonzero(np.diff(np.floor(pitch * clock)))] = 0.5
    noise = np.random.default_rng(seed).normal(0, 0.01, len(clock))
    return (pulses + noise).astype(np.float32)


def test_sound_of_one_source_is_alike():
    low, again, high = (embed_voice(voice(*args)) for args in ((100, 3), (100, 4, 1), (300, 3)))
    assert low.shape == (256,) and np.linalg.norm(low) == pytest.approx(1, abs=1e-6)
    assert low @ again > 0.95 > low @ high


def test_quiet_sound_is_amplified():
    sound = voice(120) * 0.1
    np.testing.assert_allclose(embed_voice(sound), embed_voice(sound * 0.01), atol=1e-4)


@pytest.mark.parametrize("samples", [1, 159, 160, 399, 25_599, 25_600, 60_000])
def test_any_length_has_a_vector(samples):
    vector = embed_voice(voice(100, 5)[:samples])
    assert vector.shape == (256,) and np.isfinite(vector).all()


def test_silence_has_a_vector():
    assert np.isfinite(embed_voice(np.zeros(16_000, dtype=np.float32))).all()


def test_the_vector_is_the_mean_over_the_parts_read():
    sound = voice(150, 1.6 + 0.77)
    parts = [mel_power(sound)[start : start + 160] for start in (0, 77)]
    with torch.no_grad():
        mean = voice_network()(torch.from_numpy(np.stack(parts))).mean(0)
    np.testing.assert_allclose(embed_voice(sound), mean / mean.norm(), atol=1e-5)


def test_a_band_has_its_part_of_the_spectrum():
    clock = np.arange(16_000) / 16_000
    bands = [mel_power(np.sin(2 * np.pi * hertz * clock)).mean(0).argmax() for hertz in (200, 900)]
    assert bands[0] < bands[1] < 20
    assert mel_power(np.zeros(1600)).shape == (11, 40)


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    damaged = tmp_path / "voice_synctva.safetensors"
    damaged.write_bytes(voice_encoder.WEIGHTS_FILE.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(voice_encoder, "WEIGHTS_FILE", damaged)
    with pytest.raises(ValueError, match=r"sha256 of voice_synctva.safetensors = .*: expected"):
        voice_network.__wrapped__()
