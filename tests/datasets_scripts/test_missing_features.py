"""Missing values take the training mean, and utterances without any value are masked."""

import numpy as np
import pytest

from synctva.datasets_scripts.missing_features import attach_features
from synctva.datasets_scripts.schema import new_conversation

GAP = np.nan


def conversation(length):
    ids = [str(index) for index in range(length)]
    return new_conversation("d", ids, ["ann"] * length, ["Hi."] * length, [0] * length)


def test_gaps_take_the_training_mean_and_empty_rows_are_masked():
    conversations = {"train": [conversation(2)], "test": [conversation(3)]}
    values = {
        "train": [np.array([[1.0, 4.0], [3.0, GAP]])],
        "test": [np.array([[GAP, 5.0], [GAP, GAP], [7.0, 8.0]])],
    }
    notes = attach_features(conversations, values, ("f0", "f1"), "audio")
    (train,), (test,) = conversations.values()
    assert train["audio_features"].tolist() == [[1, 4], [3, 4]]
    assert test["audio_features"].tolist() == [[2, 5], [0, 0], [7, 8]]
    assert train["audio_features"].dtype == np.float32
    assert test["modality_mask"].tolist() == [[True, False, m] for m in (True, False, True)]
    assert notes == [
        "train: 1 empty audio cells took the training mean",
        "test: 1 empty audio cells took the training mean",
        "test: 1 utterance without audio features, masked",
    ]


def test_a_gap_without_a_training_mean_is_named():
    conversations = {"train": [conversation(1)]}
    values = {"train": [np.array([[1.0, GAP]])]}
    with pytest.raises(ValueError, match="train, conversation 'd', audio feature 'f1' is empty"):
        attach_features(conversations, values, ("f0", "f1"), "audio")
