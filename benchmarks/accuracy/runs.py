"""Runs on disk: one JSON file each, with the answers, and the truth to hold them against."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from synctva.files import write_whole
from synctva.trainer.recipes import load_conversations
from synctva.trainer.statistics import conversation_lengths

RESULTS = Path(__file__).with_name("results")

FROZEN_FEATURES = "frozen MiniLM, prosody"


class Variant(NamedTuple):
    """A model, or Sync-TVA without a part."""

    model: str
    ablation: str | None = None

    def __str__(self) -> str:
        return self.model if self.ablation is None else f"{self.model} {self.ablation}"


Runs = dict[Variant, list[dict[str, Any]]]
"""The runs of each variant, by seed."""


class Truth(NamedTuple):
    """Labels of a split's utterances, (K,), -100 where there is none, and their conversations."""

    labels: NDArray[np.int64]
    conversations: NDArray[np.int64]


def features_name(
    dataset: str, features: str | Path | None, conversations: int | None = None
) -> str:
    """What a run's features are called: the folder's name, where there is one.

    And of how many training conversations they are, where it is not the data set's own number.
    """
    name = "simulated" if dataset == "simulated" else FROZEN_FEATURES
    if features is not None:
        name = Path(features).name
    return name if conversations is None else f"{name}, {conversations} conversations"


def run_path(
    folder: Path,
    dataset: str,
    variant: Variant,
    seed: int,
    features: str | Path | None = None,
    conversations: int | None = None,
) -> Path:
    """Where a run is kept."""
    name = None if features is None else features_name(dataset, features)
    budget = None if conversations is None else f"{conversations}-conversations"
    parts = [dataset, name, budget, variant.model, variant.ablation, f"seed{seed}"]
    return folder / f"{'-'.join(part for part in parts if part)}.json"


def write_run(path: Path, result: dict[str, Any]) -> None:
    """Write a run whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, text)


def read_runs(folder: Path, dataset: str, features: str) -> Runs:
    """All runs on a data set with features of this name (`features_name`)."""
    runs: Runs = {}
    for path in sorted(folder.glob(f"{dataset}-*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["dataset"] == dataset and result["features"] == features:
            runs.setdefault(Variant(result["model"], result["ablation"]), []).append(result)
    for these in runs.values():
        these.sort(key=lambda result: result["seed"])
    return runs


def pack_answers(answers: NDArray[np.int64], lengths: Sequence[int]) -> str:
    """(conversations, N) class ids as text: a digit an utterance, a space between conversations.

    Short, and one line in a file; nothing of the data set is in it but how long conversations are.
    """
    rows = [row[:length].tolist() for row, length in zip(answers, lengths, strict=True)]
    if any(not 0 <= answer <= 9 for row in rows for answer in row):
        raise ValueError(f"class ids {sorted({a for row in rows for a in row})}: expected digits")
    return " ".join("".join(map(str, row)) for row in rows)


def read_truth(
    dataset: str, data_dir: str | None, features: str | Path | None
) -> dict[str, Truth] | None:
    """Truth of dev and test by split; None where no folder is given that has it."""
    if features is not None and Path(features).is_dir():
        data = load_conversations("features", features, splits=["dev", "test"])
    elif dataset == "simulated" or data_dir is not None:
        data = load_conversations(dataset, data_dir, embed_text=False, max_train_conversations=1)
    else:
        return None
    truth = {}
    for split in ("dev", "test"):
        lengths = conversation_lengths(data[split])
        labels = np.concatenate([np.asarray(row, dtype=np.int64) for row in data[split]["labels"]])
        truth[split] = Truth(labels, np.repeat(np.arange(len(lengths)), lengths))
    return truth


def labelled_answers(
    runs: Iterable[dict[str, Any]], split: str, truth: Truth
) -> NDArray[np.int64] | None:
    """(S, labelled utterances) class ids of the runs; None if one was made without keeping them.

    Raises:
        ValueError: answers for other conversations than the truth's.
    """
    labelled = truth.labels >= 0
    rows = []
    for run in runs:
        if "answers" not in run:
            return None
        answers = run["answers"][split].split(" ")
        lengths = np.bincount(truth.conversations)
        name = f"{run['dataset']} {run['model']} seed {run['seed']}"
        if [len(text) for text in answers] != lengths.tolist():
            raise ValueError(
                f"{name}: answers for {len(answers)} conversations of {split}, whose lengths are "
                f"not those of the {len(lengths)} in the data: expected the data of the run"
            )
        row = np.array([int(digit) for digit in "".join(answers)])[labelled]
        score = f1_score(truth.labels[labelled], row, average="weighted", zero_division=0.0)
        kept = run[split]["weighted_f1"]
        if not np.isclose(score, kept, rtol=0, atol=1e-9):
            raise ValueError(
                f"{name}: its answers have weighted F1 {score:.6f} on {split}, but the run says "
                f"{kept:.6f}: expected the data of the run"
            )
        rows.append(row)
    return np.array(rows)


__all__ = [
    "FROZEN_FEATURES",
    "RESULTS",
    "Runs",
    "Truth",
    "Variant",
    "features_name",
    "labelled_answers",
    "pack_answers",
    "read_runs",
    "read_truth",
    "run_path",
    "write_run",
]
