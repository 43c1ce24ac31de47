"""Cross-attention fusion of the modalities of an utterance."""

from __future__ import annotations

from torch import Tensor, nn

from .configuration_synctva import SyncTVAConfig
from .graph import HeterogeneousGraph
from .graph_attention import HeterogeneousGraphAttention
from .layers import Dropout, ModalityLinear
from .stream_cache import StreamCache


class CrossAttentionFusion(nn.Module):
    """Each modality queries the others in a window around the utterance; then a gated sum.

    Over several keys on purpose: the softmax over one key is 1, and the attention a plain linear
    map. The sum over an utterance's present modalities is weighted by their strengths, and each
    modality's part has a map of its own; an utterance with none is carried by its lone node.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        self.use_attention = config.use_fusion
        if self.use_attention:
            self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
            self.attention = HeterogeneousGraphAttention(config)
        self.part = ModalityLinear(config.hidden_size, config.hidden_size)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        nodes: Tensor,
        weights: Tensor,
        graph: HeterogeneousGraph,
        cache: StreamCache | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """(V, H) and weights (V,) → fused states (T, H) and the attention (E, heads)."""
        attention, sizes = None, graph.nodes.sizes
        if self.use_attention:
            mixed, attention = self.attention(self.norm(nodes), sizes, graph.fusion, cache)
            nodes = nodes + self.dropout(mixed)
        parts = self.part(nodes, sizes)
        parts = weights[:, None].to(parts.dtype) * parts
        fused = parts.new_zeros(len(graph.nodes.utterance_index), parts.shape[1])
        fused = fused.index_add(0, graph.nodes.utterance, parts)
        return fused, attention


__all__ = ["CrossAttentionFusion"]
