"""Which conversations each fold holds out, chooses its epoch on, and learns from."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from datasets import Dataset
from sklearn.model_selection import StratifiedGroupKFold

from synctva.datasets_scripts.schema import UNLABELLED

LEFT_OUT = ("speaker", "session", "dialogue")
"""What can be left out, one at a time."""

DEV_PARTS = 10
"""A fold's dev is one of so many parts of the conversations that it does not hold out."""

_IEMOCAP = re.compile(r"(Ses\d+)[FM]_")
"""How the ids of IEMOCAP's conversations begin."""


class Fold(NamedTuple):
    """One fold, as numbers of conversations."""

    name: str
    """What it holds out: a number, or a speaker, a session or a conversation."""
    train: list[int]
    dev: list[int]
    held_out: list[int]
    speaker: str | None = None
    """Whose utterances alone are scored; None: all."""


def make_folds(
    data: Dataset,
    *,
    folds: int | None = None,
    leave_one_out: str | None = None,
    sessions: Sequence[str] | None = None,
    seed: int = 0,
) -> list[Fold]:
    """Divide conversations into folds; those without any label are in none.

    Folds by number have about equal counts of each label, as far as whole conversations allow. So
    has dev, a tenth of the conversations that a fold does not hold out.

    Leaving a speaker out holds out every conversation in which they speak, and scores what they
    say. Where conversations mix speakers, what the others say is only context there, and is scored
    in the folds of its own speakers.

    Args:
        data: all conversations.
        folds: their number, or
        leave_one_out: one of `LEFT_OUT`, with a fold for each.
        sessions: the session of each conversation; default: by the ids of IEMOCAP's conversations.
        seed: of the division.

    Raises:
        ValueError: there are too few conversations, speakers or sessions, or sessions are unknown.
    """
    if (folds is None) == (leave_one_out is None):
        raise ValueError(
            f"folds = {folds}, leave_one_out = {leave_one_out}: expected one of the two"
        )
    labels = [np.asarray(row) for row in data["labels"]]
    labelled = [i for i, row in enumerate(labels) if (row != UNLABELLED).any()]
    if folds is not None:
        frequent = _most_frequent(labels, labelled)
        most = min(len(labelled), frequent)
        if not 2 <= folds <= most:
            reason = f"{len(labelled)} conversations have labels"
            if frequent < len(labelled):
                reason = f"the most frequent label has {frequent} utterances"
            raise ValueError(f"folds = {folds}: expected 2 to {most}, because {reason}")
        parts = divide(labels, labelled, folds, seed)
        groups = [(str(number), part) for number, part in enumerate(parts, 1)]
    else:
        groups = _groups(data, labels, labelled, str(leave_one_out), sessions)
        if len(groups) < 2:
            found = [name for name, _ in groups]
            raise ValueError(
                f"leave_one_out = {leave_one_out}: the data has {found}: expected at least two"
            )
    made = []
    for name, held_out in groups:
        rest = sorted(set(labelled) - set(held_out))
        most = min(DEV_PARTS, len(rest), _most_frequent(labels, rest))
        if most < 2:
            raise ValueError(
                f"{leave_one_out or 'fold'} = {name!r}: {len(rest)} of {len(labelled)} "
                "conversations are left: expected some to learn from and some to choose the epoch "
                "on, which needs one that is not in nearly all of them"
            )
        dev = next(part for part in divide(labels, rest, most, seed) if part)
        train = sorted(set(rest) - set(dev))
        speaker = name if leave_one_out == "speaker" else None
        made.append(Fold(name, train, dev, held_out, speaker))
    return made


def divide(
    labels: Sequence[np.ndarray], conversations: Sequence[int], parts: int, seed: int
) -> list[list[int]]:
    """Divide conversations into parts with about equal counts of each label.

    Args:
        labels: the labels of each conversation.
        conversations: numbers of those to divide.
        parts: their number.
        seed: of the order of conversations that have the same counts.
    """
    chosen = np.concatenate([labels[i] for i in conversations])  # (T,)
    owner = np.repeat(conversations, [len(labels[i]) for i in conversations])
    splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        divided = [held for _, held in splitter.split(chosen, chosen, owner)]
    return [sorted(set(owner[held].tolist())) for held in divided]


def _most_frequent(labels: Sequence[np.ndarray], conversations: Sequence[int]) -> int:
    """Return the number of utterances of the most frequent label, without which none is divided."""
    if not conversations:
        return 0
    found = np.concatenate([labels[i] for i in conversations])
    return int(np.unique(found, return_counts=True)[1].max())


def _groups(
    data: Dataset,
    labels: Sequence[np.ndarray],
    labelled: Sequence[int],
    what: str,
    sessions: Sequence[str] | None,
) -> list[tuple[str, list[int]]]:
    """Return the name and the conversations of whatever is left out."""
    ids = data["dialogue_id"][:]
    if what == "dialogue":
        return [(ids[i], [i]) for i in labelled]
    found: dict[str, list[int]] = {}
    if what == "speaker":
        speakers = data["speakers"][:]
        scored = {
            name
            for i in labelled
            for name, label in zip(speakers[i], labels[i], strict=True)
            if label != UNLABELLED
        }
        for i in labelled:
            for name in scored & set(speakers[i]):
                found.setdefault(name, []).append(i)
    elif what == "session":
        names = sessions_of(ids) if sessions is None else sessions
        for i in labelled:
            found.setdefault(names[i], []).append(i)
    else:
        raise ValueError(f"leave_one_out = {what!r}: expected one of {LEFT_OUT}")
    return sorted(found.items())


def sessions_of(ids: Sequence[str]) -> list[str]:
    """Return the sessions of IEMOCAP's conversations.

    Raises:
        ValueError: an id is not one of IEMOCAP's.
    """
    found = [_IEMOCAP.match(name) for name in ids]
    if not all(found):
        other = ids[found.index(None)]
        raise ValueError(
            f"leave_one_out = session: dialogue_id = {other!r} names no session: expected a table "
            "with a column 'session', or IEMOCAP, whose names begin like 'Ses01F_'"
        )
    return [match[1] for match in found if match]


__all__ = ["LEFT_OUT", "Fold", "make_folds"]
