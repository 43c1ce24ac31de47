"""Graph attention by sampled and sparse matrix products; the same function as the reference."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.amp import custom_bwd, custom_fwd
from torch.autograd.function import once_differentiable


def sparse_attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, edges: dict[str, Tensor]
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
    pattern = (edges[name] for name in ("rowptr", "source", "destination", "value"))
    output, attention = _SparseAttention.apply(*arguments, *pattern)
    return output.to(value.dtype), attention


class _SparseAttention(torch.autograd.Function):
    """Forward and backward, head by head; float32 or float64, the products know no other."""

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
        scale = 1 / math.sqrt(query.shape[-1])
        rows, columns, value_columns = rowptr.int(), source.int(), value_row.int()
        q, k, v = (tensor.transpose(0, 1).contiguous() for tensor in (query, key, value))
        scores = torch.stack(
            [
                _sample(rows, columns, bias_h.contiguous(), q_h, k_h, scale)
                for bias_h, q_h, k_h in zip(bias.unbind(1), q, k, strict=True)
            ],
            dim=1,
        )  # (E, heads)
        largest = torch.segment_reduce(scores, "max", offsets=rowptr, initial=-math.inf)
        attention = scores.sub_(largest[destination]).exp_()
        total = torch.segment_reduce(attention, "sum", offsets=rowptr)
        attention.div_(total[destination])
        output = torch.stack(
            [
                _multiply(rows, value_columns, a_h, v_h)
                for a_h, v_h in zip(attention.t().contiguous(), v, strict=True)
            ],
            dim=1,
        )  # (V, heads, d)
        ctx.save_for_backward(q, k, v, attention, output, rows, columns, value_columns, destination)
        ctx.mark_non_differentiable(attention)
        return output, attention

    @staticmethod
    @custom_bwd(device_type="cpu")
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, attention, output, rows, columns, value_columns, destination = ctx.saved_tensors
        scale = 1 / math.sqrt(q.shape[-1])
        gradient = gradients[0]  # (V, heads, d)
        g = gradient.transpose(0, 1).contiguous()
        zeros = torch.zeros_like(attention[:, 0])
        along = torch.stack(
            [
                _sample(rows, value_columns, zeros, g_h, v_h, 1.0)
                for g_h, v_h in zip(g, v, strict=True)
            ],
            dim=1,
        )  # (E, heads), what more attention to each edge would give
        mean = (gradient * output).sum(-1)  # (V, heads), the same as Σ_e a_e along_e
        d_scores = along.sub_(mean[destination]).mul_(attention)

        # By source instead of destination: rows are those of the value table.
        transpose = value_columns.argsort(stable=True)
        counts = torch.bincount(value_columns, minlength=v.shape[1])
        turned_rows = torch.zeros(v.shape[1] + 1, dtype=torch.int32)
        turned_rows[1:] = counts.cumsum(0)
        turned_columns = destination[transpose].int()
        by_head = (d_scores * scale).t().contiguous()  # (heads, E)
        by_source = by_head[:, transpose]
        d_query = [_multiply(rows, columns, s, k_h) for s, k_h in zip(by_head, k, strict=True)]
        d_key = [
            _multiply(turned_rows, turned_columns, s, q_h).view(-1, *q_h.shape).sum(0)
            for s, q_h in zip(by_source, q, strict=True)
        ]
        d_value = [
            _multiply(turned_rows, turned_columns, a, g_h)
            for a, g_h in zip(attention[transpose].t().contiguous(), g, strict=True)
        ]
        stacked = (torch.stack(parts, dim=1) for parts in (d_query, d_key, d_value))
        return (*stacked, d_scores, None, None, None, None)


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
    with warnings.catch_warnings():  # "in beta state", once a process
        warnings.filterwarnings("ignore", message="Sparse CSR", category=UserWarning)
        return torch.sparse_csr_tensor(rows, columns, values, size, check_invariants=False)


__all__ = ["sparse_attention"]
