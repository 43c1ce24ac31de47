"""The end of a training: what is written, and what the card says of it."""

import json
from pathlib import Path

import pytest
from datasets import DatasetDict
from huggingface_hub import ModelCard

from synctva.cards.card_plots import LEARNING_CURVE
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.plots import CALIBRATION_PLOTS
from synctva.results import read_results
from synctva.trainer.finishing import finish_training
from synctva.trainer.learning_curve import learning_curve
from tests.support.toy import WIDTHS, toy_dataset
from tests.support.training_program import logged, toy_trainer


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A trained toy with its data, and what was returned."""
    trainer = toy_trainer(tmp_path_factory.mktemp("finished"), logging_steps=3)
    trainer.processor = SyncTVAProcessor(*WIDTHS.values())
    trainer.train()
    data = DatasetDict(
        {"train": trainer.train_dataset, "dev": toy_dataset(12, 1), "test": toy_dataset(9, 2)}
    )
    return trainer, data, finish_training(trainer, data, license="mit", parent="synctva-meld")


def test_the_folder_has_results_plots_and_a_card_that_shows_them(finished):
    trainer, data, results = finished
    folder = trainer.args.output_dir
    assert read_results(folder) == results
    card = ModelCard.load(f"{folder}/README.md")
    assert card.data.license == "mit"
    assert "Started from `synctva-meld`" in card.text
    written = {path.name for path in Path(folder).glob("*.png")}
    assert written == {LEARNING_CURVE, *CALIBRATION_PLOTS}
    for name in written:
        assert f"]({name})" in card.text
    assert f"| learning_rate | {trainer.args.learning_rate} |" in card.text
    counts = results["splits"]["test"]["label_counts"]
    assert results["splits"]["test"]["conversations"] == 9
    assert counts == results["test"]["support"]
    assert results["splits"]["train"]["conversations"] == len(data["train"])
    assert results["parameters"] == trainer.model.num_parameters()


def test_the_learning_curve_is_that_of_the_log(finished):
    trainer, _, results = finished
    curve = results["learning_curve"]
    assert [point["epoch"] for point in curve] == [1, 2, 3]
    assert [point["weighted_f1"] for point in curve] == logged(trainer, "eval_weighted_f1")[:3]
    best = max(curve, key=lambda point: point["weighted_f1"])
    assert [point for point in curve if point["best"]] == [best]
    # Eight steps an epoch, logged after the steps 3, 6, 8, 9, 12, 15, 16, 18, 21, 24.
    losses, weights = logged(trainer), [3, 3, 2, 1, 3, 3, 1, 2, 3, 3]
    for point, start, stop in zip(curve, (0, 3, 7), (3, 7, 10), strict=True):
        pairs = list(zip(losses[start:stop], weights[start:stop], strict=True))
        assert point["loss"] == pytest.approx(sum(a * b for a, b in pairs) / 8)
    trainer.evaluate()  # what comes after the training is no part of it
    assert learning_curve(trainer.state) == curve


def test_a_small_dev_leaves_the_model_uncalibrated(tmp_path, caplog):
    trainer = toy_trainer(tmp_path, num_train_epochs=1)
    with pytest.raises(ValueError, match="processing_class = None: expected the processor"):
        finish_training(trainer, DatasetDict({"dev": trainer.eval_dataset}))
    trainer.processor = SyncTVAProcessor(*WIDTHS.values())
    trainer.train()
    results = finish_training(trainer, DatasetDict({"dev": trainer.eval_dataset}))
    assert "The model stays uncalibrated, without prediction sets. dev: errors" in caplog.text
    assert not {"held_out_nll", "calibration", "test"} & results.keys()
    text = (tmp_path / "README.md").read_text()
    assert "## Calibration" not in text and "license" not in text
    assert not json.loads((tmp_path / "config.json").read_text()).get("conformal_thresholds")
