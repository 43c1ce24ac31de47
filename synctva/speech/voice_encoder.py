"""A network that tells voices apart: sound → a vector that is similar for the same speaker.

The network is that of Resemblyzer 0.1.4 (Apache-2.0; NOTICE), after Wan et al. 2018, "Generalized
end-to-end loss for speaker verification", arXiv 1710.10467: three LSTM layers read 1.6 s of mel
bands. `tools/convert_voice_weights.py` converts its weights.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load
from scipy.signal.windows import hann
from torch import Tensor, nn

WEIGHTS_FILE = Path(__file__).with_name("voice_synctva.safetensors")
WEIGHTS_SHA256 = "477c08bb6dbd50c7c834c51144045a7b704107dcb157ad04dab6c7798704a961"

SAMPLE_RATE = 16_000
"""Of the sound that the network was trained on, in Hz."""

WINDOW, HOP, BANDS = 400, 160, 40
"""Samples in an analysis window and from one to the next, and mel bands."""

FRAMES = 160
"""Frames in the 1.6 s that the network reads at a time."""

STEP = 77
"""Frames from one such part to the next, 1.3 parts per second."""

COVERED = 0.75
"""Share of the last part that has to be sound, not padding; otherwise it is left out."""

LOUDNESS = 10 ** (-30 / 20)
"""Root mean square to which quieter sound is amplified, -30 dB of full scale."""


class VoiceNetwork(nn.Module):
    """Three LSTM layers and a projection.

    Shapes:
        (B, T, 40) power in mel bands → (B, 256), not negative and of length 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, 256, num_layers=3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=-1)


@functools.cache
def voice_network() -> VoiceNetwork:
    """Return the network with its weights, loaded once.

    Raises:
        ValueError: the file of the weights is damaged.
    """
    data = WEIGHTS_FILE.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"sha256 of {WEIGHTS_FILE.name} = {digest}: expected {WEIGHTS_SHA256}")
    network = VoiceNetwork()
    network.load_state_dict(load(data))
    return network.eval().requires_grad_(False)


def embed_voice(samples: np.ndarray) -> np.ndarray:
    """Return a vector that describes the voice.

    Args:
        samples: (N,) at 16 kHz, of one speaker, N > 0. From about two seconds on, the vectors of a
            speaker are alike; those of shorter sound vary.

    Returns:
        (256,) float32 of length 1. The similarity of two voices is the product of their vectors.
    """
    samples = np.asarray(samples, dtype=np.float32)
    loudness = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    if 0 < loudness < LOUDNESS:
        samples = samples * (LOUDNESS / loudness)
    starts = _part_starts(len(samples))
    needed = (starts[-1] + FRAMES) * HOP
    mels = mel_power(np.pad(samples, (0, max(0, needed - len(samples)))))
    parts = torch.from_numpy(np.stack([mels[start : start + FRAMES] for start in starts]))
    with torch.no_grad():
        mean = voice_network()(parts).mean(0)
    return nn.functional.normalize(mean, dim=0).numpy()


def _part_starts(length: int) -> list[int]:
    """Return the first frame of each part of so many samples."""
    frames = -(-(length + 1) // HOP)
    starts = list(range(0, max(1, frames - FRAMES + STEP + 1), STEP))
    covered = (length - starts[-1] * HOP) / (FRAMES * HOP)
    return starts[:-1] if covered < COVERED and len(starts) > 1 else starts


def mel_power(samples: np.ndarray) -> np.ndarray:
    """Return the power in the mel bands, (N,) → (frames, 40) float32, a frame every 10 ms."""
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectrum = np.abs(np.fft.rfft(frames * hann(WINDOW, sym=False), axis=-1)) ** 2
    return (spectrum @ _slaney_filters().T).astype(np.float32)


@functools.cache
def _slaney_filters() -> np.ndarray:
    """Return triangular filters of equal area on Slaney's mel scale, (40, 201).

    The scale is linear up to 1 kHz and logarithmic above (Slaney 1998, "Auditory toolbox").
    """
    linear, knee, steps = 200 / 3, 1000.0, np.log(6.4) / 27

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(
            mel < knee / linear, mel * linear, knee * np.exp(steps * (mel - knee / linear))
        )

    highest = knee / linear + np.log(SAMPLE_RATE / 2 / knee) / steps
    corners = hertz(np.linspace(0, highest, BANDS + 2))
    left, middle, right = (corners[i : i + BANDS, None] for i in range(3))
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (right - left)


__all__ = ["SAMPLE_RATE", "VoiceNetwork", "embed_voice", "mel_power", "voice_network"]
