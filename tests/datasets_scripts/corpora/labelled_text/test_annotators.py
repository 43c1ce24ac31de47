"""Votes and second labels of MELD's training split."""

import numpy as np
import pytest

from synctva.datasets_scripts import MELD_LABELS
from synctva.datasets_scripts.corpora.labelled_text import annotator_shares
from synctva.datasets_scripts.corpora.labelled_text.annotators import (
    SECOND_FILE,
    VOTES,
    VOTES_FILE,
)
from tests.support.corpora import write_csv


def written(folder, votes, seconds):
    header = ["Dialogue_ID", "Utterance_ID"]
    write_csv(folder / VOTES_FILE, [*header, VOTES], votes)
    write_csv(folder / SECOND_FILE, [*header, "ecf_emotion"], seconds)
    return folder


def test_votes_together_count_as_much_as_the_second_label(tmp_path):
    votes = [[0, 0, "4100000"], [0, 1, "0000005"], [3, 2, "0000000"]]
    found = annotator_shares(written(tmp_path, votes, [[0, 0, "joy"], [9, 9, "Fear"]]))
    shares = {
        name: {MELD_LABELS[i]: round(float(row[i]), 3) for i in np.flatnonzero(row)}
        for name, row in found.items()
    }
    assert shares == {
        "dia0_utt0": {"neutral": 0.4, "joy": 0.6},
        "dia0_utt1": {"disgust": 1.0},
        "dia9_utt9": {"fear": 1.0},  # dia3_utt2 has votes for none of the labels
    }


@pytest.mark.parametrize("cell", ["410000", "41000000", "41a0000", ""])
def test_votes_that_are_not_seven_digits_are_refused(tmp_path, cell):
    folder = written(tmp_path, [[0, 0, cell]], [[0, 0, "joy"]])
    with pytest.raises(ValueError, match=f"= '{cell}': expected 7 digits"):
        annotator_shares(folder)


def test_an_unknown_second_label_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'glad': expected one of neutral"):
        annotator_shares(written(tmp_path, [[0, 0, "4100000"]], [[0, 0, "glad"]]))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"has no {VOTES_FILE}"):
        annotator_shares(tmp_path)


def test_most_of_meld_is_annotated(data_dir):
    if not (data_dir / "meld" / VOTES_FILE).is_file():
        pytest.skip(f"{data_dir / 'meld'} has no {VOTES_FILE}")
    found = annotator_shares(data_dir / "meld")
    assert 9_900 < len(found) < 9_989
    np.testing.assert_allclose([row.sum() for row in found.values()], 1, atol=1e-6)
