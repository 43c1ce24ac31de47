"""Gated recurrence over packed steps, all directions at once: `torch.nn.GRU`, trained faster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import custom_bwd, custom_fwd
from torch.autograd.function import once_differentiable


def packed_gru(inputs: Sequence[Tensor], layers: Iterable[nn.GRU], count: Tensor) -> Tensor:
    """What each GRU, of one layer and direction, says to its packed input; from a zero state.

    On the CPU torch's own is slower to train, the more so the longer the conversation (measured in
    docs/speed.md). Here the recurrences share every operation of a step, there is one backward for
    all of it, and the weights' gradient is one product over all steps.

    Args:
        inputs: (T, D) for each GRU, packed as in `torch.nn.utils.rnn.PackedSequence`.
        layers: K of them.
        count: rows of each step.

    Returns:
        (K, T, H).
    """
    weights = [gru.all_weights[0] for gru in layers]  # of the input, the state, and their biases
    read = torch.stack(
        [
            nn.functional.linear(rows, of_input, bias)
            for rows, (of_input, _, bias, _) in zip(inputs, weights, strict=True)
        ]
    )
    weight = torch.stack([of_state for _, of_state, _, _ in weights])
    bias = torch.stack([of_state for _, _, _, of_state in weights])
    return _Recurrence.apply(read, weight, bias, count.tolist())


class _Recurrence(torch.autograd.Function):
    """What was read (K, T, 3H), weights (K, 3H, H), biases (K, 3H), rows a step → (K, T, H).

    With r, z = sigmoid of the first two thirds of read + W h + b:
    n = tanh(read + r (W h + b)) of the last third, and h' = (1 - z) n + z h.
    """

    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx: Any, read: Tensor, weight: Tensor, bias: Tensor, count: list[int]) -> Tensor:
        width = weight.shape[2]
        turned, bias = weight.transpose(1, 2), bias[:, None]
        states = read.new_empty(*read.shape[:2], width)
        before = torch.zeros_like(states)  # of each row the state that it starts from
        gates = torch.empty_like(read)  # r, z, n
        said = torch.empty_like(states)  # by the state to n
        end, state = 0, before
        for rows in count:
            step = slice(end, end + rows)
            end += rows
            state = state[:, :rows]
            before[:, step] = state
            heard = torch.baddbmm(bias, state, turned)
            said[:, step] = heard[..., 2 * width :]
            both = (read[:, step, : 2 * width] + heard[..., : 2 * width]).sigmoid_()
            reset, update = both.chunk(2, -1)
            new = torch.addcmul(read[:, step, 2 * width :], reset, heard[..., 2 * width :]).tanh_()
            gates[:, step, : 2 * width] = both
            gates[:, step, 2 * width :] = new
            state = torch.lerp(new, state, update)
            states[:, step] = state
        ctx.save_for_backward(gates, said, before, weight)
        ctx.count = count
        return states

    @staticmethod
    @custom_bwd(device_type="cpu")
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gates, said, before, weight = ctx.saved_tensors
        reset, update, new = gates.chunk(3, -1)
        # Derivatives of the new state to what z's and n's functions take, and of that to r's.
        to_update = (before - new) * update * (1 - update)
        to_new = (1 - update) * (1 - new * new)
        to_reset = said * reset * (1 - reset)
        width, end = weight.shape[2], gates.shape[1]
        d_said = torch.empty_like(gates)  # of what the state said to r, z, n
        d_new = torch.empty_like(new)
        later = new[:, :0]
        for rows in reversed(ctx.count):
            step = slice(end - rows, end)
            end -= rows
            d_state = gradients[0][:, step].clone()
            d_state[:, : later.shape[1]] += later
            d_new[:, step] = d_state * to_new[:, step]
            own = d_said[:, step]
            torch.mul(d_new[:, step], to_reset[:, step], out=own[..., :width])
            torch.mul(d_state, to_update[:, step], out=own[..., width : 2 * width])
            torch.mul(d_new[:, step], reset[:, step], out=own[..., 2 * width :])
            later = torch.baddbmm(d_state * update[:, step], own, weight)
        d_read = torch.cat([d_said[..., : 2 * width], d_new], -1)
        return d_read, d_said.transpose(1, 2) @ before, d_said.sum(1), None


__all__ = ["packed_gru"]
