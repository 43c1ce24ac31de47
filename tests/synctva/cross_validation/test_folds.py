"""Which conversations are held out, chosen on and learnt from."""

import numpy as np
import pytest
from datasets import Dataset

from synctva.cross_validation.folds import make_folds
from synctva.datasets_scripts.schema import UNLABELLED, conversation_features, new_conversation
from tests.support.toy import LABELS


def conversations(rows, ids=None):
    """A data set of conversations that are given as lists of (speaker, label)."""
    ids = ids or [f"d{number}" for number in range(len(rows))]
    made = [
        new_conversation(
            name, [str(t) for t in range(len(row))], [s for s, _ in row], [""] * len(row),
            [label for _, label in row],
        )
        for name, row in zip(ids, rows, strict=True)
    ]  # fmt: skip
    return Dataset.from_list(made, features=conversation_features(LABELS))


@pytest.fixture(scope="module")
def skewed():
    """60 conversations; the last label is rare, and only in some of them."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(60):
        chances = [0.7, 0.1, 0.2] if number % 4 == 0 else [0.7, 0.3, 0.0]
        labels = generator.choice(3, size=generator.integers(2, 12), p=chances)
        rows.append([(f"s{number % 7}", int(label)) for label in labels])
    return conversations(rows)


def check(folds, numbers):
    for fold in folds:
        parts = [set(fold.train), set(fold.dev), set(fold.held_out)]
        assert all(parts) and sum(map(len, parts)) == len(set.union(*parts))
        assert set.union(*parts) == set(numbers)


def test_every_conversation_is_held_out_once_and_labels_are_balanced(skewed):
    folds = make_folds(skewed, folds=5, seed=0)
    check(folds, range(60))
    assert sorted(i for fold in folds for i in fold.held_out) == list(range(60))
    labels = skewed["labels"][:]
    counts = np.array(
        [np.bincount(np.concatenate([labels[i] for i in f.held_out]), minlength=3) for f in folds]
    )
    expected = counts.sum(0) / 5
    assert (abs(counts - expected) <= np.maximum(2, 0.15 * expected)).all()
    for fold in folds:  # a tenth of the others
        utterances = {
            part: sum(len(labels[i]) for i in getattr(fold, part)) for part in fold._fields[1:4]
        }
        assert 0.05 < utterances["dev"] / (utterances["dev"] + utterances["train"]) < 0.15


def test_the_seed_divides(skewed):
    first = make_folds(skewed, folds=3, seed=1)
    assert first == make_folds(skewed, folds=3, seed=1)
    assert first != make_folds(skewed, folds=3, seed=2)


def test_a_speaker_is_held_out_with_every_conversation(skewed):
    folds = make_folds(skewed, leave_one_out="speaker")
    check(folds, range(60))
    assert [(fold.name, fold.speaker) for fold in folds] == [(f"s{n}", f"s{n}") for n in range(7)]
    assert folds[3].held_out == list(range(3, 60, 7))


def test_conversations_of_several_speakers_are_held_out_for_each():
    data = conversations(
        [
            [("ann", 0), ("bo", 1)],
            [("bo", 0), ("cy", 1)],
            [("cy", 0), ("cy", 0)],
            [("dot", UNLABELLED), ("cy", 1)],
            [("ann", 0)],
            [("eve", UNLABELLED)],
        ]
    )
    folds = {fold.name: fold for fold in make_folds(data, leave_one_out="speaker")}
    assert set(folds) == {"ann", "bo", "cy"}  # of the others, nothing is scored
    assert {name: fold.held_out for name, fold in folds.items()} == {
        "ann": [0, 4], "bo": [0, 1], "cy": [1, 2, 3],
    }  # fmt: skip
    check(folds.values(), range(5))  # not the conversation without a label


def test_sessions_and_conversations():
    rows = [[("a", 0), ("b", 1)]] * 6
    ids = [
        f"Ses0{session}{who}_{number}" for session in (1, 2, 3) for who in "FM" for number in "1"
    ]
    folds = make_folds(conversations(rows, ids), leave_one_out="session")
    assert [(f.name, f.held_out) for f in folds] == [
        ("Ses01", [0, 1]), ("Ses02", [2, 3]), ("Ses03", [4, 5]),
    ]  # fmt: skip
    given = make_folds(conversations(rows), leave_one_out="session", sessions=list("xyxyxy"))
    assert [(f.name, f.held_out) for f in given] == [("x", [0, 2, 4]), ("y", [1, 3, 5])]
    each = make_folds(conversations(rows), leave_one_out="dialogue")
    assert [f.held_out for f in each] == [[i] for i in range(6)]


PAIRS = [[("a", 0), ("b", 1)]] * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "folds = None, leave_one_out = None: expected one of the two"),
        ({"folds": 2, "leave_one_out": "speaker"}, "expected one of the two"),
        ({"folds": 1}, "folds = 1: expected 2 to 4, because 4 conversations have labels"),
        ({"folds": 9}, "folds = 9: expected 2 to 4"),
        ({"leave_one_out": "episode"}, "leave_one_out = 'episode': expected one of"),
        ({"leave_one_out": "session"}, "dialogue_id = 'd0' names no session: expected a table"),
        ({"leave_one_out": "session", "sessions": ["x"] * 4}, r"the data has \['x'\]: expected at"),
        ({"leave_one_out": "speaker"}, "speaker = 'a': 0 of 4 conversations are left: expected"),
    ],
)
def test_what_cannot_be_divided_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_folds(conversations(PAIRS), **options)
