"""Folds are trained without what they hold out, once each, and scored together."""

import copy
import csv
import shutil

import numpy as np
import pytest
from datasets import DatasetDict, concatenate_datasets
from transformers import set_seed

from synctva import SyncTVAProcessor, metrics
from synctva.cross_validation.folds import make_folds
from synctva.cross_validation.report import cross_validation_table, make_report
from synctva.cross_validation.running import cross_validate
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.results import read_results, write_results
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.preparation import PreparedTraining
from synctva.trainer.trainer import SyncTVATrainer
from tests.support.toy import LABELS, WIDTHS, toy_config, toy_dataset

SEED = 3


def prepare(change=None, statistics=0.0):
    """Prepared toy data, whose conversations `change` may change."""
    data = DatasetDict(train=toy_dataset(16), test=toy_dataset(8, seed=1))
    if change is not None:
        data = data.map(change, features=data["train"].features, load_from_cache_file=False)
    set_seed(SEED)
    model = SyncTVAForEmotionRecognition(toy_config())
    for encoder in model.feature_encoders.values():
        encoder.mean += statistics  # as a checkpoint brings them
    processor = SyncTVAProcessor(*WIDTHS.values(), audio_encoder=None)
    return PreparedTraining(data, processor, model, {})


def arguments(folder, **changes):
    settings = {"num_train_epochs": 1, "per_device_train_batch_size": 4, "learning_rate": 1e-2}
    quiet = {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "seed": SEED}
    return SyncTVATrainingArguments(str(folder), **(settings | quiet | changes))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    return folder, cross_validate(prepare(), arguments(folder), folds=2)


def test_a_fold_equals_a_training_on_its_conversations(done, tmp_path):
    folder, report = done
    prepared = prepare()
    pooled = concatenate_datasets(list(prepared.data.values()))
    fold = make_folds(pooled, folds=2, seed=SEED)[1]
    trainer = SyncTVATrainer(
        prepared.model,
        arguments(tmp_path),
        train_dataset=pooled.select(fold.train),
        eval_dataset=pooled.select(fold.dev),
    )
    trainer.train()
    alone = trainer.score(pooled.select(fold.held_out))
    assert read_results(folder / "fold-2")["test"] == alone
    assert report["folds"][1]["accuracy"] == alone["accuracy"]


