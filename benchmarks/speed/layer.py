"""One layer of graph attention, forward and backward, against PyTorch Geometric's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.graph import HeterogeneousGraph
from synctva.modeling_synctva.graph_attention import BACKENDS

from .peers import GATv2ByOurs, HGTByOurs, edges_by_type, gatv2_conv, hgt_conv
from .shapes import CORPORA, LAYERS, Size, batch, lengths
from .timing import interleaved, medians

TOLERANCE = 1e-4
"""Relative to the largest value: float32 sums in two orders, over all nodes for the weights."""

Layer = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


def measure(size: Size) -> dict[str, Any]:
    """Return seconds by corpus, width, "train" (with backward) or "inference", and layer.

    Also returns the largest relative difference between a peer and ours.

    Raises:
        AssertionError: outputs or gradients of a layer differ from its peer's; nothing is timed.
    """
    seconds: dict[str, Any] = {}
    largest = 0.0
    for corpus in CORPORA:
        for name, changes in LAYERS.items():
            layers, nodes = build(size, corpus, changes)
            for ours in layers:
                peer = ours.partition(",")[0]
                difference = largest_difference(layers[peer], layers[ours], nodes)
                assert difference < TOLERANCE, (corpus, name, ours, difference)
                largest = max(largest, difference)
            found = {
                kind: medians(interleaved({k: make(layers[k], nodes) for k in layers}, size.rounds))
                for kind, make in (("train", training), ("inference", inference))
            }
            seconds.setdefault(corpus, {})[name] = found
    return {"seconds": seconds, "max_output_difference": largest}


def build(
    size: Size, corpus: str, changes: Mapping[str, int]
) -> tuple[dict[str, nn.Module], dict[str, Tensor]]:
    """Make the peers and ours for one batch, and the nodes' states by modality."""
    config = size.build_config(corpus, **({} if size.config else changes))
    tensors = batch(config, corpus, lengths(corpus, size.batch_size(corpus)))["graph"]
    graph = HeterogeneousGraph.from_tensors(tensors)
    torch.manual_seed(0)
    width, heads = config.hidden_size, config.num_attention_heads
    nodes = {
        name: torch.randn(nodes, width, requires_grad=True)
        for name, nodes in zip(MODALITIES, graph.nodes.sizes, strict=False)
    }
    hgt, gatv2 = hgt_conv(width, heads), gatv2_conv(width, heads)
    by_type = edges_by_type(graph)
    layers: dict[str, nn.Module] = {"hgt": WithEdges(hgt, by_type)}
    for backend in ("sparse", "scatter"):
        layers[f"hgt, ours {backend}"] = HGTByOurs(hgt, BACKENDS[backend], graph)
    layers["gatv2"] = WithEdges(gatv2, by_type)
    layers["gatv2, ours sparse"] = GATv2ByOurs(gatv2, graph)
    return layers, nodes


class WithEdges(nn.Module):
    """A convolution of PyTorch Geometric on a fixed graph."""

    def __init__(self, convolution: nn.Module, edges: Mapping[Any, Tensor]):
        super().__init__()
        self.copied = convolution
        self.edges = edges

    def forward(self, nodes: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self.copied(dict(nodes), self.edges)


def training(layer: nn.Module, nodes: Mapping[str, Tensor]) -> Callable[[], None]:
    """Make a run of forward and backward, to the nodes and to every weight."""
    directions = [torch.randn_like(state) for state in nodes.values()]

    def run() -> None:
        layer.zero_grad(set_to_none=True)
        for state in nodes.values():
            state.grad = None
        answer = layer(nodes)
        torch.autograd.backward([answer[name] for name in nodes], directions)

    return run


def inference(layer: nn.Module, nodes: Mapping[str, Tensor]) -> Callable[[], None]:
    """Make a run of forward without gradients."""

    @torch.inference_mode()
    def run() -> None:
        layer(nodes)

    return run


def largest_difference(peer: nn.Module, ours: nn.Module, nodes: Mapping[str, Tensor]) -> float:
    """Return the largest difference of outputs and gradients, relative to the largest of each.

    Raises:
        AssertionError: one of them has a gradient that the other lacks.
    """
    found = []
    for layer in (peer, ours):
        torch.manual_seed(1)
        training(layer, nodes)()
        values = {f"output {name}": value for name, value in layer(nodes).items()}
        values |= {f"nodes {name}": state.grad for name, state in nodes.items()}
        values |= {name: weight.grad for name, weight in layer.named_parameters()}
        found.append({name: value.detach().clone() for name, value in values.items()})
    assert found[0].keys() == found[1].keys(), found[0].keys() ^ found[1].keys()
    return max(
        float((found[1][name] - value).abs().max() / value.abs().max().clamp(min=1e-12))
        for name, value in found[0].items()
    )


__all__ = ["build", "inference", "largest_difference", "measure", "training"]
