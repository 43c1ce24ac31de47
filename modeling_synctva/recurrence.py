"""Gated recurrence over packed steps, all directions at once: `torch.nn.GRU`, trained faster.

An operator of torch's, so that `torch.compile` takes it whole: it does not look into a GRU.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


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
    return _recurrence(read, weight, bias, count)[0]


@torch.library.custom_op(
    "synctva::recurrence",
    mutates_args=(),
    schema="(Tensor read, Tensor weight, Tensor bias, Tensor count) "
    "-> (Tensor, Tensor, Tensor, Tensor)",
)
def _recurrence(
    read: Tensor, weight: Tensor, bias: Tensor, count: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What was read (K, T, 3H), weights (K, 3H, H), biases (K, 3H), rows a step → (K, T, H).

    With r, z = sigmoid of the first two thirds of read + W h + b:
    n = tanh(read + r (W h + b)) of the last third, and h' = (1 - z) n + z h.
    Further, for the backward: the gates (K, T, 3H), what the state says to n, and the state that
    each row starts from.
    """
    width = weight.shape[2]
    turned, bias = weight.transpose(1, 2), bias[:, None]
    states = read.new_empty(*read.shape[:2], width)
    before = torch.zeros_like(states)
    gates = torch.empty_like(read)  # r, z, n
    said = torch.empty_like(states)
    end, state = 0, before
    for rows in count.tolist():
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
    return states, gates, said, before


@_recurrence.register_fake
def _(read: Tensor, weight: Tensor, bias: Tensor, count: Tensor) -> tuple[Tensor, ...]:
    states = read.new_empty(*read.shape[:2], weight.shape[2])
    return states, torch.empty_like(read), torch.empty_like(states), torch.empty_like(states)


@torch.library.custom_op(
    "synctva::recurrence_backward",
    mutates_args=(),
    schema="(Tensor gradient, Tensor gates, Tensor said, Tensor before, Tensor weight, "
    "Tensor count) -> (Tensor, Tensor, Tensor)",
)
def _recurrence_backward(
    gradient: Tensor, gates: Tensor, said: Tensor, before: Tensor, weight: Tensor, count: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the states (K, T, H) → of what was read, of the weights and of the biases."""
    reset, update, new = gates.chunk(3, -1)
    # Derivatives of the new state to what z's and n's functions take, and of that to r's.
    to_update = (before - new) * update * (1 - update)
    to_new = (1 - update) * (1 - new * new)
    to_reset = said * reset * (1 - reset)
    width, end = weight.shape[2], gates.shape[1]
    d_said = torch.empty_like(gates)  # of what the state said to r, z, n
    d_new = torch.empty_like(new)
    later = new[:, :0]
    for rows in reversed(count.tolist()):
        step = slice(end - rows, end)
        end -= rows
        d_state = gradient[:, step].clone()
        d_state[:, : later.shape[1]] += later
        d_new[:, step] = d_state * to_new[:, step]
        own = d_said[:, step]
        torch.mul(d_new[:, step], to_reset[:, step], out=own[..., :width])
        torch.mul(d_state, to_update[:, step], out=own[..., width : 2 * width])
        torch.mul(d_new[:, step], reset[:, step], out=own[..., 2 * width :])
        later = torch.baddbmm(d_state * update[:, step], own, weight)
    d_read = torch.cat([d_said[..., : 2 * width], d_new], -1)
    return d_read, d_said.transpose(1, 2) @ before, d_said.sum(1)


@_recurrence_backward.register_fake
def _(
    gradient: Tensor, gates: Tensor, said: Tensor, before: Tensor, weight: Tensor, count: Tensor
) -> tuple[Tensor, ...]:
    return torch.empty_like(gates), torch.empty_like(weight), weight.new_empty(weight.shape[:2])


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
    _, weight, _, count = inputs
    ctx.save_for_backward(*output[1:], weight, count)
    ctx.set_materialize_grads(False)  # nothing reads what is kept for the backward but it


def _differentiate(ctx: Any, gradient: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    if gradient is None:
        return None, None, None, None
    return (*_recurrence_backward(gradient, *ctx.saved_tensors), None)


_recurrence.register_autograd(_differentiate, setup_context=_keep)
for _device in ("cpu", "cuda"):
    _recurrence.register_autocast(_device, torch.float32)


__all__ = ["packed_gru"]
