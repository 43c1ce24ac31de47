"""Sounds whose measures are known."""

import numpy as np


def tone(hertz, seconds=1.0, rate=16_000, amplitude=0.1):
    """Return a sine."""
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def glide(low, high, seconds=1.0, rate=16_000, amplitude=0.1):
    """Return three harmonics whose fundamental rises linearly in Hz."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (low * time + (high - low) / (2 * seconds) * time**2)
    return amplitude * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase))


def noise(seconds=1.0, rate=16_000, deviation=0.1, seed=0):
    """Return white noise."""
    return np.random.default_rng(seed).normal(0, deviation, round(seconds * rate))


def syllables(count, rate=16_000, seconds=0.25, hertz=120.0):
    """Return `count` swells of a voice, `seconds` apart, with dips of about 20 dB between them."""
    time = np.arange(round(count * seconds * rate)) / rate
    envelope = 0.1 + 0.9 * np.sin(np.pi * time / seconds) ** 2
    return envelope * glide(hertz, hertz, count * seconds, rate)


def embedded(sound, before, after, rate=16_000):
    """Return the sound with digital silence of `before` and `after` seconds around it."""
    return np.concatenate([np.zeros(round(before * rate)), sound, np.zeros(round(after * rate))])
