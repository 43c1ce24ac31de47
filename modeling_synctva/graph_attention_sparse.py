"""Graph attention with sampled and sparse matrix products: the same function as the reference."""

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
    """Compute graph attention on the CPU; same arguments and result as `scatter_attention`.

    The edges are the pattern of a CSR matrix of destinations by sources. The scores are the product
    of queries and keys, sampled at that pattern; the output is the sparse attention matrix times
    the values. No tensor of size (E, heads, d) is made, which is what the reference spends its time
    and memory on. The backward pass needs only the arguments, the output and the attention
    (E, heads). The returned attention is a constant to autograd. Narrower types than float32 are
    computed in float32.

    Raises:
        ValueError: the tensors are not on the CPU.
    """
    if query.device.type != "cpu":
        raise ValueError(
            f"SyncTVAConfig.graph_attention = 'sparse' on {query.device}: expected the CPU, or "
            "'scatter' or 'auto', which run on every device"
        )
    dtype = torch.float64 if value.dtype == torch.float64 else torch.float32
    arguments = (tensor.to(dtype) for tensor in (query, key, value, bias))
    pattern = (edges.rowptr, edges.source, edges.destination, edges.value)
    output, attention = _SparseAttention.apply(*arguments, *pattern)
    return output.to(value.dtype), attention


class _SparseAttention(torch.autograd.Function):
    """Forward and backward pass in float32 or float64, the types that sparse products support.

    Each head is a copy of the graph, so that one product computes all heads: node n in head h is
    row h · V + n.
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
        q, k, v, biases = (_by_head(tensor) for tensor in (query, key, value, bias))
        rows, sources = _repeat_pattern(rowptr[1:], source, heads, len(query))
        _, values = _repeat_pattern(rowptr[1:], value_row, heads, len(value))
        scores = _sampled_product(rows, sources, biases, q, k, scale)  # (heads · E,)
        scores = scores.view(heads, -1).t().contiguous()
        largest = torch.segment_reduce(scores, "max", offsets=rowptr, initial=-math.inf)
        attention = scores.sub_(largest.index_select(0, destination)).exp_()
        total = torch.segment_reduce(attention, "sum", offsets=rowptr)
        attention.div_(total.index_select(0, destination))  # (E, heads)
        output = _sparse_product(rows, values, _by_head(attention), v)  # (heads · V, d)
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
        # Backward of the softmax: a · (d_a - Σ a d_a), where the sum is gradient · output.
        no_bias = attention.new_zeros(len(values))
        d_attention = _sampled_product(rows, values, no_bias, gradient, v, 1.0)
        d_attention = d_attention.view(heads, -1).t().contiguous()  # (E, heads)
        mean = _by_node(gradient * output, heads).sum(-1)  # (V, heads)
        d_bias = d_attention.sub_(mean.index_select(0, destination)).mul_(attention)
        d_scores = d_bias / math.sqrt(q.shape[-1])

        # The transposed pattern, with the rows of the table of values in place of destinations.
        value_row = values[: len(d_scores)]  # (E,), those of the first head
        order = value_row.argsort(stable=True)
        ends = torch.bincount(value_row, minlength=len(v) // heads).cumsum(0)
        rows_t, columns_t = _repeat_pattern(ends, destination[order], heads, len(q) // heads)
        d_scores_t = _by_head(d_scores.index_select(0, order))
        attention_t = _by_head(attention.index_select(0, order))
        d_query = _sparse_product(rows, sources, _by_head(d_scores), k)
        d_key = _sparse_product(rows_t, columns_t, d_scores_t, q)
        d_key = d_key.view(heads, -1, len(q) // heads, q.shape[-1]).sum(1).flatten(0, 1)
        d_value = _sparse_product(rows_t, columns_t, attention_t, gradient)
        nodes = (_by_node(tensor, heads) for tensor in (d_query, d_key, d_value))
        return (*nodes, d_bias, None, None, None, None)


def _repeat_pattern(ends: Tensor, columns: Tensor, heads: int, size: int) -> tuple[Tensor, Tensor]:
    """Return a block-diagonal CSR pattern of `heads` equal blocks, as 32-bit integers.

    Args:
        ends: (n,), where each row of a block ends.
        columns: (E,), column of each entry of a block.
        heads: number of blocks.
        size: number of columns of a block.

    Returns:
        Row pointers (heads · n + 1,) and columns (heads · E,).
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


def _sampled_product(
    rows: Tensor, columns: Tensor, bias: Tensor, left: Tensor, right: Tensor, scale: float
) -> Tensor:
    """Return bias + scale · left rightᵀ at the pattern's entries: (n, d), (m, d) → (E,)."""
    pattern = _csr(rows, columns, bias, (len(left), len(right)))
    return torch.sparse.sampled_addmm(pattern, left, right.t(), alpha=scale).values()


def _sparse_product(rows: Tensor, columns: Tensor, values: Tensor, dense: Tensor) -> Tensor:
    """Return the sparse matrix with these values times `dense`: (m, d) → (n, d)."""
    return _csr(rows, columns, values, (len(rows) - 1, len(dense))) @ dense


def _csr(rows: Tensor, columns: Tensor, values: Tensor, size: tuple[int, int]) -> Tensor:
    _silence_beta_warning()
    return torch.sparse_csr_tensor(rows, columns, values, size, check_invariants=False)


@cache
def _silence_beta_warning() -> None:
    """Trigger torch's warning that CSR tensors are in beta, which it gives once per process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.zeros(1, 1).to_sparse_csr()


__all__ = ["sparse_attention"]
