"""The schema of a conversation, its checks, and the label names."""

import numpy as np
import pytest
from datasets import Dataset

from synctva.datasets_scripts.labels import SplitSize, label_id, size_differences
from synctva.datasets_scripts.schema import (
    conversation_features,
    new_conversation,
    validate_conversation,
)

LABELS = ("calm", "glad")


@pytest.fixture
def conversation():
    row = new_conversation("d0", ["u0", "u1"], ["ann", "bo"], ["Hello.", " "], [0, 1])
    row["audio_features"] = np.ones((2, 3), dtype=np.float32)
    row["modality_mask"][:, 2] = True
    return row


def test_a_valid_conversation_survives_a_round_trip(conversation):
    validate_conversation(conversation, LABELS, audio_dim=3)
    features = conversation_features(LABELS, audio_dim=3)
    row = Dataset.from_list([conversation], features=features)[0]
    validate_conversation(row, LABELS, audio_dim=3)
    assert row["labels"] == [0, 1]
    assert row["starts"] == [None, None]
    assert "visual_features" not in row


def test_text_is_masked_where_there_is_none(conversation):
    assert conversation["modality_mask"].tolist() == [[True, False, True], [False, False, True]]


def test_labels_may_be_names(conversation):
    validate_conversation({**conversation, "labels": ["glad", "calm"]}, LABELS, audio_dim=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(utterance_ids=[]), "'d0' is empty"),
        (lambda c: c.update(utterance_ids=["u0", "u0"]), "has two utterances 'u0'"),
        (
            lambda c: c.update(labels=["calm", "sad"]),
            "'u1', label = 'sad': expected one of calm, glad",
        ),
        (lambda c: c.update(labels=[0, 2]), "label = 2: expected"),
        (lambda c: c.update(labels=[0, -100]), "label = -100: expected"),
        (lambda c: c.update(speakers=["ann"]), "speakers has 1 entries: expected 2"),
        (lambda c: c.pop("texts"), "has no texts: expected"),
        (lambda c: c.update(modality_mask=np.ones((2, 2), bool)), r"shape \(2, 2\).*\(2, 3\)"),
        (lambda c: c.update(audio_features=np.ones((2, 4))), r"shape \(2, 4\): expected \(2, 3\)"),
        (lambda c: c.update(audio_features=np.ones((1, 3))), r"shape \(1, 3\): expected \(2, 3\)"),
        (lambda c: c.update(visual_features=np.ones((2, 3))), "has visual_features.*None"),
        (lambda c: c.pop("audio_features"), "has no audio_features: expected 3 features"),
        (
            lambda c: c["audio_features"].__setitem__((1, 2), np.nan),
            r"'u1', audio_features\[2\] = nan",
        ),
    ],
)
def test_an_invalid_conversation_is_named(conversation, change, message):
    change(conversation)
    with pytest.raises(ValueError, match=message):
        validate_conversation(conversation, LABELS, audio_dim=3)


def test_a_masked_value_may_be_anything(conversation):
    conversation["audio_features"][1] = np.nan
    conversation["modality_mask"][1, 2] = False
    validate_conversation(conversation, LABELS, audio_dim=3)


def test_label_id_names_the_place_and_the_allowed_labels():
    assert label_id("glad", LABELS, "here") == 1
    with pytest.raises(ValueError, match="here = 'sad': expected one of calm, glad"):
        label_id("sad", LABELS, "here")


def test_size_differences_name_the_split():
    official = {"train": SplitSize(10, 2), "dev": SplitSize(5, 1)}
    assert size_differences(official, official) == []
    (difference,) = size_differences(official, {**official, "dev": SplitSize(4, 1)})
    assert difference == "dev has 4 utterances in 1 conversation: expected 5 in 1"
