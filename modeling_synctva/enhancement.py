"""Dynamic enhancement: how strongly each modality speaks, utterance by utterance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .configuration_synctva import SyncTVAConfig
from .graph import GraphNodes
from .layers import Dropout, ModalityLinear
from .stream_cache import StreamCache


def partner_mean(nodes: Tensor, node_utterance: Tensor, num_utterances: int) -> Tensor:
    """Mean of the other present modalities of the same utterance; 0 where there is none.

    (V, H), (V,) → (V, H).
    """
    total = nodes.new_zeros(num_utterances, nodes.shape[1]).index_add(0, node_utterance, nodes)
    ones = nodes.new_ones(len(nodes))
    others = nodes.new_zeros(num_utterances).index_add(0, node_utterance, ones)[node_utterance] - 1
    return (total.index_select(0, node_utterance) - nodes) / others.clamp(min=1)[:, None]


def window_mean(nodes: Tensor, begin: Tensor, count: Tensor) -> Tensor:
    """Mean over each temporal window, a range of nodes; 0 where the window is empty.

    By differences of one prefix sum, in float64: in float32 the cancellation would let far-away
    conversations of the same batch move the result.

    (S, H), (V,), (V,) → (V, H).
    """
    prefix = torch.zeros(len(nodes) + 1, nodes.shape[1], dtype=torch.float64, device=nodes.device)
    prefix = prefix.index_copy(
        0, torch.arange(1, len(nodes) + 1, device=nodes.device), nodes.double().cumsum(0)
    )
    total = (prefix.index_select(0, begin + count) - prefix.index_select(0, begin)).to(nodes.dtype)
    return total / count.clamp(min=1)[:, None].to(nodes.dtype)


class DynamicEnhancement(nn.Module):
    """The paper's modality-specific dynamic enhancement, conditioned on context.

    For a present node with state x: a gate g ∈ (0,1)^H and a scalar strength s ∈ (0,1) from
    [x ; mean of the other modalities at the utterance ; mean of one's own modality over the
    window ; log RMS of the features], then x̂ = x + s · (g ⊙ U x).

    The log RMS is there because the norm after the projection removes a feature vector's length,
    which is what tells a noisy recording from a clean one.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        width = config.hidden_size
        self.context = ModalityLinear(3 * width + 1, width)
        self.gate = ModalityLinear(width, width)
        self.strength = ModalityLinear(width, 1)
        self.update = ModalityLinear(width, width)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        nodes: Tensor,
        log_rms: Tensor,
        graph: GraphNodes,
        cache: StreamCache | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(V, H), (V, 1) → enhanced states (V, H), gates (V, H), strength logits (V,)."""
        sizes = graph.sizes
        others = partner_mean(nodes, graph.utterance, len(graph.utterance_index))
        known = nodes if cache is None else cache.extend(self, "nodes", nodes)
        window = window_mean(known, graph.window_begin, graph.window_count)
        context = torch.cat([nodes, others, window, log_rms.to(nodes.dtype)], dim=-1)
        context = self.dropout(nn.functional.gelu(self.context(context, sizes)))
        gates = self.gate(context, sizes).sigmoid()
        strength_logits = self.strength(context, sizes)[:, 0]
        update = gates * self.update(nodes, sizes)
        enhanced = nodes + strength_logits.sigmoid()[:, None] * self.dropout(update)
        return enhanced, gates, strength_logits


__all__ = ["DynamicEnhancement"]
