"""The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356), which hears how words are said.

Its weights are those of the speech recogniser, in CTranslate2's format; see `whisper_weights`.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor, nn
from transformers import WhisperFeatureExtractor

from synctva.speech.whisper_weights import locate_whisper

SAMPLE_RATE = 16_000
STEP = 320
"""Samples from one state to the next: two frames of 10 ms."""

_VERSION, _SPEC = 6, "WhisperSpec"
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_LAYER = {
    "self_attn.in_proj": "self_attention/linear_0",
    "self_attn.out_proj": "self_attention/linear_1",
    "norm1": "self_attention/layer_norm",
    "linear1": "ffn/linear_0",
    "linear2": "ffn/linear_1",
    "norm2": "ffn/layer_norm",
}
"""Parts of `nn.TransformerEncoderLayer`, and of a layer in the file."""


class WhisperEncoder(nn.Module):
    """The first layers of Whisper's encoder.

    Unlike the recogniser, it reads a sound as long as it is, and not with silence up to 30 s; a
    longer one is read in pieces of 30 s.

    Args:
        weights: of the encoder, by their names in CTranslate2's format.
        layer: the last layer to compute, from 0 for the sum of convolutions and positions.

    Raises:
        ValueError: the encoder has not that many layers.
    """

    def __init__(self, weights: dict[str, Tensor], layer: int):
        super().__init__()
        self.positions: Tensor
        depth = len({name.split("/")[1] for name in weights if name.startswith("encoder/layer_")})
        depth -= "encoder/layer_norm/gamma" in weights
        if not 0 <= layer <= depth:
            raise ValueError(f"audio encoder layer = {layer}: expected 0 to {depth}")
        width, bands, _ = weights["encoder/conv1/weight"].shape
        heads = int(weights["encoder/num_heads"])
        inner = len(weights["encoder/layer_0/ffn/linear_0/bias"])
        self.features = WhisperFeatureExtractor(feature_size=bands)
        self.width = width
        self.conv1 = nn.Conv1d(bands, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, inner, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layer)
        )
        self.register_buffer("positions", weights["encoder/position_encodings/encodings"])
        self.load_state_dict(_renamed(weights, layer) | {"positions": self.positions})
        self.eval().requires_grad_(False)

    def forward(self, samples: np.ndarray) -> Tensor:
        """Return the states of a sound at 16 kHz: (N,) samples → (T, width), T = 50 a second."""
        longest = len(self.positions) * STEP
        pieces = [samples[i : i + longest] for i in range(0, len(samples), longest)]
        return torch.cat([self._read(piece) for piece in pieces])

    def _read(self, samples: np.ndarray) -> Tensor:
        read = self.features(samples, sampling_rate=SAMPLE_RATE, padding=False, return_tensors="pt")
        states = nn.functional.gelu(self.conv1(read["input_features"]))
        states = nn.functional.gelu(self.conv2(states)).transpose(1, 2)  # (1, T, width)
        states = states + self.positions[: states.shape[1]]
        for layer in self.layers:
            states = layer(states)
        return states[0]


def load_whisper_encoder(model: str, layer: int) -> WhisperEncoder:
    """Return the encoder of a Whisper model.

    Args:
        model: see `locate_whisper`.
        layer: the last layer to compute.

    Raises:
        ValueError: the file is no Whisper model of CTranslate2's format, or has fewer layers.
        OSError: the weights are neither here nor can they be downloaded.
    """
    with Path(locate_whisper(model), "model.bin").open("rb") as file:
        return WhisperEncoder(_read_weights(file), layer)


def _read_weights(file: BinaryIO) -> dict[str, Tensor]:
    """Return the encoder's variables in float32."""

    def number(form: str) -> int:
        return struct.unpack(f"<{form}", file.read(struct.calcsize(form)))[0]

    def string() -> str:
        return file.read(number("H")).rstrip(b"\0").decode()

    version, spec, _ = number("I"), string(), number("I")
    if (version, spec) != (_VERSION, _SPEC):
        raise ValueError(
            f"{file.name}: version {version} of {spec}: expected version {_VERSION} of {_SPEC}"
        )
    weights = {}
    for _ in range(number("I")):
        name = string()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = number("B"), number("I")
        if name.startswith("encoder/"):
            values = np.frombuffer(file.read(size), _TYPES[kind]).reshape(shape)
            weights[name] = torch.from_numpy(values.astype(np.float32))
        else:
            file.seek(size, 1)
    return weights


def _renamed(weights: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Return the weights under the names of the module's parameters."""

    def both(ours: str, theirs: str, kinds: tuple[str, str], mark: str) -> dict[str, Tensor]:
        names = zip((f"{ours}{mark}weight", f"{ours}{mark}bias"), kinds, strict=True)
        return {name: weights[f"encoder/{theirs}/{kind}"] for name, kind in names}

    plain, norm = ("weight", "bias"), ("gamma", "beta")
    found = both("conv1", "conv1", plain, ".") | both("conv2", "conv2", plain, ".")
    for number in range(layers):
        for ours, theirs in _LAYER.items():
            found |= both(
                f"layers.{number}.{ours}",
                f"layer_{number}/{theirs}",
                norm if ours.startswith("norm") else plain,
                "_" if ours.endswith("in_proj") else ".",
            )
    return found


__all__ = ["SAMPLE_RATE", "WhisperEncoder", "load_whisper_encoder"]
