"""Networks that read speech: waveforms → hidden states, and their statistics over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoModel

from synctva.model_lookup import find_model

WHISPER_LAYER = 3
"""The layer of Whisper base that is read by default: the middle of six."""

POOLINGS = ("mean", "mean+deviation")
"""Statistics over time."""


class SpeechModel(NamedTuple):
    """A network that reads speech.

    Attributes:
        read: (N,) samples → (T, width) hidden states.
        width: numbers per state.
        sample_rate: of the samples, in Hz.
        licence: of the weights.
    """

    read: Callable[[np.ndarray], Tensor]
    width: int
    sample_rate: int
    licence: str


def hub_model(name: str, layer: int | None = None) -> SpeechModel:
    """Return a model of the Hub that reads waveforms.

    Args:
        name: folder or Hub name.
        layer: which hidden states are read, from 0 for the first layer's input; None for the last.

    Raises:
        ValueError: the model does not read waveforms, or has no such layer.
        OSError: there is no such model.
    """
    source = find_model(name, "audio encoder", ours=False)
    reader = AutoFeatureExtractor.from_pretrained(source)
    if "input_values" not in reader.model_input_names:
        raise ValueError(
            f"audio encoder hub:{name} reads {reader.model_input_names}: expected a model that "
            "reads waveforms, input_values"
        )
    model = AutoModel.from_pretrained(source, dtype=torch.float32).eval().requires_grad_(False)
    depth = model.config.num_hidden_layers
    if layer is not None and not 0 <= layer <= depth:
        raise ValueError(f"audio encoder layer = {layer}: expected 0 to {depth}, or None")

    @torch.no_grad()
    def read(samples: np.ndarray) -> Tensor:
        inputs = reader(samples, sampling_rate=reader.sampling_rate, return_tensors="pt")
        output = model(input_values=inputs["input_values"], output_hidden_states=layer is not None)
        return (output.last_hidden_state if layer is None else output.hidden_states[layer])[0]

    return SpeechModel(read, model.config.hidden_size, reader.sampling_rate, "see the model's card")


def whisper_base(layer: int | None = None) -> SpeechModel:
    """Return the encoder of Whisper base up to a layer, by default `WHISPER_LAYER`.

    Raises:
        ValueError: it has no such layer, or its weights are not the known ones.
        OSError: the weights are neither here nor can they be downloaded.
    """
    # Here, because the package of speech recognition imports this one.
    from synctva.speech.whisper_encoder import SAMPLE_RATE, load_whisper_encoder
    from synctva.speech.whisper_weights import BASE

    encoder = load_whisper_encoder(BASE, WHISPER_LAYER if layer is None else layer)
    read = torch.no_grad()(encoder.forward)
    return SpeechModel(read, encoder.width, SAMPLE_RATE, "MIT")


def pooled(states: Tensor, pooling: str) -> np.ndarray:
    """Pool (T, D) states over time: (D,) float64, or (2 D,) with the deviations."""
    states = states.double()
    statistics = [states.mean(0)]
    if pooling == "mean+deviation":
        statistics.append(states.std(0, correction=0))
    return torch.cat(statistics).numpy()


def unit_names(width: int, pooling: str) -> tuple[str, ...]:
    """Return the names of the numbers that `pooled` returns."""
    names = tuple(f"unit_{index}" for index in range(width))
    if pooling == "mean+deviation":
        names += tuple(f"deviation_of_{name}" for name in names)
    return names


__all__ = [
    "POOLINGS",
    "WHISPER_LAYER",
    "SpeechModel",
    "hub_model",
    "pooled",
    "unit_names",
    "whisper_base",
]
