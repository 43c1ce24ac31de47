"""`synctva finetune`, and a model trained on the features that it writes."""

import pytest

from synctva.commands import finetune, predict, train
from tests.support.quick_training import QUICK


def test_a_model_is_trained_on_the_features(finetuned, tmp_path, capsys):
    assert "dev: accuracy" in finetuned.printed
    features, model = finetuned.folder / "features", str(tmp_path / "model")
    assert "cross-fitted in 2 folds" in (features / "README.md").read_text()
    options = ["--dataset", "features", "--data_dir", str(features), "--output_dir", model]
    train.main([*options, *QUICK])
    predict.main(["--model", model, "--text", "good", "day"])
    assert len(capsys.readouterr().out.splitlines()) > 2


def test_one_fold_is_refused(finetuned):
    with pytest.raises(SystemExit, match="--folds = 1: expected 0, or at least 2"):
        finetune.main([*finetuned.options, "--folds", "1"])


def test_existing_features_are_refused_before_hours_of_training(finetuned, monkeypatch):
    monkeypatch.setattr(finetune, "Finetuner", None)
    with pytest.raises(FileExistsError, match="features already exists"):
        finetune.main(finetuned.options)
