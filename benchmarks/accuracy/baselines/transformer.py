"""A plain Transformer encoder over the conversation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig

from .base import Context, Conversations


class Transformer(Context):
    """Every utterance attends to the whole conversation (Vaswani et al., 2017), with pre-norm.

    Sine positions, which exist for any length, and an embedding of the speaker are added to the
    projected states. Depth, heads and widths are the config's.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.width = config.hidden_size
        self.projection = nn.Linear(len(MODALITIES) * self.width, self.width)
        self.speaker_embedding = nn.Embedding(config.max_speakers, self.width)
        layer = nn.TransformerEncoderLayer(
            self.width,
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_dropout_prob,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(
            layer, config.num_hidden_layers, nn.LayerNorm(self.width), enable_nested_tensor=False
        )

    def forward(self, conversations: Conversations) -> Tensor:
        states = self.projection(conversations.states.flatten(2))
        states = states + self.speaker_embedding(conversations.speakers)
        states = states + sine_positions(states.shape[1], self.width).to(states)
        return self.layers(states, src_key_padding_mask=~conversations.mask)


def sine_positions(length: int, width: int) -> Tensor:
    """Return (length, width): sines, then cosines, of wavelengths from 2π to 10,000 · 2π."""
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half) * (-math.log(10_000.0) / max(half - 1, 1)))
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]


__all__ = ["Transformer", "sine_positions"]
