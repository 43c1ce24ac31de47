"""Dynamic enhancement: a gate and a strength for each modality of each utterance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .configuration_synctva import SyncTVAConfig
from .graph import GraphNodes
from .layers import Dropout, ModalityLinear
from .stream_cache import StreamCache


def partner_mean(nodes: Tensor, node_utterance: Tensor, num_utterances: int) -> Tensor:
    """Return the mean of the other modalities present in the same utterance; 0 if there are none.

    (V, H), (V,) → (V, H).
    """
    total = nodes.new_zeros(num_utterances, nodes.shape[1]).index_add(0, node_utterance, nodes)
    ones = nodes.new_ones(len(nodes))
    others = nodes.new_zeros(num_utterances).index_add(0, node_utterance, ones)[node_utterance] - 1
    return (total.index_select(0, node_utterance) - nodes) / others.clamp(min=1)[:, None]


def window_mean(nodes: Tensor, begin: Tensor, count: Tensor) -> Tensor:
    """Return the mean over each temporal window, a range of nodes; 0 if the window is empty.

    Each window's sum is the difference of two prefix sums. They are float64, because cancellation
    in float32 would let other conversations of the batch change the result.

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

    Each present node with state x gets x̂ = x + s · (g ⊙ U x). The gate g ∈ (0,1)^H and the scalar
    strength s ∈ (0,1) are computed from [x ; mean of the other modalities of the utterance ; mean
    of the same modality over the window ; log RMS of the features].

    The log RMS is an input because the layer norm after the projection removes the length of a
    feature vector, which distinguishes a noisy recording from a clean one.
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
        """Enhance the node states.

        Args:
            nodes: (V, H).
            log_rms: (V, 1), of the features of each node.
            graph: the nodes' utterances and windows.
            cache: of a stream.

        Returns:
            Enhanced states (V, H), gates (V, H) and strength logits (V,).
        """
        sizes = graph.sizes
        others = partner_mean(nodes, graph.utterance, len(graph.utterance_index))
        sources = nodes if cache is None else cache.extend(self, "nodes", nodes)
        window = window_mean(sources, graph.window_begin, graph.window_count)
        context = torch.cat([nodes, others, window, log_rms.to(nodes.dtype)], dim=-1)
        context = self.dropout(nn.functional.gelu(self.context(context, sizes)))
        gates = self.gate(context, sizes).sigmoid()
        strength_logits = self.strength(context, sizes)[:, 0]
        update = gates * self.update(nodes, sizes)
        enhanced = nodes + strength_logits.sigmoid()[:, None] * self.dropout(update)
        return enhanced, gates, strength_logits


__all__ = ["DynamicEnhancement"]
