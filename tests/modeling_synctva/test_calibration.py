from itertools import pairwise

import pytest
import torch

from synctva.modeling_synctva.calibration import (
    INFORMATIVE_FROM,
    calibrated_probabilities,
    distance_from_base_rates,
    prediction_sets,
)

THRESHOLDS = [level / 100 for level in range(1, 100)]
PROBABILITIES = torch.tensor([[0.6, 0.25, 0.15], [0.34, 0.33, 0.33]])


def test_temperature_keeps_the_order_of_the_labels():
    logits = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(calibrated_probabilities(logits, 1.0), logits.softmax(-1))
    cold, hot = (calibrated_probabilities(logits, t) for t in (0.5, 2))
    assert (cold.argsort(-1) == hot.argsort(-1)).all()
    assert (cold.amax(-1) > hot.amax(-1)).all()
    torch.testing.assert_close(hot.sum(-1), torch.ones(5, 4))
    assert calibrated_probabilities(logits.bfloat16(), 2).dtype == torch.float32


@pytest.mark.parametrize(
    ("coverage", "members"),
    [
        (0.8, [[1, 1, 0], [1, 1, 1]]),
        (0.9, [[1, 1, 1], [1, 1, 1]]),
        (0.74, [[1, 0, 0], [1, 1, 1]]),
        (0.7401, [[1, 1, 0], [1, 1, 1]]),  # rounded up, to 75%
        (0.07, [[1, 0, 0], [1, 0, 0]]),  # never empty
        (1e-9, [[1, 0, 0], [1, 0, 0]]),
        (0.991, [[1, 1, 1], [1, 1, 1]]),
    ],
)
def test_sets_contain_the_labels_above_the_threshold(coverage, members):
    sets = prediction_sets(PROBABILITIES, coverage, THRESHOLDS)
    assert sets.int().tolist() == members


def test_sets_contain_every_label_above_the_last_level():
    certain = torch.tensor([[1.0, 0.0, 0.0]])
    assert prediction_sets(certain, 0.99, [0.0] * 99).int().tolist() == [[1, 0, 0]]
    assert prediction_sets(certain, 0.995, [0.0] * 99).all()


def test_sets_grow_with_the_coverage():
    probabilities = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)).softmax(-1)
    sets = [prediction_sets(probabilities, level / 100, THRESHOLDS) for level in range(1, 101, 9)]
    for small, large in pairwise(sets):
        assert (small <= large).all()


def test_answers_between_equal_shares_and_the_base_rates_say_nothing():
    rates = torch.tensor([0.6, 0.3, 0.1])
    between = rates**0.45 / (rates**0.45).sum()
    distance = distance_from_base_rates(
        torch.stack([rates, torch.full((3,), 1 / 3), between]), rates
    )
    assert (distance.abs() < 1e-3).all()
    told = torch.tensor([[0.95, 0.04, 0.01], [0.2, 0.2, 0.6], [0.0, 0.0, 1.0], [0.1, 0.8, 0.1]])
    distance = distance_from_base_rates(told, rates)
    assert (distance > INFORMATIVE_FROM).all() and distance.isfinite().all()
    # The least divergence, found on a fine grid.
    path = torch.stack([rates**b / (rates**b).sum() for b in torch.linspace(0, 1, 1001)])
    by_hand = [(row * (row.clamp(min=1e-9) / path).log()).sum(-1).min() for row in told]
    torch.testing.assert_close(distance, torch.stack(by_hand), atol=2e-3, rtol=0)
    # Without base rates, only equal shares say nothing.
    equal = torch.full((3,), 1 / 3)
    assert distance_from_base_rates(equal, equal) < 1e-6
    assert distance_from_base_rates(rates, equal) > INFORMATIVE_FROM
