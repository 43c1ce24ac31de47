"""Which conversations a trial trains on, and on which it is judged."""

import pytest
from datasets import Dataset, DatasetDict

from benchmarks.accuracy.held_out import hold_out, judged_by, trial_seeds


def splits(**names: list[str]) -> DatasetDict:
    return DatasetDict({split: Dataset.from_dict({"dialogue_id": n}) for split, n in names.items()})


SESSIONS = splits(
    train=["Ses01F_a", "Ses03M_a", "Ses02F_a", "Ses01M_b", "Ses04F_a"],
    dev=["Ses02M_d", "Ses01F_d"],
    test=["Ses05F_t"],
)


def test_every_conversation_outside_test_is_held_out_once():
    seeds = trial_seeds("iemocap")[0]
    known = sorted([*SESSIONS["train"]["dialogue_id"], *SESSIONS["dev"]["dialogue_id"]])
    held = []
    for seed in seeds:
        trial = hold_out("iemocap", SESSIONS, seed)
        assert trial.keys() == {"train", "dev"}
        inside, outside = (list(trial[split]["dialogue_id"]) for split in ("dev", "train"))
        assert sorted(inside + outside) == known
        assert len({name[:5] for name in inside}) == 1  # a session whole,
        assert not {name[:5] for name in inside} & {name[:5] for name in outside}  # and apart
        held += inside
    assert sorted(held) == known


def test_the_later_seeds_go_through_the_sessions_again():
    first, all_seeds = trial_seeds("iemocap")
    assert all_seeds[: len(first)] == first and len(all_seeds) == 2 * len(first)
    for seed in first:
        again = hold_out("iemocap", SESSIONS, seed + len(first))["dev"]["dialogue_id"]
        assert again[:] == hold_out("iemocap", SESSIONS, seed)["dev"]["dialogue_id"][:]


def test_other_data_is_judged_by_its_own_dev():
    assert hold_out("meld", SESSIONS, 3) is SESSIONS
    assert judged_by("meld") == "dev" and judged_by("iemocap") == "sessions left out"
    assert trial_seeds("meld") == ((0, 1), (0, 1, 2, 3, 4))


@pytest.mark.parametrize("names", [["Ses02F_a", "Ses03F_a"], ["Ses01F_a", "Ses01M_a"]])
def test_a_session_that_cannot_be_left_out_is_said(names):
    data = splits(train=names, dev=names, test=[])
    with pytest.raises(ValueError, match=r"of 4 conversations .* 'Ses01'"):
        hold_out("iemocap", data, 0)
