import math

import torch
from torch.nn import functional

from synctva.modeling_synctva.objective import multitask_loss
from tests.support.toy import toy_batch, toy_model


def by_hand(output, batch, auxiliary, strength, prior):
    total, items = 0.0, 0
    for b, n in (batch["labels"] != -100).nonzero().tolist():
        label = batch["labels"][b, n]
        for branch in output.branch_logits[b, n]:
            total += functional.cross_entropy(branch, label)
        items += 1
        present = batch["modality_mask"][b, n].nonzero()[:, 0].tolist()
        for m in present:
            own = output.modality_logits[b, n, m]
            total += auxiliary * functional.cross_entropy(own, label) / len(present)
            p, s = own.softmax(-1)[label].detach(), output.strengths[b, n, m]
            t = torch.sigmoid(p.log() - prior[label].log())
            entropy = -(t * s.log() + (1 - t) * (1 - s).log())
            total += strength * entropy / len(present)
    return total / items


def test_loss_equals_the_formula():
    batch = toy_batch()
    model = toy_model(auxiliary_loss_weight=0.7, strength_loss_weight=0.2)
    model.set_class_prior(torch.tensor([50, 0, 9]))
    output = model(**batch)
    expected = by_hand(output, batch, 0.7, 0.2, model.class_prior)
    torch.testing.assert_close(output.loss, expected)


def test_losses_of_parts_with_the_global_count_sum_to_the_loss_of_the_batch():
    batch = toy_batch((6, 3, 5, 2))
    model = toy_model()
    items = (batch["labels"] != -100).sum()
    whole = model(**batch).loss
    halves = [{k: v[rows] for k, v in batch.items()} for rows in (slice(0, 2), slice(2, 4))]
    parts = sum(model(**half, num_items_in_batch=items).loss for half in halves)
    torch.testing.assert_close(parts, whole)


def test_without_labels_the_loss_is_zero_with_a_gradient_path():
    batch = toy_batch()
    batch["labels"] = torch.full_like(batch["labels"], -100)
    loss = toy_model()(**batch).loss
    loss.backward()
    assert loss == 0


def test_the_loss_of_a_strength_compares_its_head_with_the_base_rate_and_leaves_the_head_alone():
    logits = torch.zeros(1, 1, 1, 2)
    own = torch.tensor([[[[math.log(3.0), 0.0]] * 3]], requires_grad=True)
    strength = torch.zeros(1, 1, 3, requires_grad=True)
    loss = multitask_loss(
        logits, own, strength, torch.ones(1, 1, 3, dtype=torch.bool), torch.tensor([[0]]),
        torch.tensor([0.25, 0.75]),
        auxiliary_weight=0.0, strength_weight=1.0,
    )  # fmt: skip
    loss.backward()
    assert own.grad is None
    # d BCE / d logit = sigmoid(0) - 0.75, averaged over three modalities.
    torch.testing.assert_close(strength.grad, torch.full((1, 1, 3), (0.5 - 0.75) / 3))
