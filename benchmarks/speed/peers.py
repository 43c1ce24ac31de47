"""PyTorch Geometric's heterogeneous convolutions, and the same functions by our attention.

An adapter copies the peer's weights and calls our backend unchanged. What a peer computes
differently is folded into the arguments:

- HGTConv (Hu et al., 2020, arXiv 2003.01332) transforms keys and values by one matrix per relation,
  which here is an ordered pair of modalities. So keys exist per destination modality, as our values
  do: both tables have 3V rows. The backends expect as many queries as keys, so the queries are
  padded with zeros to 3V destinations without edges. The prior of a relation, a factor of its
  scores, is multiplied into its key matrix.
- HeteroConv of GATv2Conv (Brody et al., 2022, arXiv 2105.14491) takes one softmax per relation and
  sums over the relations. So there are 3V destinations, one per node and source modality. Its
  scores are additive: queries and keys are zero, and the scores become our edges' bias. They need a
  temporary of the size (edges, channels), as the peer's do; only the rest uses sparse products.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GATv2Conv, HeteroConv, HGTConv

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.graph import NUM_MODALITIES, HeterogeneousGraph
from synctva.modeling_synctva.graph_attention_sparse import sparse_attention

EdgeType = tuple[str, str, str]

EDGE_TYPES: list[EdgeType] = [
    (source, "to", destination) for destination in MODALITIES for source in MODALITIES
]
"""In the order of our ordered pairs: destination · 3 + source."""

Attention = Callable[..., tuple[Tensor, Tensor]]


def edges_by_type(graph: HeterogeneousGraph) -> dict[EdgeType, Tensor]:
    """Return the graph layers' edges as PyTorch Geometric takes them, (2, E) per edge type."""
    source, destination, modality = (
        graph.edges.source,
        graph.edges.destination,
        graph.nodes.modality,
    )
    offset = (modality.bincount(minlength=NUM_MODALITIES).cumsum(0)).roll(1)
    offset[0] = 0
    found = {}
    for number, edge_type in enumerate(EDGE_TYPES):
        i, j = divmod(number, NUM_MODALITIES)
        chosen = (modality[destination] == i) & (modality[source] == j)
        found[edge_type] = torch.stack(
            [source[chosen] - offset[j], destination[chosen] - offset[i]]
        )
    return found


def hgt_conv(width: int, heads: int) -> HGTConv:
    """Make the peer, with priors of the relations other than 1."""
    peer = HGTConv(width, width, (list(MODALITIES), EDGE_TYPES), heads)
    for prior in peer.p_rel.values():
        nn.init.uniform_(prior, 0.5, 1.5)
    return peer


class HGTByOurs(nn.Module):
    """The same function as an `HGTConv` over `EDGE_TYPES`, with a copy of its parameters.

    Args:
        peer: whose weights are copied; parameters keep their names.
        attention: our backend.
        graph: of the batch.
    """

    def __init__(self, peer: HGTConv, attention: Attention, graph: HeterogeneousGraph):
        super().__init__()
        self.copied = copy.deepcopy(peer)
        self.attention = attention
        rowptr, values = graph.edges.rowptr, graph.edges.value
        empty = rowptr[-1:].expand((NUM_MODALITIES - 1) * (len(rowptr) - 1))
        self.edges = graph.edges._replace(source=values, rowptr=torch.cat([rowptr, empty]))
        self.bias = torch.zeros(len(values), peer.heads)

    def forward(self, nodes: dict[str, Tensor]) -> dict[str, Tensor]:
        """(V_m, H) by modality → the same."""
        own, heads = self.copied, self.copied.heads
        width = own.out_channels // heads
        priors = torch.cat([own.p_rel["__".join(edge_type)] for edge_type in EDGE_TYPES])  # (9, h)
        grid = (heads, NUM_MODALITIES, NUM_MODALITIES, width, width)  # destination, source
        keys = own.k_rel.weight.view(grid) * priors.t().reshape(*grid[:3], 1, 1)
        relations = torch.cat([keys, own.v_rel.weight.view(grid)])  # (2h, 3, 3, d, d)
        queries, tables = [], []
        for j, name in enumerate(MODALITIES):
            states = own.kqv_lin.lins[name](nodes[name]).view(-1, 3, heads, width)
            queries.append(states[:, 1].transpose(0, 1))
            rows = states.permute(1, 2, 0, 3)[::2].reshape(2 * heads, -1, width)
            maps = relations[:, :, j].transpose(1, 2).flatten(2)  # (2h, d, 3d)
            projected = torch.bmm(rows, maps).unflatten(2, (NUM_MODALITIES, width))
            tables.append(projected.transpose(1, 2))
        table = torch.cat(tables, 2).flatten(1, 2)  # (2h, 3V, d)
        query = torch.cat(queries, 1)  # (h, V, d)
        total = query.shape[1]
        query = functional.pad(query, (0, 0, 0, table.shape[1] - total))
        key, value = table.split(heads)
        arguments = (tensor.transpose(0, 1) for tensor in (query, key, value))
        mixed, _ = self.attention(*arguments, self.bias, self.edges)
        blocks = functional.gelu(mixed[:total].flatten(1)).split([len(x) for x in nodes.values()])
        answer = {}
        for name, block in zip(nodes, blocks, strict=True):
            share = own.skip[name].sigmoid()
            output = own.out_lin.lins[name](block)
            answer[name] = share * output + (1 - share) * nodes[name]
        return answer


