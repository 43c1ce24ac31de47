"""A bidirectional GRU over the conversation: the order, without graph or speakers."""

from __future__ import annotations

from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig

from .base import Context, Conversations


class BiGRU(Context):
    """From an utterance's concatenated states to both directions' states, 2H."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.recurrence = PackedGRU(len(MODALITIES) * config.hidden_size, config.hidden_size)
        self.width = 2 * config.hidden_size

    def forward(self, conversations: Conversations) -> Tensor:
        return self.recurrence(conversations.states.flatten(2), conversations.mask)


class PackedGRU(nn.GRU):
    """A bidirectional GRU whose backward direction starts at the last utterance, not in padding."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size, batch_first=True, bidirectional=True)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """(B, N, input size), (B, N) → (B, N, 2 · hidden size), 0 at padding."""
        packed = nn.utils.rnn.pack_padded_sequence(
            states, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        return nn.utils.rnn.pad_packed_sequence(
            super().forward(packed)[0], batch_first=True, total_length=states.shape[1]
        )[0]


__all__ = ["BiGRU", "PackedGRU"]
