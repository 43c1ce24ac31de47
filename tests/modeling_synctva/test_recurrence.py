"""Compare the operator for `torch.compile` with torch's own GRU."""

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from synctva.modeling_synctva.recurrence import _gru, compiled_gru


@pytest.mark.parametrize("count", [[3, 3, 2, 1, 1], [2, 2], [1]])
def test_equals_the_gru_of_torch(count):
    torch.manual_seed(0)
    gru = torch.nn.GRU(5, 4).double()
    inputs = torch.randn(sum(count), 5, dtype=torch.float64, requires_grad=True)
    steps = torch.tensor(count)
    ours = compiled_gru(gru, inputs, steps)
    torchs = gru(PackedSequence(inputs, steps))[0].data
    torch.testing.assert_close(ours, torchs)
    direction = torch.randn_like(torchs)
    leaves = [inputs, *gru.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(ours, leaves, direction),
        torch.autograd.grad(torchs, leaves, direction),
    )


def test_gradients():
    gru, count = torch.nn.GRU(3, 2).double(), torch.tensor([2, 1, 1])
    inputs = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows: compiled_gru(gru, rows, count), inputs)
    weights = [weight.detach() for weight in gru.all_weights[0]]
    torch.library.opcheck(
        _gru, (inputs.detach(), count, weights), test_utils=("test_schema", "test_faketensor")
    )


def test_no_utterance():
    gru, count = torch.nn.GRU(5, 4), torch.zeros(0, dtype=torch.long)
    states = compiled_gru(gru, torch.zeros(0, 5), count)
    assert states.shape == (0, 4)
    states.sum().backward()


def test_autocast_computes_in_float32():
    gru, rows = torch.nn.GRU(5, 4), torch.randn(3, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        states = compiled_gru(gru, rows, torch.tensor([2, 1]))
    states.sum().backward()
    assert states.dtype == rows.grad.dtype == torch.float32
