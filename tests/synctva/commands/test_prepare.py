"""`synctva prepare`: feature sets from data sets, fine-tuned encoders and pickles."""

import numpy as np
import pytest

from synctva.commands import prepare
from synctva.features.feature_sets import load_feature_set, write_feature_set
from tests.support.pickle_forms import in_order, toy_members, write_pickle


def test_a_folder_with_content_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        prepare.main(["--dataset", "simulated", "--output", str(tmp_path)])


def test_fine_tuned_encoders_and_feature_sets_give_text_features(
    table, finetuned, toy_text, tmp_path
):
    run, encoder = finetuned.folder, str(finetuned.folder / "encoder")
    both = tmp_path / "both"
    corpus = ["--dataset", "table", "--data_dir", str(table), "--output"]
    prepare.main([*corpus, str(both), "--text_encoders", encoder, "default"])
    joined, own = load_feature_set(both)["train"][0], load_feature_set(run / "features")["dev"][0]
    widths = len(own["text_features"][0]), toy_text["width"]
    assert len(joined["text_features"][0]) == sum(widths)
    prepare.main([*corpus, str(tmp_path / "one"), "--text_encoders", encoder])
    again = load_feature_set(tmp_path / "one")["dev"][0]
    np.testing.assert_allclose(again["text_features"], own["text_features"], rtol=1e-5, atol=1e-5)
    layers = ["--text_encoders", encoder, "--text_layers", "0", "1"]
    prepare.main([*corpus, str(tmp_path / "two"), *layers])
    two = load_feature_set(tmp_path / "two")["dev"][0]
    assert len(two["text_features"][0]) == 2 * widths[0]
    # Cross-fitted features are taken as they are: no single encoder could compute them again.
    beside = ["--text_encoders", str(run / "features"), "default"]
    prepare.main([*corpus, str(tmp_path / "beside"), *beside])
    folds = load_feature_set(run / "features")["train"][0]["text_features"]
    taken = load_feature_set(tmp_path / "beside")["train"][0]["text_features"]
    assert [vector[: widths[0]] for vector in taken] == folds
    assert "cross-fitted in 2 folds and" in (tmp_path / "beside/README.md").read_text()


def test_text_encoders_without_text_features_are_refused(table, finetuned, toy_text, tmp_path):
    corpus = ["--dataset", "table", "--data_dir", str(table), "--output", str(tmp_path / "no")]
    silent = load_feature_set(finetuned.folder / "features").remove_columns("text_features")
    write_feature_set(silent, tmp_path / "silent", encoders={"audio": "as given"}, source="table")
    with pytest.raises(ValueError, match="silent: expected a feature set with text features"):
        prepare.main([*corpus, "--text_encoders", str(tmp_path / "silent")])
    with pytest.raises(FileNotFoundError, match="expected a fine-tuned encoder"):
        prepare.main([*corpus, "--text_encoders", str(table.parent)])


def test_a_feature_pickle_becomes_a_feature_set(tmp_path, capsys):
    path, features = tmp_path / "features.pkl", tmp_path / "features"
    form = "dialoguernn-iemocap"
    write_pickle(path, in_order(form, toy_members(form)))
    prepare.main(["--pickle", str(path), "--output", str(features)])
    assert "test: " in capsys.readouterr().out
    assert load_feature_set(features)["train"][0]["text_features"]
