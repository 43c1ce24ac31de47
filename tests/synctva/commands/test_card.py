"""`synctva card`: the card written again from results.json."""

import json

import pytest
from huggingface_hub import ModelCard

from synctva.commands import card
from synctva.plots import CALIBRATION_PLOTS
from synctva.results import RESULTS_FILE
from tests.support.model_folder import write_model_folder
from tests.synctva.cards.test_model_card import CALIBRATION, RESULTS


def test_the_card_has_the_scores_of_results_json(tmp_path, capsys):
    folder = write_model_folder(tmp_path / "toy")
    card.main([str(folder), "--name", "user/toy"])
    path = folder / "README.md"
    assert capsys.readouterr().out.strip() == str(path)
    written = ModelCard.load(path)
    assert written.data.model_name == "user/toy"
    reported = {(r.dataset_split, r.metric_name): r.metric_value for r in written.data.eval_results}
    assert reported["test", "Accuracy"] == RESULTS["test"]["accuracy"]

    path.write_text(path.read_text() + "by hand\n")
    card.main([str(folder)])  # keeps the name and replaces the rest
    assert ModelCard.load(path).content == written.content


def test_the_model_is_named_after_its_folder_by_default(tmp_path):
    folder = write_model_folder(tmp_path / "toy")
    assert ModelCard.load(folder / "README.md").data.model_name == "toy"


def test_the_plots_of_the_card_are_written(tmp_path):
    bins = {"confidence": [0.25, 0.75], "accuracy": [0.3, 0.7], "n": [10, 20]}
    fitted = {when: {**CALIBRATION[when], "reliability": bins} for when in ("before", "after")}
    folder = write_model_folder(tmp_path / "toy", calibration=CALIBRATION | fitted)
    for name in CALIBRATION_PLOTS:
        assert (folder / name).is_file()
        assert f"({name})" in (folder / "README.md").read_text()


def test_the_table_over_seeds_is_not_lost(tmp_path):
    folder = write_model_folder(tmp_path / "toy")
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**RESULTS, "seed": 4}))
    runs = ["--runs", str(folder / RESULTS_FILE), str(other)]
    card.main([str(folder), *runs])
    before = (folder / "README.md").read_text()
    assert "### Over seeds" in before
    with pytest.raises(SystemExit, match="has a table over seeds: expected --runs"):
        card.main([str(folder)])
    card.main([str(folder), *runs])
    assert (folder / "README.md").read_text() == before


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"has no results.json: expected a folder that"):
        card.main([str(tmp_path)])
