"""Scores and times of invented runtimes."""

import pytest
import torch

from benchmarks.export_cost import processor_ms, scores


def test_a_runtime_is_compared_with_torch():
    batches = [
        {"labels": torch.tensor([[0, 1, -100]]), "attention_mask": torch.ones(1, 3)},
        {"labels": torch.tensor([[1, 1, 0]]), "attention_mask": torch.ones(1, 3)},
    ]
    logits = iter([torch.tensor([[[2.0, 0], [0, 2], [0, 0]]]), torch.tensor([[[0, 2.0]] * 3])])
    known = {"torch": lambda batch: batch["logits"], "other": lambda batch: -batch["logits"]}
    for batch in batches:
        batch["logits"] = next(logits)
    report = scores(known, batches, ["calm", "glad"])
    assert report["torch"]["n"] == 5
    assert report["torch"]["accuracy"] == pytest.approx(4 / 5)
    assert report["other"]["accuracy"] == pytest.approx(1 / 5)
    assert report["other"]["changed_answers"] == 5
    assert report["other"]["largest_difference"] == 4
    minus = report["other"]["weighted_f1_minus_torch"]["difference"]
    found = report["other"]["weighted_f1"] - report["torch"]["weighted_f1"]
    assert minus == pytest.approx(found)


def test_every_runtime_sees_every_batch_in_every_round():
    seen = {"one": 0, "two": 0}

    def runtime(name):
        def run(batch):
            seen[name] += 1
            return batch["attention_mask"]

        return run

    batches = [{"attention_mask": torch.ones(2, 3)}] * 4
    taken = processor_ms({name: runtime(name) for name in seen}, batches, rounds=2)
    assert seen == {"one": 12, "two": 12}
    assert taken.keys() == seen.keys()
    assert all(value >= 0 for value in taken.values())
