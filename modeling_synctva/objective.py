"""The training objective: losses of the emotion, of each modality's head and of the strengths."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

IGNORE_INDEX = -100
"""The label of padding and of utterances without a label."""

Criterion = Callable[[Tensor, Tensor], Tensor]
"""(K, C) logits and (K,) labels → (K,) losses."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each item: the criterion of `forward`. (K, C), (K,) → (K,)."""
    return functional.cross_entropy(logits.float(), labels, reduction="none")


def multitask_loss(
    branch_logits: Tensor,
    modality_logits: Tensor,
    strength_logits: Tensor,
    modality_mask: Tensor,
    labels: Tensor,
    class_prior: Tensor,
    *,
    auxiliary_weight: float,
    strength_weight: float,
    criterion: Criterion = cross_entropy,
    num_items_in_batch: int | Tensor | None = None,
) -> Tensor:
    """Return the mean loss of the labelled utterances.

    The loss of an utterance with label y, over its present modalities m, is
    Σ_k criterion(z_k, y) + λ_a · mean_m criterion(z_m, y) + λ_s · mean_m BCE(s_m, t_m).

    The strengths' target t_m = p_m(y) / (p_m(y) + π_y) = sigmoid(log p_m(y) - log π_y) is a
    constant to autograd. It compares the probability that modality m's own head gives to the true
    label with the label's base rate π_y. A strength of 0.5 therefore means that the modality tells
    nothing beyond the base rates, and one near 1 that the modality is reliable on its own. Corbière
    et al. (2019) use p_m(y) itself ("true class probability"), which is high for a frequent class
    whatever the modality shows.

    Args:
        branch_logits: (B, N, K, C) logits of K classifiers, each with a loss of its own.
        modality_logits: (B, N, 3, C) logits of each modality's head.
        strength_logits, modality_mask: (B, N, 3).
        labels: (B, N), `IGNORE_INDEX` where there is no label.
        class_prior: (C,) base rates π of the training set.
        auxiliary_weight, strength_weight: λ_a and λ_s.
        criterion: (K, C) logits and (K,) labels → (K,) losses.
        num_items_in_batch: number of labelled utterances in the whole step, over all processes and
            accumulated batches; default: those of this batch.

    Returns:
        A scalar in nats; 0 with a gradient path if no utterance has a label.
    """
    # Multiply by masks instead of indexing with them: shapes that do not depend on the values
    # compile into one graph.
    labelled = labels != IGNORE_INDEX
    target = labels.clamp(min=0)  # (B, N)
    branches = target[..., None].expand(branch_logits.shape[:3])  # (B, N, K)
    losses = criterion(branch_logits.flatten(0, 2), branches.flatten())
    per_item = losses.view(branches.shape).sum(-1)
    share = modality_mask / modality_mask.sum(-1, keepdim=True).clamp(min=1)  # the mean's weights
    own_target = target[..., None].expand(modality_mask.shape)  # (B, N, 3)
    if auxiliary_weight:
        auxiliary = criterion(modality_logits.flatten(0, 2), own_target.flatten())
        per_item = per_item + auxiliary_weight * (share * auxiliary.view(share.shape)).sum(-1)
    if strength_weight:
        probabilities = modality_logits.detach().float().softmax(-1)
        likelihood = probabilities.gather(-1, own_target[..., None])[..., 0]  # (B, N, 3)
        expected_strength = likelihood / (likelihood + class_prior[own_target])
        entropy = functional.binary_cross_entropy_with_logits(
            strength_logits.float(), expected_strength, reduction="none"
        )
        per_item = per_item + strength_weight * (share * entropy).sum(-1)
    per_item = per_item.where(labelled, 0.0)
    items = labelled.sum() if num_items_in_batch is None else num_items_in_batch
    if torch.is_tensor(items):
        items = items.to(per_item.device).clamp(min=1)
    return per_item.sum() / items


__all__ = ["IGNORE_INDEX", "cross_entropy", "multitask_loss"]
