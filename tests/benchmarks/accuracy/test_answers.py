"""The answers of runs, compared with the truth."""

import numpy as np
import pytest

from benchmarks.accuracy.answers import labelled_answers, pack_answers, read_truth
from synctva.datasets_scripts.labels import MELD_SIZES
from tests.support.made_up_runs import made_up_run, made_up_truth


def test_answers_are_packed_without_their_padding():
    answers = np.array([[0, 1, 2], [6, 3, 3]])
    assert pack_answers(answers, [3, 1]) == "012 6"
    with pytest.raises(ValueError, match=r"class ids = \[0, 10\]: expected digits"):
        pack_answers(np.array([[0, 10]]), [2])


def test_answers_are_read_where_there_is_a_label():
    truth = made_up_truth()
    assert (truth["test"].labels < 0).any()
    runs = [made_up_run(seed=seed, right=1.0, truth=truth) for seed in range(2)]
    answers = labelled_answers(runs, "test", truth["test"])
    true = truth["test"].labels[truth["test"].labels >= 0]
    np.testing.assert_array_equal(answers, [true, true])
    older = {key: value for key, value in runs[1].items() if key != "answers"}
    assert labelled_answers([runs[0], older], "test", truth["test"]) is None


def test_answers_for_other_data_are_refused():
    truth, run = made_up_truth(), made_up_run(seed=4)
    shorter = dict(run, answers={"test": run["answers"]["dev"]})
    with pytest.raises(ValueError, match="meld synctva seed 4: answers for 8 conversations"):
        labelled_answers([shorter], "test", truth["test"])
    with pytest.raises(ValueError, match="answers have weighted F1"):
        labelled_answers([run], "test", made_up_truth(seed=1)["test"])


def test_truth_of_the_simulator_needs_no_folder():
    truth = read_truth("simulated", None, None)
    assert truth is not None
    for split in ("dev", "test"):
        labels, conversations = truth[split]
        assert conversations[-1] + 1 == MELD_SIZES[split].conversations
        assert len(labels) == len(conversations) and 0 <= labels.min() <= labels.max() <= 6
    assert read_truth("meld", None, None) is None
    assert read_truth("meld", None, "only a name") is None
