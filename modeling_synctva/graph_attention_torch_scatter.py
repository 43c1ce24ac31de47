"""Graph attention with the package torch-scatter: the same function as the reference."""

from __future__ import annotations

import math

from torch import Tensor

from .graph import GraphEdges

# Inside `try`, so that a checkpoint's code can be loaded without the package.
try:
    import torch_scatter
except (ImportError, OSError):  # OSError: built for another version of torch
    torch_scatter = None


def torch_scatter_available() -> bool:
    """Return whether torch-scatter can be imported."""
    return torch_scatter is not None


def torch_scatter_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, edges: GraphEdges
) -> tuple[Tensor, Tensor]:
    """Compute graph attention; same arguments and result as `scatter_attention`."""
    source, destination = edges.source, edges.destination
    scores = (query[destination] * key[source]).sum(-1) / math.sqrt(query.shape[-1]) + bias
    scores = scores.float() if scores.element_size() < 4 else scores
    attention = torch_scatter.scatter_softmax(scores, destination, dim=0, dim_size=len(query))
    messages = attention[..., None].to(value.dtype) * value[edges.value]  # (E, heads, d)
    output = torch_scatter.scatter_sum(messages, destination, dim=0, dim_size=len(query))
    return output, attention


__all__ = ["torch_scatter_attention", "torch_scatter_available"]
