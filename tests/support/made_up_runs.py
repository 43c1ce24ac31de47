"""Invented runs: random answers around random labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.accuracy.answers import Truth, pack_answers
from benchmarks.accuracy.runs import Runs, Variant
from synctva.metrics import bootstrap_interval, compute, confusion_matrix
from synctva.modeling_synctva.objective import IGNORE_INDEX

WHOLE = Variant("synctva")
NAMES = ["calm", "glad", "cross"]
LENGTHS = {"dev": [3, 1, 5, 4, 2, 6, 3, 4], "test": [4, 2, 6, 3, 5, 1, 7, 4, 3, 5]}


def made_up_truth(seed: int = 0) -> dict[str, Truth]:
    """Return random labels; one utterance in ten has none."""
    rng = np.random.default_rng(seed)
    truth = {}
    for split, lengths in LENGTHS.items():
        labels = rng.integers(0, 3, sum(lengths))
        labels[rng.random(len(labels)) < 0.1] = IGNORE_INDEX
        truth[split] = Truth(labels, np.repeat(np.arange(len(lengths)), lengths))
    return truth


def made_up_run(
    variant: Variant = WHOLE,
    seed: int = 0,
    right: float = 0.6,
    truth: dict[str, Truth] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return a run that is right with this probability."""
    truth = truth or made_up_truth()
    rng = np.random.default_rng([seed, *map(ord, str(variant))])
    run: dict[str, Any] = {
        "dataset": "meld",
        "seed": seed,
        "model": variant.model,
        "ablation": variant.ablation,
        "features": "made up",
        "training_seconds": 10.0 + seed,
        "answers": {},
    }
    for split, (labels, _) in truth.items():
        correct = rng.random(len(labels)) < right
        answers = np.where(correct, labels.clip(min=0), rng.integers(0, 3, len(labels)))
        lengths = LENGTHS[split]
        padded = np.full((len(lengths), max(lengths)), IGNORE_INDEX)
        padded[np.arange(max(lengths)) < np.array(lengths)[:, None]] = answers
        run["answers"][split] = pack_answers(padded, lengths)
        labelled = labels >= 0
        logits = 2.0 * np.eye(3)[answers[labelled]]
        run[split] = compute(logits, labels[labelled], NAMES)
    run["confusion_matrix"] = confusion_matrix(logits, labels[labelled], NAMES).tolist()
    ids = truth["test"].conversations[labelled]
    run["test_interval"] = bootstrap_interval(logits.argmax(1), labels[labelled], ids)
    run["dev_curve"] = {"epoch": [1.0, 2.0], "weighted_f1": [0.4, 0.5], "nll": [1.1, 1.0]}
    return {**run, **fields}


def made_up_runs(truth: dict[str, Truth]) -> Runs:
    """Return three seeds of some models and ablations; the MLP is far behind."""
    shares = {
        Variant("concat-mlp"): 0.1,
        Variant("bigru"): 0.7,
        Variant("synctva"): 0.8,
        Variant("synctva", "loss-focal"): 0.7,
        Variant("synctva", "no-context"): 0.4,
    }
    return {
        variant: [made_up_run(variant, seed, right, truth) for seed in range(3)]
        for variant, right in shares.items()
    }
