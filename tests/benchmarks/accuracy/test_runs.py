"""Runs on disk, and their answers held against the truth."""

import json

import numpy as np
import pytest

from benchmarks.accuracy.runs import (
    FROZEN_FEATURES,
    RESULTS,
    Variant,
    features_name,
    labelled_answers,
    pack_answers,
    read_runs,
    read_truth,
    run_path,
    write_run,
)
from synctva.datasets_scripts.labels import MELD_SIZES
from tests.support.made_up_runs import made_up_run, made_up_truth


def test_names_of_features_and_files(tmp_path):
    assert features_name("meld", None) == FROZEN_FEATURES
    assert features_name("simulated", None) == "simulated"
    assert features_name("meld", tmp_path / "mpnet") == "mpnet"
    assert features_name("simulated", None, 90) == "simulated, 90 conversations"
    whole, part = Variant("synctva"), Variant("synctva", "no-context")
    assert run_path(tmp_path, "meld", whole, 3).name == "meld-synctva-seed3.json"
    assert run_path(tmp_path, "meld", part, 0).name == "meld-synctva-no-context-seed0.json"
    path = run_path(tmp_path, "meld", part, 0, tmp_path / "mpnet")
    assert path.name == "meld-mpnet-synctva-no-context-seed0.json"
    path = run_path(tmp_path, "simulated", whole, 0, conversations=90)
    assert path.name == "simulated-90-conversations-synctva-seed0.json"
    assert str(whole) == "synctva" and str(part) == "synctva no-context"


def test_runs_are_read_by_data_set_and_features(tmp_path):
    part = Variant("synctva", "no-context")
    for run in (
        made_up_run(seed=1),
        made_up_run(seed=0),
        made_up_run(part),
        made_up_run(features="others"),
        made_up_run(dataset="iemocap"),
    ):
        name = f"{run['dataset']}-{run['features']}-{run['ablation']}-{run['seed']}.json"
        write_run(tmp_path / "runs" / name, run)
    runs = read_runs(tmp_path / "runs", "meld", "made up")
    assert {variant: [run["seed"] for run in these] for variant, these in runs.items()} == {
        Variant("synctva"): [0, 1],
        part: [0],
    }
    assert runs[part] == [json.loads(json.dumps(made_up_run(part)))]
    assert not list((tmp_path / "runs").glob("*.tmp"))
    assert read_runs(tmp_path, "meld", "made up") == {}


def test_answers_are_packed_without_their_padding():
    answers = np.array([[0, 1, 2], [6, 3, 3]])
    assert pack_answers(answers, [3, 1]) == "012 6"
    with pytest.raises(ValueError, match=r"class ids \[0, 10\]: expected digits"):
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
    assert read_truth("meld", None, "a name alone") is None


@pytest.mark.parametrize("dataset", ["meld", "iemocap"])
def test_truth_of_a_corpus_is_what_the_kept_runs_were_scored_on(data_dir, dataset):
    truth = read_truth(dataset, str(data_dir / dataset), None)
    assert truth is not None
    for these in read_runs(RESULTS, dataset, FROZEN_FEATURES).values():
        for run in these:
            for split in ("dev", "test"):
                assert run[split]["n"] == (truth[split].labels >= 0).sum()
