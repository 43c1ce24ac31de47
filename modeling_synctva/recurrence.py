"""`torch.nn.GRU` as a single operator for `torch.compile`, which cannot trace the module."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn


def compiled_gru(gru: nn.GRU, inputs: Tensor, batch_sizes: Tensor) -> Tensor:
    """Run a GRU with one layer and one direction from a zero state.

    Outside `torch.compile`, calling the module does the same and needs less memory.

    Args:
        gru: the module.
        inputs: (T, D), packed as in `torch.nn.utils.rnn.PackedSequence`.
        batch_sizes: (N,) number of rows in each step, as there.

    Returns:
        The states (T, H).
    """
    return _gru(inputs, batch_sizes, list(gru.all_weights[0]))


def _run(inputs: Tensor, batch_sizes: Tensor, weights: list[Tensor]) -> Tensor:
    """Compute the same as `torch.nn.GRU.forward`."""
    if not len(inputs):
        return inputs.new_zeros(0, weights[1].shape[1])
    start = inputs.new_zeros(1, int(batch_sizes.max()), weights[1].shape[1])
    return torch.gru(inputs, batch_sizes.cpu(), start, weights, True, 1, 0.0, False, False)[0]


@torch.library.custom_op(
    "synctva::gru",
    mutates_args=(),
    schema="(Tensor inputs, Tensor batch_sizes, Tensor[] weights) -> Tensor",
)
def _gru(inputs: Tensor, batch_sizes: Tensor, weights: list[Tensor]) -> Tensor:
    return _run(inputs, batch_sizes, weights)


@_gru.register_fake
def _(inputs: Tensor, batch_sizes: Tensor, weights: list[Tensor]) -> Tensor:
    return inputs.new_empty(len(inputs), weights[1].shape[1])


@torch.library.custom_op(
    "synctva::gru_backward",
    mutates_args=(),
    schema="(Tensor gradient, Tensor inputs, Tensor batch_sizes, Tensor[] weights) -> Tensor[]",
)
def _gru_backward(
    gradient: Tensor, inputs: Tensor, batch_sizes: Tensor, weights: list[Tensor]
) -> list[Tensor]:
    """Return the gradients of the inputs and of each weight.

    They are torch's own derivatives of a second forward pass.
    """
    if not len(inputs):
        return [torch.zeros_like(tensor) for tensor in (inputs, *weights)]

    def differentiate() -> list[Tensor]:
        leaves = [tensor.detach().requires_grad_() for tensor in (inputs, *weights)]
        states = _run(leaves[0], batch_sizes, leaves[1:])
        return list(torch.autograd.grad(states, leaves, gradient))

    # Autograd is always off inside an operator, but only on that thread: use another one.
    with ThreadPoolExecutor(max_workers=1) as other_thread:
        return other_thread.submit(differentiate).result()


@_gru_backward.register_fake
def _(gradient: Tensor, inputs: Tensor, batch_sizes: Tensor, weights: list[Tensor]) -> list[Tensor]:
    return [torch.empty_like(tensor) for tensor in (inputs, *weights)]


def _save_arguments(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    rows, batch_sizes, weights = inputs
    ctx.save_for_backward(rows, batch_sizes, *weights)


def _differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, list[Tensor]]:
    rows, batch_sizes, *weights = ctx.saved_tensors
    d_inputs, *d_weights = _gru_backward(gradient, rows, batch_sizes, weights)
    return d_inputs, None, d_weights


_gru.register_autograd(_differentiate, setup_context=_save_arguments)
for _device in ("cpu", "cuda"):
    _gru.register_autocast(_device, torch.float32)


__all__ = ["compiled_gru"]
