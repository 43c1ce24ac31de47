"""Training losses for imbalanced classes, with one value per item.

All of them take `logits (K, C)` and `labels (K,)` of the labelled utterances and return `(K,)`. The
caller sums and divides by the number of labelled utterances over all processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CRITERIA = ("cross_entropy", "class_weighted", "class_balanced", "focal", "logit_adjusted")
"""Names that `build_criterion` knows."""

NEEDS_EVERY_CLASS = ("class_weighted", "class_balanced", "logit_adjusted")
"""Criteria that divide by, or take the logarithm of, the count of each class."""


def inverse_sqrt_weights(class_counts: Tensor) -> Tensor:
    """Return weights proportional to 1 / sqrt(n_c), with mean 1 over the items. (C,) -> (C,)"""
    return _unit_mean(class_counts.rsqrt(), class_counts)


def effective_number_weights(class_counts: Tensor, beta: float) -> Tensor:
    """Return the weights of Cui et al. 2019 (arXiv 1901.05555), with mean 1 over the items.

    They are proportional to 1 / E_c with the effective number E_c = (1 - beta^n_c) / (1 - beta):
    beta = 0 weights all classes equally, beta -> 1 by inverse frequency. In the paper the weights
    sum to C, which differs by a constant; mean 1 keeps the learning rate comparable between
    criteria.

    Args:
        class_counts: (C,) positive.
        beta: in [0, 1).
    """
    return _unit_mean((1 - beta) / (1 - beta**class_counts), class_counts)


def _unit_mean(weights: Tensor, class_counts: Tensor) -> Tensor:
    return weights * class_counts.sum() / (weights * class_counts).sum()


class CrossEntropy(nn.Module):
    """Cross-entropy of each item, with class weights and label smoothing.

    w_y * [(1 - s) * -log p_y + s / C * sum_c -log p_c]: the weight is that of the true class, also
    in the smoothed part. (`torch.nn.functional.cross_entropy` weights the smoothed part by each
    class c instead, which pulls predictions towards the rare classes.)

    Shapes:
        logits (K, C), labels (K,) long in [0, C) -> (K,) float32.

    Raises:
        ValueError: the number of classes of the logits differs from that of the class counts.
    """

    class_weights: Tensor

    def __init__(self, class_weights: Tensor, label_smoothing: float = 0.0):
        super().__init__()
        # Not persistent, because the weights belong to the training set, not to the model.
        self.register_buffer("class_weights", class_weights.float(), persistent=False)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        num_classes = len(self.class_weights)
        if logits.ndim != 2 or logits.shape[1] != num_classes:
            raise ValueError(
                f"logits of shape {tuple(logits.shape)}: expected (items, {num_classes}), because "
                f"class_counts has {num_classes} classes"
            )
        log_probabilities = self.adjust(logits.float()).log_softmax(dim=-1)  # (K, C)
        # gather, not nll_loss: an unlabelled item must fail here instead of having zero loss.
        log_true = log_probabilities.gather(1, labels[:, None]).squeeze(1)  # (K,)
        loss = -(1 - self.label_smoothing) * log_true
        if self.label_smoothing:
            loss = loss - self.label_smoothing * log_probabilities.mean(dim=-1)
        return self.class_weights[labels] * self.modulation(log_true) * loss

    def adjust(self, logits: Tensor) -> Tensor:
        """Adjust the logits before the softmax. (K, C) -> (K, C)"""
        return logits

    def modulation(self, log_true: Tensor) -> Tensor | float:
        """Return the factor of each item's loss, given log p_y. (K,) -> (K,)"""
        return 1.0


class FocalLoss(CrossEntropy):
    """Focal loss, Lin et al. 2017 (arXiv 1708.02002), without alpha: (1 - p_y)^gamma * CE.

    gamma = 0 is cross-entropy. With label smoothing the factor multiplies the smoothed loss.
    """

    def __init__(self, class_weights: Tensor, label_smoothing: float = 0.0, gamma: float = 2.0):
        super().__init__(class_weights, label_smoothing)
        self.gamma = gamma

    def modulation(self, log_true: Tensor) -> Tensor:
        # Clamped, because the derivative of x^gamma at 0 is infinite for gamma < 1.
        error = (-torch.expm1(log_true)).clamp(min=1e-6)
        return error**self.gamma


