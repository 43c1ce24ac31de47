"""After DialogueRNN (Majumder et al., 2019, arXiv 1811.00405): a state for each speaker."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig

from .base import Context, Conversations
from .matching_attention import MatchingAttention


class DialogueRNN(Context):
    """Global, party and emotion GRUs in both directions, then attention over the conversation.

    This is the paper's BiDialogueRNN with attention, in the simpler form where listeners' states do
    not change. Every state has the hidden size.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        width = config.hidden_size
        self.projection = nn.Linear(len(MODALITIES) * width, width)
        self.directions = nn.ModuleList(
            Direction(width, config.max_speakers, config.hidden_dropout_prob) for _ in range(2)
        )
        self.width = 2 * width
        self.attention = MatchingAttention(self.width)

    def forward(self, conversations: Conversations) -> Tensor:
        mask, speakers = conversations.mask, conversations.speakers
        utterances = self.projection(conversations.states.flatten(2))
        forward, backward = self.directions
        # In reverse order the padding is still at the end, where it reaches no utterance.
        order = reversed_order(mask)  # its own inverse
        wide = order[..., None].expand_as(utterances)
        emotions = torch.cat(
            [
                forward(utterances, speakers),
                backward(utterances.gather(1, wide), speakers.gather(1, order)).gather(1, wide),
            ],
            dim=-1,
        )  # (B, N, 2H)
        return self.attention(emotions, mask)


class Direction(nn.Module):
    """One pass over the conversation, a loop over time with the whole batch in each step.

    With u_t the utterance, s its speaker, all states 0 at first:
        g_t = GRU([u_t; q_s], g_{t-1})                     the conversation
        c_t = Σ_i<t softmax_i(W u_t · g_i) g_i             its past, weighted by relevance
        q_s ← GRU([u_t; c_t], q_s)                         the speaker
        e_t = GRU(q_s, e_{t-1})                            the emotion
    """

    def __init__(self, width: int, max_speakers: int, dropout: float):
        super().__init__()
        self.max_speakers = max_speakers
        self.global_cell = nn.GRUCell(2 * width, width)
        self.party_cell = nn.GRUCell(2 * width, width)
        self.emotion = nn.GRU(width, width, batch_first=True)
        self.query = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, utterances: Tensor, speakers: Tensor) -> Tensor:
        """(B, N, H), (B, N) → emotion states (B, N, H)."""
        batch, length, width = utterances.shape
        party = utterances.new_zeros(batch, self.max_speakers, width)
        state = context = utterances.new_zeros(batch, width)
        queries = self.query(utterances)
        past: list[Tensor] = []
        spoken = []
        for t in range(length):
            utterance = utterances[:, t]
            row = speakers[:, t, None, None].expand(-1, 1, width)
            speaker = party.gather(1, row)[:, 0]
            if past:
                history = torch.stack(past, dim=1)  # (B, t, H)
                weights = (history @ queries[:, t, :, None]).softmax(1)  # (B, t, 1)
                context = (weights * history).sum(1)
            state = self.dropout(self.global_cell(torch.cat([utterance, speaker], -1), state))
            past.append(state)
            speaker = self.party_cell(torch.cat([utterance, context], -1), speaker)
            speaker = self.dropout(speaker)
            party = party.scatter(1, row, speaker[:, None])
            spoken.append(speaker)
        return self.emotion(torch.stack(spoken, dim=1))[0]


def reversed_order(mask: Tensor) -> Tensor:
    """Return (B, N) positions that reverse each conversation and keep its padding in place."""
    step = torch.arange(mask.shape[1], device=mask.device)
    return (mask.sum(1, keepdim=True) - 1 - step).where(mask, step)


__all__ = ["DialogueRNN", "reversed_order"]
