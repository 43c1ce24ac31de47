import pytest
import torch
from torch import nn

from synctva.trainer.averaging import WeightAverage


def test_the_average_follows_its_formula():
    model = nn.Linear(2, 1, bias=False)
    expected = model.weight.detach().clone()
    average = WeightAverage(model, decay=0.5)
    for step in range(1, 30):
        with torch.no_grad():
            model.weight.fill_(float(step))
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        torch.testing.assert_close(average.average["weight"], expected)
    assert (model.weight == 29).all()
    with WeightAverage.in_place(average):
        torch.testing.assert_close(model.weight.detach(), expected)
    assert (model.weight == 29).all()
    average.copy_to_model()
    torch.testing.assert_close(model.weight.detach(), expected)


def test_frozen_parameters_are_not_averaged():
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    assert WeightAverage(model, 0.9).parameters.keys() == {"weight"}


def test_no_average_changes_nothing():
    with WeightAverage.in_place(None):
        pass


def test_a_checkpoint_without_raw_weights_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="ema_decay = 0"):
        WeightAverage(nn.Linear(2, 2), 0.9).load_raw_weights(tmp_path)
