"""Feature tables: joined by utterance id; filled, masked and unused rows are counted."""

import numpy as np
import pytest

from synctva.datasets_scripts.corpora.feature_csv import join_tables, read_feature_table
from synctva.datasets_scripts.schema import new_conversation, validate_conversation
from tests.support.corpora import write_csv


def conversation(*ids):
    return new_conversation("d", ids, ["ann"] * len(ids), ["Hi."] * len(ids), [0] * len(ids))


@pytest.fixture
def table(tmp_path):
    """Write a CSV of the features f0 and f1, and read it."""

    def writer(rows, header=("utterance_id", "f0", "f1"), name="features.csv"):
        return read_feature_table(write_csv(tmp_path / name, header, rows))

    return writer


def test_gaps_absences_and_extra_rows(table):
    conversations = {"train": [conversation("a", "b")], "dev": [conversation("c", "x", "e")]}
    tables = {
        # The mean is that of the training utterances: the row "z" belongs to none of them.
        "train": table([["b", 3, 1], ["a", 1, "nan"], ["z", 1000, 1000]], name="train.csv"),
        "dev": table([["c", "", 5], ["e", "NA", ""]], name="dev.csv"),
    }
    notes = join_tables(conversations, tables, "visual")
    (train,), (dev,) = conversations["train"], conversations["dev"]
    assert train["visual_features"].tolist() == [[1, 1], [3, 1]]
    assert dev["visual_features"].tolist() == [[2, 5], [0, 0], [0, 0]]
    assert dev["modality_mask"][:, 1].tolist() == [True, False, False]
    assert notes == [
        "train: 1 empty visual cells took the training mean",
        "dev: 1 empty visual cells took the training mean",
        "dev: 2 utterances without visual features, masked",
        "train: 1 rows of train.csv belong to no utterance",
    ]
    validate_conversation(dev, ["calm"], visual_dim=2)


def test_both_forms_of_ids(table):
    by_numbers = table([[4, 2, 0.5]], ("Dialogue_ID", "Utterance_ID", "f0"))
    by_name = table([["dia4_utt2", 0.5]], ("utterance_id", "f0"))
    for found in (by_numbers, by_name):
        assert found.names == ("f0",)
        assert found.lookup(["dia4_utt2"]).tolist() == [[0.5]]
        assert np.isnan(found.lookup(["dia4_utt3"])).all()


@pytest.mark.parametrize("cell", ["loud", "1,5", "inf", "-inf", "1e999"])
def test_a_cell_that_is_not_a_number_is_named(table, cell):
    message = rf"features\.csv, line 3, column 'f1' = '{cell}': expected a finite number"
    with pytest.raises(ValueError, match=message):
        table([["a", 1, 2], ["b", 1, cell]])


def test_a_duplicate_utterance_is_named(table):
    with pytest.raises(
        ValueError, match=r"line 3, utterance id = 'a': expected .* line 2 has the same"
    ):
        table([["a", 1, 2], ["a", 1, 2]])


def test_missing_columns_are_named(table):
    with pytest.raises(
        ValueError, match="has the columns id, f0: expected utterance_id, or Dialogue_ID"
    ):
        table([["a", 1]], ("id", "f0"))
    with pytest.raises(ValueError, match="has no column besides utterance_id: expected features"):
        table([["a"]], ("utterance_id",))


def test_tables_of_two_splits_must_agree(table):
    conversations = {"train": [conversation("a")], "dev": [conversation("c")]}
    tables = {
        "train": table([["a", 1, 2]]),
        "dev": table([["c", 1, 2]], ("utterance_id", "f0", "f2"), "dev.csv"),
    }
    with pytest.raises(ValueError, match=r"dev\.csv has the features f0, f2: expected"):
        join_tables(conversations, tables, "audio")
