"""Graph attention by sampled and sparse matrix products; the same function as the reference."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.amp import custom_bwd, custom_fwd
from torch.autograd.function import once_differentiable

from .graph import GraphEdges


def sparse_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, edges: GraphEdges
) -> tuple[Tensor, Tensor]:
    """See `scatter_attention`: same arguments, same result, on the CPU.

    The edges are a CSR pattern, destinations by sources: the scores are a product of queries and
    keys sampled at it, the output is a sparse matrix times the values. So nothing of the size
    (E, heads, d) is ever made, which is what the reference spends its time and memory on; kept for
    the backward are the arguments, the output and the attention (E, heads). The attention that is
    returned is a constant to autograd. Computes in float32 whatever is narrower.

    Raises:
        ValueError: the tensors are not on the CPU.
    """
    if query.device.type != "cpu":
        raise ValueError(
            f"SyncTVAConfig.graph_attention = 'sparse' on {query.device}: expected the CPU; "
            "'scatter' and 'auto' run everywhere"
        )
    dtype = torch.float64 if value.dtype == torch.float64 else torch.float32
    arguments = (tensor.to(dtype) for tensor in (query, key, value, bias))
    pattern = (edges.rowptr, edges.source, edges.destination, edges.value)
    output, attention = _SparseAttention.apply(*arguments, *pattern)
    return output.to(value.dtype), attention


class _SparseAttention(torch.autograd.Function):
    """Forward and backward; float32 or float64, the products know no other.

    The heads are copies of the graph side by side, so that each product is one call: head h's node
    n is node h · V + n.
    """

    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        bias: Tensor,
        rowptr: Tensor,
        source: Tensor,
        destination: Tensor,
        value_row: Tensor,
    ) -> tuple[Tensor, Tensor]:
        heads = query.shape[1]
        scale = 1 / math.sqrt(query.shape[-1])
        q, k, v, start = (_by_head(tensor) for tensor in (query, key, value, bias))
        rows, sources = _copies(rowptr[1:], source, heads, len(query))
        _, values = _copies(rowptr[1:], value_row, heads, len(value))
        scores = _sample(rows, sources, start, q, k, scale)  # (heads · E,)
        scores = scores.view(heads, -1).t().contiguous()
        largest = torch.segment_reduce(scores, "max", offsets=rowptr, initial=-math.inf)
        attention = scores.sub_(largest.index_select(0, destination)).exp_()
        total = torch.segment_reduce(attention, "sum", offsets=rowptr)
        attention.div_(total.index_select(0, destination))  # (E, heads)
        output = _multiply(rows, values, _by_head(attention), v)  # (heads · V, d)
        ctx.save_for_backward(q, k, v, attention, output, rows, sources, values, destination)
        ctx.mark_non_differentiable(attention)
        return _by_node(output, heads), attention

    @staticmethod
    @custom_bwd(device_type="cpu")
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, attention, output, rows, sources, values, destination = ctx.saved_tensors
        heads = attention.shape[1]
        gradient = _by_head(gradients[0])  # (heads · V, d)
        # What more attention to each edge would give, less the mean over the destination's edges.
        along = _sample(rows, values, attention.new_zeros(len(values)), gradient, v, 1.0)
        mean = _by_node(gradient * output, heads).sum(-1)  # (V, heads)
        along = along.view(heads, -1).t().contiguous()  # (E, heads)
        d_bias = along.sub_(mean.index_select(0, destination)).mul_(attention)
        d_scores = d_bias / math.sqrt(q.shape[-1])

        # By source instead of destination: rows are those of the value table.
        own = values[: len(d_scores)]
        turn = own.argsort(stable=True)
        counts = torch.bincount(own, minlength=len(v) // heads)
        turned_rows, turned = _copies(counts.cumsum(0), destination[turn], heads, len(q) // heads)
        d_query = _multiply(rows, sources, _by_head(d_scores), k)
        d_key = _multiply(turned_rows, turned, _by_head(d_scores.index_select(0, turn)), q)
        d_key = d_key.view(heads, -1, len(q) // heads, q.shape[-1]).sum(1).flatten(0, 1)
        d_value = _multiply(
            turned_rows, turned, _by_head(attention.index_select(0, turn)), gradient
        )
        nodes = (_by_node(tensor, heads) for tensor in (d_query, d_key, d_value))
        return (*nodes, d_bias, None, None, None, None)


def _copies(ends: Tensor, columns: Tensor, heads: int, size: int) -> tuple[Tensor, Tensor]:
    """CSR pattern of `heads` copies side by side, as 32-bit integers.

    (n,) ends of the rows, (E,) columns below `size` → (heads · n + 1,), (heads · E,).
    """
    copy = torch.arange(heads, dtype=torch.int32)[:, None]
    rows = torch.zeros(heads * len(ends) + 1, dtype=torch.int32)
    rows[1:] = (ends.int() + len(columns) * copy).flatten()
    return rows, (columns.int() + size * copy).flatten()


def _by_head(rows: Tensor) -> Tensor:
    """(n, heads, ...) → (heads · n, ...)."""
    return rows.transpose(0, 1).flatten(0, 1).contiguous()


def _by_node(rows: Tensor, heads: int) -> Tensor:
    """(heads · n, d) → (n, heads, d)."""
    return rows.view(heads, -1, rows.shape[-1]).transpose(0, 1)


def _sample(
    rows: Tensor, columns: Tensor, start: Tensor, left: Tensor, right: Tensor, scale: float
) -> Tensor:
    """start + scale · left right', at the pattern: (E,) of (n, d) and (m, d)."""
    pattern = _csr(rows, columns, start, (len(left), len(right)))
    return torch.sparse.sampled_addmm(pattern, left, right.t(), alpha=scale).values()


def _multiply(rows: Tensor, columns: Tensor, values: Tensor, dense: Tensor) -> Tensor:
    """The sparse matrix with these values times (m, d): (n, d)."""
    return _csr(rows, columns, values, (len(rows) - 1, len(dense))) @ dense


def _csr(rows: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    _announce_sparse_tensors()
    return torch.sparse_csr_tensor(rows, columns, values, size, check_invariants=False)


@cache
def _announce_sparse_tensors() -> None:
    """Let torch say here, unheard, what it says once a process: that CSR is in beta state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.zeros(1, 1).to_sparse_csr()


__all__ = ["sparse_attention"]
