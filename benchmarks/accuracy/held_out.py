"""What judges trials: dev, or where that is too small, sessions of the training data left out."""

from __future__ import annotations

from datasets import DatasetDict, concatenate_datasets

SESSIONS = {"iemocap": ("Ses01", "Ses02", "Ses03", "Ses04")}
"""What the ids of a session's conversations begin with, by data set.

IEMOCAP's dev is 12 of the 120 conversations outside test, too few to tell settings apart. Each of
these sessions has two speakers of its own, and so has the fifth, which is test.
"""


def judged_by(dataset: str) -> str:
    """What a trial's scores are of."""
    return "sessions left out" if dataset in SESSIONS else "dev"


def trial_seeds(dataset: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Seeds of every trial, and of the best one and the recipe: two seeds alone choose by luck."""
    folds = len(SESSIONS.get(dataset, ()))
    return (tuple(range(folds)), tuple(range(2 * folds))) if folds else ((0, 1), (0, 1, 2, 3, 4))


def hold_out(dataset: str, data: DatasetDict, seed: int) -> DatasetDict:
    """The splits train and dev of a trial: the data set's own, or sessions apart.

    Args:
        dataset: its name.
        data: its splits, with `dialogue_id`.
        seed: of the trial; seeds follow each other through the sessions.

    Returns:
        Of a data set in `SESSIONS`, as dev all conversations of one session in train and dev, as
        train those of the others; else `data` itself. Test is never in it.

    Raises:
        ValueError: no conversation of that session, or none of the others.
    """
    if dataset not in SESSIONS:
        return data
    session = SESSIONS[dataset][seed % len(SESSIONS[dataset])]
    known = concatenate_datasets([data["train"], data["dev"]])
    inside = [name.startswith(session) for name in known["dialogue_id"]]
    if all(inside) or not any(inside):
        raise ValueError(
            f"{sum(inside)} of {len(inside)} conversations of train and dev have a dialogue_id "
            f"that begins with {session!r}: expected some of this session and some of others"
        )
    return DatasetDict(
        train=known.select([i for i, here in enumerate(inside) if not here]),
        dev=known.select([i for i, here in enumerate(inside) if here]),
    )


__all__ = ["SESSIONS", "hold_out", "judged_by", "trial_seeds"]