def test_the_report_has_mean_deviation_and_all_answers_together(done):
    folder, report = done
    assert report == read_results(folder)
    each = np.array([fold["weighted_f1"] for fold in report["folds"]])
    assert report["mean"]["weighted_f1"] == pytest.approx(each.mean())
    assert report["deviation"]["weighted_f1"] == pytest.approx(each.std(ddof=1))
    with (folder / "answers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labelled = sum(map(len, toy_dataset(16)["labels"])) + sum(map(len, toy_dataset(8, 1)["labels"]))
    assert len(rows) == report["pooled"]["n"] == labelled
    scores = np.array([[float(row[f"p_{name}"]) for name in LABELS] for row in rows])
    assert np.allclose(scores.sum(1), 1)
    right = np.mean([row["label"] == row["answer"] for row in rows])
    assert report["pooled"]["accuracy"] == pytest.approx(right)
    labels = np.array([LABELS.index(row["label"]) for row in rows])
    assert report["pooled"] == metrics.compute(np.log(scores), labels, LABELS)
    table = cross_validation_table(report)
    assert "| pooled" in table and f"{report['pooled']['macro_f1']:.4f}" in table
    assert (folder / "report.md").read_text().endswith(f"{table}\n")


def test_a_fold_whose_temperature_is_not_used_is_not_calibrated(done, tmp_path):
    folder = tmp_path / "folds"
    shutil.copytree(done[0], folder)
    for number, temperature in ((1, 1.0), (2, 1.5)):
        scores = {"before": {"nll": 1.0, "ece": 0.2}, "after": {"nll": 0.9, "ece": 0.1}}
        calibration = {"temperature": temperature, **scores}
        own = folder / f"fold-{number}"
        write_results(own, {**read_results(own), "calibration": calibration})
    report = make_report(folder, 2, {"folds": 2})
    assert report["calibration"] == {"folds": 1, **scores}
    line = "Calibrated on dev in 1 of 2 folds: NLL 1.0000 to 0.9000, ECE 0.2000 to 0.1000"
    assert line in cross_validation_table(report)
    assert "No fold is calibrated" in cross_validation_table(done[1])


def louder_where_held_out(prepared):
    """The same data, but the voices of the first fold's held-out conversations are louder."""
    pooled = concatenate_datasets(list(prepared.data.values()))
    held = set(make_folds(pooled, folds=2, seed=SEED)[0].held_out)
    number = iter(range(len(pooled)))

    def louder(row):
        loud = [[value * 100 for value in vector] for vector in row["audio_features"]]
        return {**row, "audio_features": loud} if next(number) in held else row

    return louder


def test_nothing_of_what_is_held_out_is_learnt(done, tmp_path):
    louder = prepare(louder_where_held_out(prepare()))
    cross_validate(louder, arguments(tmp_path), folds=2)
    before, after = (read_results(folder / "fold-1") for folder in (done[0], tmp_path))
    assert before["dev"] == after["dev"]
    assert before["test"]["nll"] != after["test"]["nll"]  # these are what is louder


@pytest.mark.slow
def test_refitted_statistics_see_nothing_of_what_is_held_out(tmp_path):
    prepared = prepare(statistics=0.5)
    louder = prepare(louder_where_held_out(prepared), statistics=0.5)
    for name, given in (("before", prepared), ("after", louder)):
        cross_validate(given, arguments(tmp_path / name), folds=2, refit_statistics=True)
    before, after = (read_results(tmp_path / name / "fold-1") for name in ("before", "after"))
    assert before["dev"] == after["dev"]
    assert before["test"]["nll"] != after["test"]["nll"]


@pytest.mark.slow
def test_the_statistics_of_a_checkpoint_are_kept_or_refitted(tmp_path, monkeypatch):
    seen = []
    train = SyncTVATrainer.train

    def remember(trainer, **options):
        seen.append(trainer.model.feature_encoders["text"].mean.clone())
        return train(trainer, **options)

    monkeypatch.setattr(SyncTVATrainer, "train", remember)
    prepared = prepare(statistics=0.5)
    before = copy.deepcopy(prepared.model.feature_encoders["text"].mean)
    cross_validate(prepared, arguments(tmp_path / "kept", max_steps=1), folds=2)
    refit = arguments(tmp_path / "refitted", max_steps=1)
    cross_validate(prepared, refit, folds=2, refit_statistics=True)
    assert seen[0].equal(before) and seen[1].equal(before)
    assert not seen[2].equal(before) and not seen[2].equal(seen[3])


@pytest.mark.slow
def test_a_speaker_is_scored_alone(tmp_path):
    report = cross_validate(prepare(), arguments(tmp_path, max_steps=1), leave_one_out="speaker")
    with (tmp_path / "answers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [fold["fold"] for fold in report["folds"]] == [f"speaker {n}" for n in range(3)]
    assert all(row["speaker"] == row["fold"] for row in rows)
    data = concatenate_datasets(list(prepare().data.values()))
    assert report["pooled"]["n"] == len(rows) == sum(map(len, data["labels"]))
    assert "one speaker left out at a time, 3 folds" in (tmp_path / "report.md").read_text()


def test_finished_folds_are_not_trained_again(done, monkeypatch):
    folder, report = done
    kept = (folder / "fold-1/results.json").read_text()
    (folder / "fold-2/results.json").unlink()
    trained = []
    train = SyncTVATrainer.train
    monkeypatch.setattr(
        SyncTVATrainer, "train", lambda self, **o: trained.append(self) or train(self, **o)
    )
    again = cross_validate(prepare(), arguments(folder), folds=2)
    assert len(trained) == 1
    assert (folder / "fold-1/results.json").read_text() == kept
    assert again["mean"] == report["mean"] and again["pooled"] == report["pooled"]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"learning_rate": 1.0}, {"folds": 2}, "learning_rate = 0.01: expected 1.0"),
        ({}, {"folds": 2, "refit_statistics": True}, "refit_statistics = False: expected True"),
        ({}, {"leave_one_out": "speaker"}, "fold = 1: expected speaker 0"),
        ({"push_to_hub": True}, {"folds": 2}, "push_to_hub = True: expected False"),
    ],
)
def test_the_folds_of_another_run_are_refused(done, changes, options, message):
    with pytest.raises(ValueError, match=message):
        cross_validate(prepare(), arguments(done[0], **changes), **options)


def test_other_data_and_a_trained_model_are_refused(done, tmp_path):
    def unlabel(row):
        return {**row, "labels": [0] * len(row["labels"])} if "3" in row["dialogue_id"] else row

    with pytest.raises(ValueError, match="data = "):
        cross_validate(prepare(unlabel), arguments(done[0]), folds=2)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="there is a trained model: expected a folder of its own"):
        cross_validate(prepare(), arguments(tmp_path), folds=2)
