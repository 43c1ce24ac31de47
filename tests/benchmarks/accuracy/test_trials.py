"""Trials on disk, and which of them is the best."""

from benchmarks.accuracy.tables import trials_table
from benchmarks.accuracy.trials import (
    TRIALS,
    Settings,
    Trials,
    known_scores,
    read_trials,
    write_trials,
)

FIRST, SECOND, THIRD = Settings(1e-3, 0.3), Settings(2e-3, 0.3), Settings(2e-3, 0.5)


def test_the_best_has_the_best_mean_not_the_best_seed():
    scores = {FIRST: [0.5, 0.7], SECOND: [0.63, 0.63], THIRD: [0.2, 0.8]}
    assert Trials(scores, greater_is_better=True).best() == SECOND
    assert Trials(scores, greater_is_better=False).best() == THIRD


def test_of_equals_the_first_is_taken():
    scores = {settings: [0.5, 0.5] for settings in TRIALS}
    assert Trials(scores, greater_is_better=True).best() == TRIALS[0]


def test_with_more_seeds_than_others_a_trial_counts_more():
    scores = {FIRST: [0.5] * 5, SECOND: [0.9, 0.9], THIRD: [0.6] * 5}
    assert Trials(scores, greater_is_better=True).best() == THIRD


def test_what_is_written_is_read(tmp_path):
    trials = Trials({FIRST: [0.5, 0.7], SECOND: [0.6, 0.61]}, greater_is_better=True)
    origin = {"dataset": "meld", "features": "toy", "model": "bigru"}
    write_trials(tmp_path, Trials({FIRST: [0.1]}, greater_is_better=True), origin)
    write_trials(tmp_path, trials, origin)  # replaces them
    assert read_trials(tmp_path, "meld", "toy") == {"bigru": trials}
    assert not read_trials(tmp_path, "meld", "other")
    assert not read_trials(tmp_path, "iemocap", "toy")


def test_scores_are_known_from_trials_and_from_runs_in_the_order_of_the_seeds():
    assert known_scores(None, [None] * 5, "nll") == {}
    trials = Trials({FIRST: [0.5, 0.7], SECOND: [0.6]}, greater_is_better=False)
    # Nothing is taken from a run that comes after a missing seed.
    runs = [None] * 5
    for seed, settings in ((0, SECOND), (1, SECOND), (2, FIRST), (4, FIRST)):
        runs[seed] = {**settings._asdict(), "dev": {"nll": seed / 10}}
    expected = {FIRST: [0.5, 0.7, 0.2], SECOND: [0.6, 0.1]}
    assert known_scores(trials, runs, "nll") == expected
    assert trials.scores == {FIRST: [0.5, 0.7], SECOND: [0.6]}  # unchanged


def test_the_table_marks_the_best_of_each_model():
    table = trials_table(
        {
            "bigru": Trials({FIRST: [0.5, 0.7], SECOND: [0.6, 0.61]}, greater_is_better=True),
            "synctva": Trials({FIRST: [1.2], THIRD: [1.4]}, greater_is_better=False),
        },
        "dev",
    )
    header, _, synctva, bigru = table.splitlines()
    assert "tried on dev:" in header
    assert header.split(" | ")[1:] == ["0.001, 0.3", "0.002, 0.3", "0.002, 0.5 |"]
    assert synctva == "| synctva | **1.200** | - | 1.400 |"
    assert bigru == "| bigru | 60.0 | **60.5** | - |"
