"""After MMGCN (Hu et al., 2021, arXiv 2107.06779): deep spectral graph convolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig

from .base import Context, Conversations
from .bigru import PackedGRU

NUM_LAYERS = 4
RESIDUAL = 0.1
"""The share of the first layer's input in every layer, alpha in GCNII."""
IDENTITY_DECAY = 0.5
"""Layer l maps by (1 - β) I + β W with β = log(IDENTITY_DECAY / l + 1)."""


class MMGCN(Context):
    """A GCNII (Chen et al., 2020) of four layers on (utterance, modality) nodes, as in the paper.

    Text first passes a BiGRU, and an embedding of the speaker is added to every node. Edges connect
    all nodes of a modality in the conversation, and all nodes of an utterance, with the weight
    1 - arccos(cosine of the two) / π. A missing modality has no node and stays 0.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        hidden = config.hidden_size
        self.recurrence = PackedGRU(hidden, hidden)
        self.text = nn.Linear(2 * hidden, hidden)
        self.speaker_embedding = nn.Embedding(config.max_speakers, hidden)
        self.layers = nn.ModuleList(
            nn.Linear(hidden, hidden, bias=False) for _ in range(NUM_LAYERS)
        )
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.width = 2 * len(MODALITIES) * hidden

    def forward(self, conversations: Conversations) -> Tensor:
        states, present, mask, speakers = conversations
        text = self.text(self.recurrence(states[:, :, 0], mask))
        states = torch.cat([text[:, :, None], states[:, :, 1:]], dim=2)
        states = states + self.speaker_embedding(speakers)[:, :, None]
        states = states.where(present[..., None], 0.0)  # (B, N, 3, H)
        # Sorted by modality: node m · N + t.
        nodes = first = states.transpose(1, 2).flatten(1, 2)  # (B, 3N, H)
        propagation = normalised(adjacency(nodes, present.transpose(1, 2).flatten(1)))
        for number, layer in enumerate(self.layers, start=1):
            beta = math.log(IDENTITY_DECAY / number + 1)
            mixed = (1 - RESIDUAL) * (propagation @ self.dropout(nodes)) + RESIDUAL * first
            nodes = ((1 - beta) * mixed + beta * layer(mixed)).relu()
        graph = nodes.unflatten(1, (len(MODALITIES), -1)).transpose(1, 2)  # (B, N, 3, H)
        return torch.cat([states, graph], dim=-1).flatten(2)


def adjacency(nodes: Tensor, present: Tensor) -> Tensor:
    """Return the weights of all edges, 0 for none. (B, 3N, H), (B, 3N) → (B, 3N, 3N)"""
    total = present.shape[1]
    step = torch.arange(total, device=nodes.device)
    modality, time = step // (total // len(MODALITIES)), step % (total // len(MODALITIES))
    joined = (modality == modality[:, None]) | (time == time[:, None])
    joined = joined & present[:, None] & present[:, :, None]
    directions = nn.functional.normalize(nodes, dim=-1)
    # Less than ±1, where the derivative of arccos is infinite.
    cosine = (directions @ directions.transpose(1, 2)).clamp(-0.99999, 0.99999)
    return (1 - cosine.acos() / math.pi).where(joined, 0.0)


def normalised(weights: Tensor) -> Tensor:
    """Return D^-1/2 A D^-1/2; nodes without edges keep none. (B, V, V) → (B, V, V)"""
    degree = weights.sum(-1)
    scale = degree.clamp(min=1e-6).rsqrt().where(degree > 0, 0.0)
    return scale[:, :, None] * weights * scale[:, None]


__all__ = ["MMGCN", "adjacency", "normalised"]
