"""The recurrence that trains on the CPU against torch's own GRU."""

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from synctva.modeling_synctva.recurrence import _recurrence, packed_gru


@pytest.mark.parametrize("count", [[3, 3, 2, 1, 1], [2, 2], [1]])
@pytest.mark.parametrize("directions", [1, 2])
def test_it_is_torchs_gru(count, directions):
    torch.manual_seed(0)
    layers = [torch.nn.GRU(5, 4).double() for _ in range(directions)]
    inputs = [torch.randn(sum(count), 5, dtype=torch.float64, requires_grad=True) for _ in layers]
    steps = torch.tensor(count)
    ours = packed_gru(inputs, layers, steps)
    torchs = torch.stack(
        [gru(PackedSequence(x, steps))[0].data for gru, x in zip(layers, inputs, strict=True)]
    )
    torch.testing.assert_close(ours, torchs)
    direction = torch.randn_like(torchs)
    leaves = [*inputs, *(weight for gru in layers for weight in gru.parameters())]
    torch.testing.assert_close(
        torch.autograd.grad(ours, leaves, direction),
        torch.autograd.grad(torchs, leaves, direction),
    )


def test_gradients():
    count, shapes = torch.tensor([2, 1, 1]), ((2, 4, 9), (2, 9, 3), (2, 9))
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *these: _recurrence(*these, count)[0], tensors)
    constants = [tensor.detach() for tensor in tensors]
    torch.library.opcheck(
        _recurrence, (*constants, count), test_utils=("test_schema", "test_faketensor")
    )


def test_no_utterance():
    layers = [torch.nn.GRU(5, 4)]
    answer = packed_gru([torch.zeros(0, 5)], layers, torch.zeros(0, dtype=torch.long))
    assert answer.shape == (1, 0, 4)
    answer.sum().backward()


def test_autocast_computes_in_float32():
    layers, rows = [torch.nn.GRU(5, 4)], torch.randn(3, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        answer = packed_gru([rows], layers, torch.tensor([2, 1]))
    answer.sum().backward()
    assert answer.dtype == rows.grad.dtype == torch.float32
