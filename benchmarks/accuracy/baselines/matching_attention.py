"""The attention over all utterances at the end of DialogueRNN and DialogueGCN."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MatchingAttention(nn.Module):
    """Each utterance is a mean of its conversation, weighted by softmax_j tanh(h_i W h_j + b).

    As in the published code of both models. The tanh keeps the weights within a factor of e² of
    each other.
    """

    def __init__(self, width: int):
        super().__init__()
        self.query = nn.Linear(width, width)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, N, W), (B, N) → (B, N, W)."""
        scores = torch.tanh(self.query(states) @ states.transpose(1, 2))  # (B, N, N)
        weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        return weights @ states


__all__ = ["MatchingAttention"]
