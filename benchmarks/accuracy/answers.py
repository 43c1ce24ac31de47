"""The answers that a run keeps, and the true labels to compare them with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from synctva.trainer.recipes import load_conversations
from synctva.trainer.statistics import conversation_lengths


class Truth(NamedTuple):
    """The labels of a split's K utterances.

    Attributes:
        labels: (K,) class ids, IGNORE_INDEX where an utterance has no label.
        conversations: (K,) the number of each utterance's conversation.
    """

    labels: NDArray[np.int64]
    conversations: NDArray[np.int64]


def pack_answers(answers: NDArray[np.int64], lengths: Sequence[int]) -> str:
    """Write (conversations, N) class ids as text: a digit per utterance, spaces between rows.

    The text is short, and nothing of the data set is in it but the lengths of the conversations.
    """
    rows = [row[:length].tolist() for row, length in zip(answers, lengths, strict=True)]
    if any(not 0 <= answer <= 9 for row in rows for answer in row):
        raise ValueError(f"class ids = {sorted({a for row in rows for a in row})}: expected digits")
    return " ".join("".join(map(str, row)) for row in rows)


def read_truth(
    dataset: str, data_dir: str | None, features: str | Path | None
) -> dict[str, Truth] | None:
    """Read the truth of dev and test, by split; None if no folder with it is given."""
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
    """Return (S, labelled utterances) class ids of S runs; None if a run kept no answers.

    Raises:
        ValueError: a run's answers are for other conversations than the truth's.
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
                f"{name}: answers for {len(answers)} conversations of {split}, whose lengths "
                f"differ from those of the {len(lengths)} in the data: expected the data of the run"
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


__all__ = ["Truth", "labelled_answers", "pack_answers", "read_truth"]
