"""Heterogeneous graph attention: the function by scatter, and the layer around it."""

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
    """Softmax of `scores` (E, heads) over the edges into each destination, in float32 or wider.

    The maximum of each group is subtracted, so that large scores do not overflow. A destination
    without edges simply has no entry.
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
    """Graph attention, torch-native; the readable reference of every backend.

    score_e = q_dst · k_src / √d + bias_e;  a = softmax of the scores into dst;
    out_dst = Σ_e a_e v_e. A destination without edges gets exactly 0.

    Args:
        query: (V, heads, d).
        key: (S, heads, d), of the sources: the same nodes, or those of a stream's window.
        value: (3S, heads, d), for each destination modality what each source says to it.
        bias: (E, heads), of each edge's relation and distance.
        edges: of the graph; see `GraphEdges`.

    Returns:
        (V, heads, d) and the attention (E, heads).
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
    """The attention function for `config.graph_attention` on this device.

    "auto" is "sparse" on the CPU, the fastest there, and "scatter" on other devices and under
    `torch.compile`, which cannot trace sparse tensors.

    Raises:
        ImportError: torch-scatter was asked for by name and is not installed.
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
    """What each modality says to each other one: v_{i←j} = V_j x_j + U_{ij} D_{ij} x_j for i ≠ j.

    Every ordered pair has parameters of its own (the paper's asymmetric relations), of low rank
    because full matrices would double the layer's cost. With `asymmetric = False`, i→j and j→i
    share them.
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
        if not self.asymmetric:
            source, destination = sorted((source, destination))
        return f"{MODALITIES[source]}_to_{MODALITIES[destination]}"

    def forward(self, nodes: Tensor, sizes: list[int]) -> Tensor:
        """(V, H) → (3V, H); rows i · V + s are what destination modality i hears of source s."""
        base = self.base(nodes, sizes).split(sizes)
        blocks = nodes.split(sizes)
        rows = []
        for i in range(NUM_MODALITIES):
            for j in range(NUM_MODALITIES):
                own = base[j] if i == j else base[j] + self.pairs[self.name(i, j)](blocks[j])
                rows.append(own)
            rows.append(base[-1])  # lone nodes never send; their rows keep the indexing plain
        return torch.cat(rows)


class RelationBias(nn.Embedding):
    """A bias for each relation, distance and head; row relation · (max_distance + 1) + distance."""

    def __init__(self, max_distance: int, num_heads: int):
        super().__init__(NUM_RELATIONS * (max_distance + 1), num_heads)

    def initial(self) -> Tensor:
        """Where training starts: head h loses 2^-h a step of distance, whatever the relation.

        The slopes are those of Press et al. (2022). From equal biases a window of 21 utterances
        starts as their mean, and the model first has to find out that the nearest matter most.
        """
        rows, heads = self.weight.shape
        distance = torch.arange(rows // NUM_RELATIONS, device=self.weight.device)
        slope = 0.5 ** torch.arange(heads, device=self.weight.device)
        return (-distance[:, None] * slope).repeat(NUM_RELATIONS, 1).to(self.weight.dtype)


class HeterogeneousGraphAttention(nn.Module):
    """Multi-head attention over one edge set, with a bias for each relation, distance and head."""

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
        """(V, H) → (V, H) and the attention (E, heads).

        With a stream's cache the sources are the nodes of its window and these.
        """
        query, key = self.query(nodes, sizes), self.key(nodes, sizes)
        value = self.value(nodes, sizes)
        attend = select_backend(self.backend, nodes.device)
        if cache is not None:
            key = cache.extend(self, "key", key)
            rows = value.unflatten(0, (NUM_MODALITIES, -1)).transpose(0, 1)  # (V, 3, H)
            value = cache.extend(self, "value", rows).transpose(0, 1).flatten(0, 1)  # (3S, H)
            attend = scatter_attention  # some dozen edges, which are fastest so
        mixed, attention = attend(
            *(rows.unflatten(1, (self.num_heads, -1)) for rows in (query, key, value)),
            self.relation_bias.weight.index_select(0, edges.bias),
            edges,
        )
        # Without a single incoming edge the mixture is 0; the output map's bias must not fill it.
        received = (edges.rowptr[1:] > edges.rowptr[:-1])[:, None]
        output = self.output(mixed.flatten(1), sizes)
        return output.where(received, output.new_zeros(())), attention


class HeterogeneousGraphLayer(GradientCheckpointingLayer):
    """Graph attention and feed-forward, each with a residual and its norm before it."""

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