def gatv2_conv(width: int, heads: int) -> HeteroConv:
    """Make the peer: a GATv2 per ordered pair of modalities, summed."""
    convolutions = {
        edge_type: GATv2Conv((width, width), width // heads, heads, add_self_loops=False)
        for edge_type in EDGE_TYPES
    }
    return HeteroConv(convolutions, aggr="sum")


class GATv2ByOurs(nn.Module):
    """The same function as a `HeteroConv` of `GATv2Conv` over `EDGE_TYPES`; see `HGTByOurs`."""

    def __init__(self, peer: HeteroConv, graph: HeterogeneousGraph):
        super().__init__()
        self.copied = copy.deepcopy(peer)
        sizes = graph.nodes.modality.bincount(minlength=NUM_MODALITIES)  # nodes per modality
        self.pairs = list(edges_by_type(graph).values())  # each sorted by destination
        # Destinations are pair by pair (i, j, node of i), sources (i, j, node of j).
        targets = sizes.repeat_interleave(NUM_MODALITIES)
        origins = sizes.repeat(NUM_MODALITIES)
        source, destination = (
            torch.cat([pair[row] + first for pair, first in zip(self.pairs, starts, strict=True)])
            for row, starts in enumerate(
                ((origins.cumsum(0) - origins).tolist(), (targets.cumsum(0) - targets).tolist())
            )
        )
        degrees = destination.bincount(minlength=int(targets.sum()))
        self.edges = graph.edges._replace(
            source=source,
            destination=destination,
            value=source,
            rowptr=functional.pad(degrees.cumsum(0), (1, 0)),
        )

    def forward(self, nodes: dict[str, Tensor]) -> dict[str, Tensor]:
        """(V_m, H) by modality → the same."""
        convolutions = [self.copied.convs[edge_type] for edge_type in EDGE_TYPES]
        tables, scores = [], []
        for convolution, (source, _, destination), (origin, target) in zip(
            convolutions, EDGE_TYPES, self.pairs, strict=True
        ):
            shape = (-1, convolution.heads, convolution.out_channels)
            slope = convolution.negative_slope
            projected = convolution.lin_l(nodes[source]).view(shape)
            query = convolution.lin_r(nodes[destination]).view(shape)
            added = functional.leaky_relu(query[target] + projected[origin], slope)
            scores.append((added * convolution.att).sum(-1))  # (E of the pair, heads)
            tables.append(projected)
        value = torch.cat(tables)  # (3V, heads, d)
        nothing = value.new_zeros(len(value), value.shape[1], 1)
        mixed, _ = sparse_attention(nothing, nothing, value, torch.cat(scores), self.edges)
        blocks = iter(
            mixed.flatten(1).split([len(nodes[destination]) for _, _, destination in EDGE_TYPES])
        )
        return {
            destination: sum(
                next(blocks) + self.copied.convs[source, "to", destination].bias
                for source in MODALITIES
            )
            for destination in MODALITIES
        }


__all__ = [
    "EDGE_TYPES",
    "GATv2ByOurs",
    "HGTByOurs",
    "edges_by_type",
    "gatv2_conv",
    "hgt_conv",
]
