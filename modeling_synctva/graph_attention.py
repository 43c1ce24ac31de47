"""Heterogeneous graph attention: the reference implementation, and the layers that use it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .configuration_synctva import MODALITIES, SyncTVAConfig
from .graph import NUM_MODALITIES, NUM_RELATIONS, GraphEdges
from .graph_attention_sparse import sparse_attention
from .graph_attention_torch_scatter import torch_scatter_attention, torch_scatter_available
from .layers import Dropout, ModalityLinear
from .stream_cache import StreamCache


def grouped_softmax(scores: Tensor, destination: Tensor, num_nodes: int) -> Tensor:
    """Return the softmax of `scores` (E, heads) over the edges into each destination.

    Computed in float32, or float64 for float64 scores. The maximum of each group is subtracted, so
    that large scores do not overflow.
    """
    scores = scores if scores.dtype == torch.float64 else scores.float()
    index = destination[:, None].expand_as(scores)
    largest = scores.new_zeros(num_nodes, scores.shape[1])
    largest = largest.scatter_reduce(0, index, scores.detach(), "amax", include_self=False)
    exponent = (scores - largest.gather(0, index)).exp()
    total = torch.zeros_like(largest).scatter_add(0, index, exponent)
    return exponent / total.gather(0, index)


def scatter_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, edges: GraphEdges
) -> tuple[Tensor, Tensor]:
    """Compute graph attention with torch's own scatter: the readable reference for all backends.

    score_e = q_dst · k_src / √d + bias_e;  a = softmax over the edges into dst;
    out_dst = Σ_e a_e v_e. The output of a destination without edges is exactly 0.

    Args:
        query: (V, heads, d).
        key: (S, heads, d). The S sources are the same nodes, or those of a stream's window.
        value: (3S, heads, d), the value of each source for each destination modality.
        bias: (E, heads), for each edge's relation and distance.
        edges: the edges of the graph, see `GraphEdges`.

    Returns:
        The output (V, heads, d) and the attention (E, heads).
    """
    source, destination = edges.source, edges.destination
    scores = (query[destination] * key[source]).sum(-1) / math.sqrt(query.shape[-1]) + bias
    attention = grouped_softmax(scores, destination, len(query))
    messages = attention[..., None].to(value.dtype) * value[edges.value]  # (E, heads, d)
    output = value.new_zeros(query.shape).index_add(0, destination, messages)
    return output, attention


BACKENDS = {
    "scatter": scatter_attention,
    "sparse": sparse_attention,
    "torch_scatter": torch_scatter_attention,
}


def select_backend(name: str, device: torch.device):
    """Return the attention function for `config.graph_attention`.

    "auto" is "sparse" on the CPU, where it is the fastest. It is "scatter" on other devices, and
    under `torch.compile`, which cannot trace sparse tensors.

    Args:
        name: one of `GRAPH_ATTENTION_BACKENDS`.
        device: where it will compute.

    Raises:
        ImportError: torch-scatter was requested by name and is not installed.
    """
    if name == "torch_scatter" and not torch_scatter_available():
        raise ImportError(
            "SyncTVAConfig.graph_attention = 'torch_scatter' needs the package torch-scatter: "
            "`pip install --no-build-isolation torch-scatter`, or use graph_attention='scatter' "
            "(same results)"
        )
    if name == "auto":
        sparse = device.type == "cpu" and not torch.compiler.is_compiling()
        name = "sparse" if sparse else "scatter"
    return BACKENDS[name]


class PairValues(nn.Module):
    """The values that modality i receives from j: V_j x_j, plus U_{ij} D_{ij} x_j for i ≠ j.

    Every ordered pair of modalities has its own parameters (the paper's asymmetric relations). They
    have low rank, because full matrices would double the cost of the layer. With
    `asymmetric = False`, i→j and j→i share parameters.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        self.asymmetric = config.asymmetric
        self.base = ModalityLinear(config.hidden_size, config.hidden_size)
        names = {
            self.name(i, j) for i in range(NUM_MODALITIES) for j in range(NUM_MODALITIES) if i != j
        }
        self.pairs = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(config.hidden_size, config.value_rank, bias=False),
                    nn.Linear(config.value_rank, config.hidden_size, bias=False),
                )
                for name in sorted(names)
            }
        )

    def name(self, destination: int, source: int) -> str:
        """Return the name of the pair's parameters."""
        if not self.asymmetric:
            source, destination = sorted((source, destination))
        return f"{MODALITIES[source]}_to_{MODALITIES[destination]}"

    def forward(self, nodes: Tensor, sizes: list[int]) -> Tensor:
        """(V, H) → (3V, H). Row i · V + s is the value of source s for destination modality i."""
        base = self.base(nodes, sizes).split(sizes)
        blocks = nodes.split(sizes)
        rows = []
        for i in range(NUM_MODALITIES):
            for j in range(NUM_MODALITIES):
                own = base[j] if i == j else base[j] + self.pairs[self.name(i, j)](blocks[j])
                rows.append(own)
            rows.append(base[-1])  # lone nodes never send; their rows only keep indexing simple
        return torch.cat(rows)


