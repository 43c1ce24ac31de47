"""What trials are judged on: dev or, if that is too small, sessions of the training data."""

from __future__ import annotations

from datasets import DatasetDict, concatenate_datasets

SESSIONS = {"iemocap": ("Ses01", "Ses02", "Ses03", "Ses04")}
"""How the ids of a session's conversations begin, by data set.

IEMOCAP's dev is 12 of the 120 conversations outside test, too few to distinguish settings. Each of
these sessions has two speakers of its own; so has the fifth, which is test.
"""


def judged_by(dataset: str) -> str:
    """Return what trials are judged on, in words."""
    return "sessions left out" if dataset in SESSIONS else "dev"


def trial_seeds(dataset: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the seeds of every trial, and those of the best one and the recipe.

    The second are more, because two seeds choose by luck.
    """
    folds = len(SESSIONS.get(dataset, ()))
    return (tuple(range(folds)), tuple(range(2 * folds))) if folds else ((0, 1), (0, 1, 2, 3, 4))


def hold_out(dataset: str, data: DatasetDict, seed: int) -> DatasetDict:
    """Return the train and dev splits of a trial: the data set's own, or split by session.

    Args:
        dataset: its name.
        data: its splits, with `dialogue_id`.
        seed: of the trial; consecutive seeds go through the sessions.

    Returns:
        For a data set in `SESSIONS`, all conversations of one session in train and dev as dev, and
        those of the other sessions as train; otherwise `data` itself. Test is never part of it.

    Raises:
        ValueError: there is no conversation of that session, or none of the others.
    """
    if dataset not in SESSIONS:
        return data
    session = SESSIONS[dataset][seed % len(SESSIONS[dataset])]
    known = concatenate_datasets([data["train"], data["dev"]])
    inside = [name.startswith(session) for name in known["dialogue_id"]]
    if all(inside) or not any(inside):
        raise ValueError(
            f"{sum(inside)} of {len(inside)} conversations of train and dev have a dialogue_id "
            f"that begins with {session!r}: expected some from this session and some from others"
        )
    return DatasetDict(
        train=known.select([i for i, here in enumerate(inside) if not here]),
        dev=known.select([i for i, here in enumerate(inside) if here]),
    )


__all__ = ["SESSIONS", "hold_out", "judged_by", "trial_seeds"]