class LogitAdjustedLoss(CrossEntropy):
    """Logit adjustment, Menon et al. 2021 (arXiv 2007.07314): CE of logits + tau * log prior.

    The logits are adjusted only in training; unadjusted, they then minimise the balanced error.
    Their probabilities assume a balanced prior, so that they are less calibrated for the real one.
    """

    log_prior: Tensor

    def __init__(self, class_counts: Tensor, label_smoothing: float = 0.0, tau: float = 1.0):
        super().__init__(torch.ones_like(class_counts), label_smoothing)
        prior = class_counts / class_counts.sum()
        self.register_buffer("log_prior", prior.log().float(), persistent=False)
        self.tau = tau

    def adjust(self, logits: Tensor) -> Tensor:
        return logits + self.tau * self.log_prior


def build_criterion(
    name: str,
    class_counts: Sequence[int | float] | Tensor,
    label_smoothing: float = 0.0,
    focal_gamma: float = 2.0,
    class_balanced_beta: float = 0.999,
    logit_adjustment_tau: float = 1.0,
) -> CrossEntropy:
    """Build the loss of that name: `criterion(logits (K, C), labels (K,)) -> (K,)`.

    Args:
        name: one of `CRITERIA`. `class_weighted` weights by the inverse square root of the
            frequency, `class_balanced` by the inverse effective number.
        class_counts: (C,) numbers of items of each class in the training set.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        focal_gamma: exponent of `focal`, at least 0.
        class_balanced_beta: beta of `class_balanced`, in [0, 1).
        logit_adjustment_tau: strength of `logit_adjusted`, at least 0.

    Raises:
        ValueError: an argument is out of range, or a class has no items and the criterion needs
            some of every class.

    Example:
        >>> criterion = build_criterion("class_weighted", [400, 100], label_smoothing=0.1)
        >>> criterion(torch.zeros(3, 2), torch.tensor([0, 1, 1])).shape
        torch.Size([3])
    """
    if name not in CRITERIA:
        raise ValueError(f"criterion = {name!r}: expected one of {CRITERIA}")
    for argument, value, upper in (
        ("label_smoothing", label_smoothing, 1.0),
        ("focal_gamma", focal_gamma, float("inf")),
        ("class_balanced_beta", class_balanced_beta, 1.0),
        ("logit_adjustment_tau", logit_adjustment_tau, float("inf")),
    ):
        if not 0 <= value < upper:
            raise ValueError(f"{argument} = {value!r}: expected a number in [0, {upper})")
    counts = _checked_counts(class_counts, name)
    uniform = torch.ones_like(counts)
    if name == "class_weighted":
        return CrossEntropy(inverse_sqrt_weights(counts), label_smoothing)
    if name == "class_balanced":
        weights = effective_number_weights(counts, class_balanced_beta)
        return CrossEntropy(weights, label_smoothing)
    if name == "focal":
        return FocalLoss(uniform, label_smoothing, focal_gamma)
    if name == "logit_adjusted":
        return LogitAdjustedLoss(counts, label_smoothing, logit_adjustment_tau)
    return CrossEntropy(uniform, label_smoothing)


def _checked_counts(class_counts: Sequence[int | float] | Tensor, name: str) -> Tensor:
    counts = torch.as_tensor(class_counts).to(torch.float64)
    if counts.ndim != 1 or len(counts) < 2:
        raise ValueError(
            f"class_counts of shape {tuple(counts.shape)}: expected one count per class, for at "
            "least 2 classes"
        )
    if not torch.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(f"class_counts = {counts.tolist()}: expected finite counts, 0 or more")
    if name in NEEDS_EVERY_CLASS and (counts == 0).any():
        empty = torch.nonzero(counts == 0).flatten().tolist()
        raise ValueError(
            f"class_counts = {counts.tolist()}: classes {empty} have no training item; "
            f"{name!r} needs at least one of each ('cross_entropy' and 'focal' do not)"
        )
    return counts
