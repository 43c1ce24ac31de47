"""The training objective: emotion loss, per-modality losses, and the strengths' calibration."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

IGNORE_INDEX = -100

Criterion = Callable[[Tensor, Tensor], Tensor]
"""(K, C) logits and (K,) labels → (K,) losses."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Plain cross-entropy an item; what `forward` uses. (K, C), (K,) → (K,)."""
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
    """Sum over labelled utterances, divided by their number.

    For an utterance with label y and present modalities M:
    Σ_k criterion(z_k, y) + λ_a · mean_m criterion(z_m, y) + λ_s · mean_m BCE(s_m, t_m), with
    t_m = p_m(y) / (p_m(y) + π_y) = sigmoid(log p_m(y) - log π_y), not differentiated: how much
    likelier than its base rate π_y modality m's own head makes the true label. So a strength means
    something: 0.5 says nothing beyond the base rates, towards 1 this modality alone can be trusted
    here. (Corbière et al., 2019, take p_m(y) itself, "true class probability"; that is high for a
    frequent class whatever the modality says.)

    Args:
        branch_logits: (B, N, K, C) of K classifiers, each taught for itself.
        modality_logits: (B, N, 3, C).
        strength_logits, modality_mask: (B, N, 3).
        labels: (B, N), -100 where there is none.
        class_prior: (C,) base rates π of the training set.
        num_items_in_batch: labelled utterances of the whole step, over all processes and
            accumulated batches; by default those of this batch.

    Returns:
        A scalar; 0 with a gradient path if nothing is labelled.
    """
    # Masks instead of indexing by them: shapes that do not depend on values compile in one graph.
    labelled = labels != IGNORE_INDEX
    target = labels.clamp(min=0)  # (B, N)
    branches = target[..., None].expand(branch_logits.shape[:3])  # (B, N, K)
    losses = criterion(branch_logits.flatten(0, 2), branches.flatten())
    per_item = losses.view(branches.shape).sum(-1)
    share = modality_mask / modality_mask.sum(-1, keepdim=True).clamp(min=1)  # weights of a mean
    own_target = target[..., None].expand(modality_mask.shape)  # (B, N, 3)
    if auxiliary_weight:
        auxiliary = criterion(modality_logits.flatten(0, 2), own_target.flatten())
        per_item = per_item + auxiliary_weight * (share * auxiliary.view(share.shape)).sum(-1)
    if strength_weight:
        probabilities = modality_logits.detach().float().softmax(-1)
        likelihood = probabilities.gather(-1, own_target[..., None])[..., 0]  # (B, N, 3)
        trust = likelihood / (likelihood + class_prior[own_target])
        entropy = functional.binary_cross_entropy_with_logits(
            strength_logits.float(), trust, reduction="none"
        )
        per_item = per_item + strength_weight * (share * entropy).sum(-1)
    per_item = per_item.where(labelled, 0.0)
    items = labelled.sum() if num_items_in_batch is None else num_items_in_batch
    if torch.is_tensor(items):
        items = items.to(per_item.device).clamp(min=1)
    return per_item.sum() / items


__all__ = ["IGNORE_INDEX", "cross_entropy", "multitask_loss"]
