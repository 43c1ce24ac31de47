"""Two layers on the concatenated modalities, without context."""

from __future__ import annotations

from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig

from .base import Context, Conversations


class ConcatMLP(Context):
    """The first layer, from concatenated states to H; the classifier is the second."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.width = config.hidden_size
        self.layers = nn.Sequential(
            nn.Linear(len(MODALITIES) * self.width, self.width),
            nn.LayerNorm(self.width),
            nn.GELU(),
        )

    def forward(self, conversations: Conversations) -> Tensor:
        return self.layers(conversations.states.flatten(2))


__all__ = ["ConcatMLP"]