class RelationBias(nn.Embedding):
    """A bias per relation, distance and head, in row relation · (max_distance + 1) + distance."""

    def __init__(self, max_distance: int, num_heads: int):
        super().__init__(NUM_RELATIONS * (max_distance + 1), num_heads)

    def initial(self) -> Tensor:
        """Return the initial biases: -2^-h · distance in head h, for all relations.

        The slopes are those of Press et al. (2022). With equal biases, attention over a window of
        21 utterances would start as their mean, and training would first have to learn that near
        utterances matter most.
        """
        rows, heads = self.weight.shape
        distance = torch.arange(rows // NUM_RELATIONS, device=self.weight.device)
        slope = 0.5 ** torch.arange(heads, device=self.weight.device)
        return (-distance[:, None] * slope).repeat(NUM_RELATIONS, 1).to(self.weight.dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the biases of rows of any shape: (...) → (..., heads)."""
        if input.ndim != 1:
            return super().forward(input)
        return self.weight.index_select(0, input)  # four times as fast to differentiate


class HeterogeneousGraphAttention(nn.Module):
    """Multi-head attention over a set of edges, with a bias per relation, distance and head."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.backend = config.graph_attention
        self.query = ModalityLinear(config.hidden_size, config.hidden_size)
        self.key = ModalityLinear(config.hidden_size, config.hidden_size, bias=False)
        self.value = PairValues(config)
        self.output = ModalityLinear(config.hidden_size, config.hidden_size)
        self.relation_bias = RelationBias(config.max_distance, config.num_attention_heads)

    def forward(
        self,
        nodes: Tensor,
        sizes: list[int],
        edges: GraphEdges,
        cache: StreamCache | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attend along the edges.

        Args:
            nodes: (V, H).
            sizes: lengths of the four blocks of nodes.
            edges: the edges, whose sources are these nodes; with a cache, those of its window too.
            cache: of a stream.

        Returns:
            (V, H), exactly 0 for a node without incoming edges, and the attention (E, heads).
        """
        query, key = self.query(nodes, sizes), self.key(nodes, sizes)
        value = self.value(nodes, sizes)
        attend = select_backend(self.backend, nodes.device)
        if cache is not None:
            key = cache.extend(self, "key", key)
            rows = value.unflatten(0, (NUM_MODALITIES, -1)).transpose(0, 1)  # (V, 3, H)
            value = cache.extend(self, "value", rows).transpose(0, 1).flatten(0, 1)  # (3S, H)
            attend = scatter_attention  # the fastest for a few dozen edges
        mixed, attention = attend(
            *(rows.unflatten(1, (self.num_heads, -1)) for rows in (query, key, value)),
            self.relation_bias(edges.bias),
            edges,
        )
        # A node without incoming edges must stay 0: do not add the output map's bias.
        received = (edges.rowptr[1:] > edges.rowptr[:-1])[:, None]
        output = self.output(mixed.flatten(1), sizes)
        return output.where(received, output.new_zeros(())), attention


class HeterogeneousGraphLayer(GradientCheckpointingLayer):
    """A pre-norm layer: graph attention and a feed-forward network, each with a residual."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = HeterogeneousGraphAttention(config)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.expand = ModalityLinear(config.hidden_size, config.intermediate_size)
        self.contract = ModalityLinear(config.intermediate_size, config.hidden_size)
        self.dropout = Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        nodes: Tensor,
        sizes: list[int],
        edges: GraphEdges,
        cache: StreamCache | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(V, H) → (V, H) and the attention (E, heads)."""
        mixed, attention = self.attention(self.attention_norm(nodes), sizes, edges, cache)
        nodes = nodes + self.dropout(mixed)
        hidden = nn.functional.gelu(self.expand(self.feed_forward_norm(nodes), sizes))
        nodes = nodes + self.dropout(self.contract(self.dropout(hidden), sizes))
        return nodes, attention


__all__ = [
    "HeterogeneousGraphAttention",
    "HeterogeneousGraphLayer",
    "RelationBias",
    "grouped_softmax",
    "scatter_attention",
]
