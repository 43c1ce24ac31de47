import pytest
import torch

from synctva.modeling_synctva.layers import Dropout


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_dropout_rate_mean_and_independence(p):
    torch.manual_seed(0)
    output = Dropout(p)(torch.ones(400, 401))
    dropped = output == 0
    assert abs(dropped.float().mean() - p) < 0.005
    assert abs(output.mean() - 1) < 0.02
    # All eight bytes of a random number are used, and they are independent.
    by_byte = dropped.flatten()[: 400 * 400].view(-1, 8).float()
    assert (by_byte.mean(0) - p).abs().max() < 0.02
    covariance = torch.cov(by_byte.T) - torch.diag(by_byte.var(0))
    assert covariance.abs().max() < 0.01


def test_gradients_pass_through_kept_values():
    torch.manual_seed(0)
    values = torch.randn(7, 9, requires_grad=True)
    output = Dropout(0.4)(values)
    output.sum().backward()
    torch.testing.assert_close(values.grad * values, output)


@pytest.mark.parametrize(("p", "training"), [(0.0, True), (0.5, False)])
def test_dropout_of_nothing(p, training):
    values = torch.randn(5, 3)
    assert torch.equal(Dropout(p).train(training)(values), values)


def test_dropout_of_everything():
    assert (Dropout(1.0)(torch.ones(3, 3)) == 0).all()


def test_same_seed_drops_the_same_values():
    values = torch.ones(13, 5)
    outputs = []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(Dropout(0.5)(values))
    assert torch.equal(*outputs)


@pytest.mark.parametrize("shape", [(0,), (0, 4), (1,), (3, 0, 2)])
def test_small_shapes(shape):
    assert Dropout(0.5)(torch.ones(shape)).shape == shape


def test_narrow_types_are_kept():
    assert Dropout(0.5)(torch.ones(9, dtype=torch.bfloat16)).dtype == torch.bfloat16
