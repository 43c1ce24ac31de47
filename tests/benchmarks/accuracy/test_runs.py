"""Runs on disk, by data set, features, variant and seed."""

import json

import pytest

from benchmarks.accuracy.answers import read_truth
from benchmarks.accuracy.runs import (
    FROZEN_FEATURES,
    RESULTS,
    Variant,
    features_name,
    find_run,
    read_runs,
    write_run,
)
from tests.support.made_up_runs import made_up_run


def test_names_of_features_and_variants(tmp_path):
    assert features_name("meld", None) == FROZEN_FEATURES
    assert features_name("simulated", None) == "simulated"
    assert features_name("meld", tmp_path / "mpnet") == "mpnet"
    assert features_name("simulated", None, 90) == "simulated, 90 conversations"
    whole, part = Variant("synctva"), Variant("synctva", "no-context")
    assert str(whole) == "synctva" and str(part) == "synctva no-context"


def test_runs_are_read_by_data_set_and_features(tmp_path):
    part = Variant("synctva", "no-context")
    folder = tmp_path / "runs"
    for run in (
        made_up_run(seed=1),
        made_up_run(seed=0),
        made_up_run(part),
        made_up_run(features="others"),
        made_up_run(dataset="iemocap"),
    ):
        write_run(folder, run)
    runs = read_runs(folder, "meld", "made up")
    assert {variant: [run["seed"] for run in these] for variant, these in runs.items()} == {
        Variant("synctva"): [0, 1],
        part: [0],
    }
    assert runs[part] == [json.loads(json.dumps(made_up_run(part)))]
    assert {path.name for path in folder.glob("[!.]*")} == {"meld.jsonl", "iemocap.jsonl"}
    assert read_runs(tmp_path, "meld", "made up") == {}


def test_a_run_is_found_and_replaced_by_a_later_one(tmp_path):
    part = Variant("synctva", "no-context")
    assert find_run(tmp_path, "meld", "made up", part, 0) is None
    write_run(tmp_path, made_up_run(part, loss="focal"))
    write_run(tmp_path, made_up_run(part, seed=1))
    write_run(tmp_path, made_up_run(part, loss="cross_entropy"))
    found = find_run(tmp_path, "meld", "made up", part, 0)
    assert found is not None and found["loss"] == "cross_entropy"
    assert find_run(tmp_path, "meld", "made up", Variant("synctva"), 0) is None
    assert find_run(tmp_path, "meld", "others", part, 0) is None
    assert len(read_runs(tmp_path, "meld", "made up")[part]) == 2


@pytest.mark.parametrize("dataset", ["meld", "iemocap"])
def test_truth_of_a_corpus_is_what_the_kept_runs_were_scored_on(data_dir, dataset):
    truth = read_truth(dataset, str(data_dir / dataset), None)
    assert truth is not None
    for these in read_runs(RESULTS, dataset, FROZEN_FEATURES).values():
        for run in these:
            for split in ("dev", "test"):
                assert run[split]["n"] == (truth[split].labels >= 0).sum()
