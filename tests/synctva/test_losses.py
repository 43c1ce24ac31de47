"""Each criterion against its formula, written out."""

import math

import pytest
import torch
import torch.nn.functional as F

from synctva.losses import CRITERIA, build_criterion
from synctva.modeling_synctva.objective import IGNORE_INDEX

COUNTS = [400, 100, 25]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(12, 3, generator=generator) * 2
    return logits, torch.arange(12) % 3


def test_cross_entropy_is_torchs(batch):
    for smoothing in (0.0, 0.1):
        expected = F.cross_entropy(*batch, reduction="none", label_smoothing=smoothing)
        criterion = build_criterion("cross_entropy", COUNTS, label_smoothing=smoothing)
        torch.testing.assert_close(criterion(*batch), expected)


def test_class_weighted_is_inverse_square_root_with_unit_mean(batch):
    criterion = build_criterion("class_weighted", COUNTS)
    # 1/20, 1/10, 1/5; the mean over the 525 items is (20 + 10 + 5) / 525.
    expected = torch.tensor([1 / 20, 1 / 10, 1 / 5]) * 525 / 35
    torch.testing.assert_close(criterion.class_weights, expected)
    loss = F.cross_entropy(*batch, reduction="none") * expected[batch[1]]
    torch.testing.assert_close(criterion(*batch), loss)


def test_class_balanced_is_inverse_effective_number(batch):
    beta = 0.99
    criterion = build_criterion("class_balanced", COUNTS, class_balanced_beta=beta)
    raw = [(1 - beta) / (1 - beta**n) for n in COUNTS]
    mean = sum(w * n for w, n in zip(raw, COUNTS, strict=True)) / sum(COUNTS)
    expected = torch.tensor([w / mean for w in raw])
    torch.testing.assert_close(criterion.class_weights, expected)
    loss = F.cross_entropy(*batch, reduction="none") * expected[batch[1]]
    torch.testing.assert_close(criterion(*batch), loss)


def test_class_balanced_has_its_limits():
    flat = build_criterion("class_balanced", COUNTS, class_balanced_beta=0.0)
    torch.testing.assert_close(flat.class_weights, torch.ones(3))
    inverse = build_criterion("class_balanced", COUNTS, class_balanced_beta=1 - 1e-9).class_weights
    torch.testing.assert_close(inverse * torch.tensor(COUNTS), torch.full((3,), 175.0))


def test_focal_modulates_cross_entropy(batch):
    logits, labels = batch
    true = logits.softmax(-1)[torch.arange(12), labels]
    expected = (1 - true) ** 1.5 * -true.log()
    torch.testing.assert_close(build_criterion("focal", COUNTS, focal_gamma=1.5)(*batch), expected)
    plain = build_criterion("focal", COUNTS, focal_gamma=0.0)(*batch)
    torch.testing.assert_close(plain, F.cross_entropy(*batch, reduction="none"))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_gradient_is_finite_where_the_answer_is_certain(gamma):
    logits = torch.tensor([[200.0, 0.0, 0.0], [0.0, 200.0, 0.0]], requires_grad=True)
    build_criterion("focal", COUNTS, focal_gamma=gamma)(
        logits, torch.tensor([0, 0])
    ).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_logit_adjusted_adds_the_log_prior(batch):
    logits, labels = batch
    prior = torch.tensor([math.log(n / 525) for n in COUNTS])
    expected = F.cross_entropy(logits + 0.5 * prior, labels, reduction="none")
    criterion = build_criterion("logit_adjusted", COUNTS, logit_adjustment_tau=0.5)
    torch.testing.assert_close(criterion(*batch), expected)


@pytest.mark.parametrize("name", CRITERIA)
def test_label_smoothing_interpolates_with_the_mean_over_classes(name, batch):
    """loss(s) is linear in s, and s -> 1 ends at the mean of the losses of all classes."""
    logits, labels = batch

    def loss(smoothing: float) -> torch.Tensor:
        return build_criterion(name, COUNTS, label_smoothing=smoothing)(logits, labels)

    torch.testing.assert_close(loss(0.2), loss(0.0) + (loss(0.4) - loss(0.0)) / 2)
    if name == "cross_entropy":
        uniform = -logits.log_softmax(-1).mean(-1)
        torch.testing.assert_close(loss(0.3), 0.7 * loss(0.0) + 0.3 * uniform)


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_is_per_item_finite_and_trains(name, batch):
    logits, labels = batch
    criterion = build_criterion(name, COUNTS, label_smoothing=0.1)
    losses = criterion(logits, labels)
    assert losses.shape == (12,) and (losses > 0).all()
    torch.testing.assert_close(losses[4:5], criterion(logits[4:5], labels[4:5]))
    assert criterion(logits[:0], labels[:0]).shape == (0,)
    assert criterion(logits.bfloat16(), labels).dtype == torch.float32
    free = torch.zeros(12, 3, requires_grad=True)
    optimizer = torch.optim.SGD([free], lr=1.0)
    for _ in range(200):
        optimizer.zero_grad()
        criterion(free, labels).sum().backward()
        optimizer.step()
    assert (free.argmax(-1) == labels).all()


@pytest.mark.parametrize("name", CRITERIA)
def test_buffers_follow_the_module_and_stay_out_of_checkpoints(name):
    criterion = build_criterion(name, COUNTS)
    assert criterion.state_dict() == {}
    assert {buffer.device.type for buffer in criterion.to("meta").buffers()} == {"meta"}


@pytest.mark.parametrize(
    ("name", "counts", "options", "message"),
    [
        ("dice", COUNTS, {}, r"criterion = 'dice'.*cross_entropy"),
        ("class_weighted", [3, 0, 2], {}, r"classes \[1\] have no training item"),
        ("logit_adjusted", [3, 0, 2], {}, r"classes \[1\] have no training item"),
        ("class_weighted", [3.0, float("nan")], {}, r"class_counts = .*nan.*finite"),
        ("cross_entropy", [3, -1], {}, r"class_counts = .*0 or more"),
        ("cross_entropy", [3], {}, r"class_counts of shape \(1,\).*at least 2 classes"),
        ("cross_entropy", [[3, 4]], {}, r"class_counts of shape \(1, 2\)"),
        ("cross_entropy", COUNTS, {"label_smoothing": 1.0}, r"label_smoothing = 1.0.*\[0, 1.0\)"),
        ("focal", COUNTS, {"focal_gamma": -1.0}, r"focal_gamma = -1.0"),
        ("class_balanced", COUNTS, {"class_balanced_beta": 1.0}, r"class_balanced_beta = 1.0"),
        ("logit_adjusted", COUNTS, {"logit_adjustment_tau": float("nan")}, r"_tau = nan"),
    ],
)
def test_bad_arguments_are_named(name, counts, options, message):
    with pytest.raises(ValueError, match=message):
        build_criterion(name, counts, **options)


def test_criteria_without_class_weights_accept_an_absent_class(batch):
    for name in ("cross_entropy", "focal"):
        assert torch.isfinite(build_criterion(name, [5, 0, 2])(*batch)).all()


def test_logits_of_another_width_and_unlabelled_items_are_refused(batch):
    criterion = build_criterion("cross_entropy", COUNTS)
    with pytest.raises(ValueError, match=r"logits of shape \(12, 2\): expected \(items, 3\)"):
        criterion(batch[0][:, :2], batch[1])
    with pytest.raises(RuntimeError, match="index"):
        criterion(batch[0], torch.full((12,), IGNORE_INDEX))
