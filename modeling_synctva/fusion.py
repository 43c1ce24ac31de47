"""Cross-attention fusion of an utterance's modalities."""

from __future__ import annotations

from torch import Tensor, nn

from .configuration_synctva import SyncTVAConfig
from .graph import HeterogeneousGraph
from .graph_attention import HeterogeneousGraphAttention
from .layers import Dropout, ModalityLinear
from .stream_cache import StreamCache


class CrossAttentionFusion(nn.Module):
    """Let each modality attend to the others, then sum the modalities of each utterance.

    Attention reads a window of utterances, because a softmax over a single key is always 1, which
    would reduce attention to a linear map. In the sum, each present modality has its own linear map
    and is weighted by its strength. An utterance without any modality is represented by its lone
    node.
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
        """Fuse the nodes of each utterance.

        Args:
            nodes: (V, H).
            weights: (V,), of the nodes in the sum.
            graph: the graph of the batch.
            cache: of a stream.

        Returns:
            Fused states (T, H) and the attention (E, heads), None without `config.use_fusion`.
        """
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
