"""After DialogueGCN (Ghosal et al., 2019, arXiv 1908.11540): relations of speaker and time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig

from .base import Context, Conversations
from .bigru import PackedGRU
from .matching_attention import MatchingAttention

NUM_RELATIONS = 4
"""Past or not, same or other speaker. The paper has relations for each pair of speakers, but here a
number stands for another speaker in each conversation."""


class DialogueGCN(Context):
    """A BiGRU, then two graph convolutions over a window, then attention over the conversation.

    The first convolution has a map for each relation, the second has one for all. The window is the
    config's `past_window` and `future_window`, 10 and 10 as in the paper. The adjacency is dense:
    at most N² numbers per conversation and relation.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        width = config.hidden_size
        self.window = config.past_window, config.future_window
        self.recurrence = PackedGRU(len(MODALITIES) * width, width)
        self.similarity = nn.Linear(2 * width, 2 * width, bias=False)
        self.relations = nn.Linear(2 * width, NUM_RELATIONS * width, bias=False)
        self.own = nn.Linear(2 * width, width)
        self.neighbours = nn.Linear(width, width, bias=False)
        self.own_again = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.width = 3 * width
        self.attention = MatchingAttention(self.width)

    def forward(self, conversations: Conversations) -> Tensor:
        mask, speakers = conversations.mask, conversations.speakers
        context = self.recurrence(conversations.states.flatten(2), mask)  # (B, N, 2H)
        near, relation = window_relations(mask, speakers, *self.window)
        scores = self.similarity(context) @ context.transpose(1, 2)  # (B, N, N)
        weights = scores.masked_fill(~near, -torch.inf).softmax(-1)
        messages = self.relations(context).unflatten(-1, (NUM_RELATIONS, -1))  # (B, N, R, H)
        states = self.own(context)
        for r in range(NUM_RELATIONS):
            states = states + (weights * (relation == r)) @ messages[:, :, r]
        states = self.dropout(states.relu())
        # A mean where the paper sums: a sum grows with the window.
        average = near / near.sum(-1, keepdim=True)
        states = (average @ self.neighbours(states) + self.own_again(states)).relu()
        return self.attention(torch.cat([context, self.dropout(states)], -1), mask)


def window_relations(
    mask: Tensor, speakers: Tensor, past: int, future: int
) -> tuple[Tensor, Tensor]:
    """Find which utterances each utterance sees, and by which relation.

    Args:
        mask: (B, N) bool, True for utterances.
        speakers: (B, N).
        past, future: reach of the window.

    Returns:
        near (B, N, N) bool, at [b, i, j] whether i sees j. Each sees itself, also at padding, so
        that no softmax is empty. And the relation (B, N, N) in [0, NUM_RELATIONS).
    """
    step = torch.arange(mask.shape[1], device=mask.device)
    offset = step - step[:, None]  # (N, N), j - i
    near = (offset >= -past) & (offset <= future) & mask[:, None]
    other = speakers[:, None] != speakers[:, :, None]
    return near | (offset == 0), 2 * (offset < 0).long() + other.long()


__all__ = ["NUM_RELATIONS", "DialogueGCN", "window_relations"]
