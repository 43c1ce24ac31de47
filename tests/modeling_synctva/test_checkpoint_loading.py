"""What becomes of a checkpoint's calibration and heads if the labels are not its own."""

import json
import logging

import pytest
import torch
from transformers import AutoConfig, AutoModelForTokenClassification

from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition, SyncTVAModel
from tests.support.toy import LABELS, toy_batch, toy_model

THRESHOLDS = [level / 100 for level in range(1, 100)]
FRENCH = ("calme", "content", "fâché")
PERMUTED = ("glad", "calm", "cross")


def by_number(names):
    return dict(enumerate(names))


def by_name(names):
    return {name: index for index, name in enumerate(names)}


@pytest.fixture
def folder(tmp_path):
    model = toy_model(calibration_temperature=0.5, conformal_thresholds=THRESHOLDS)
    model.save_pretrained(tmp_path)
    return tmp_path


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if "id2label" in r.getMessage()]


@pytest.fixture
def caplog(caplog):
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.parametrize(
    "load",
    [SyncTVAForEmotionRecognition.from_pretrained, AutoModelForTokenClassification.from_pretrained],
)
@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"num_labels": 2}, ["LABEL_0", "LABEL_1"]),
        ({"id2label": by_number("ab")}, ["a", "b"]),
        ({"id2label": {"0": "a", "1": "b"}, "num_labels": 2}, ["a", "b"]),
        ({"label2id": by_name("abcde")}, list("abcde")),
        ({"id2label": by_number("abcd"), "label2id": by_name("abcd")}, list("abcd")),
    ],
)
def test_another_number_of_labels_drops_the_calibration(folder, caplog, load, changes, names):
    model = load(folder, **changes, ignore_mismatched_sizes=True)
    config = model.config
    assert config.label_names == names and config.label2id == by_name(names)
    assert (config.calibration_temperature, config.conformal_thresholds) == (1.0, None)
    (said,) = warnings(caplog)
    assert f"id2label = {names}: the checkpoint has {list(LABELS)}" in said
    assert "are dropped until the model is calibrated again" in said
    assert "keep their weights" not in said
    assert model(**toy_batch() | {"labels": None}).logits.shape[-1] == len(names)


@pytest.mark.parametrize("names", [FRENCH, PERMUTED, ("calm", "glad", "angry")])
@pytest.mark.parametrize("calibrated", [True, False])
def test_other_names_drop_the_calibration_and_keep_the_heads(folder, caplog, names, calibrated):
    if not calibrated:
        toy_model().save_pretrained(folder)
    before = toy_model()
    model = SyncTVAForEmotionRecognition.from_pretrained(folder, id2label=by_number(names))
    assert model.config.label_names == list(names)
    assert model.config.label2id == by_name(names)
    assert not model.config.is_calibrated
    for (name, weight), old in zip(model.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(weight, old), name
    (said,) = warnings(caplog)
    old, new = next(pair for pair in zip(LABELS, names, strict=True) if pair[0] != pair[1])
    assert f"The heads keep their weights: what was {old!r} is now called {new!r}" in said
    assert ("are dropped" in said) == calibrated


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_labels": 3},
        {"id2label": by_number(LABELS)},
        {"id2label": {"2": "cross", "0": "calm", "1": "glad"}},
        {"label2id": by_name(LABELS)},
        {"hidden_dropout_prob": 0.1},
    ],
)
def test_the_same_labels_keep_everything_without_a_word(folder, caplog, changes):
    config = SyncTVAForEmotionRecognition.from_pretrained(folder, **changes).config
    assert (config.calibration_temperature, config.conformal_thresholds) == (0.5, THRESHOLDS)
    assert warnings(caplog) == []


def changed(folder, field, value):
    config = AutoConfig.from_pretrained(folder)
    setattr(config, field, value)
    return config


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda folder: changed(folder, "num_labels", 2), ["LABEL_0", "LABEL_1"]),
        (lambda folder: changed(folder, "id2label", by_number(PERMUTED)), list(PERMUTED)),
        (lambda folder: AutoConfig.from_pretrained(folder, id2label=by_number("ab")), ["a", "b"]),
        (lambda folder: SyncTVAConfig.from_pretrained(folder, num_labels=4),
         [f"LABEL_{index}" for index in range(4)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("model_class", [SyncTVAForEmotionRecognition, SyncTVAModel])
def test_a_config_that_was_changed_first_is_no_way_round(folder, caplog, make, names, model_class):
    model = model_class.from_pretrained(folder, config=make(folder), ignore_mismatched_sizes=True)
    assert model.config.label_names == names and model.config.label2id == by_name(names)
    assert not model.config.is_calibrated
    assert len(warnings(caplog)) == 1


def test_the_warning_comes_once_and_the_saved_model_is_of_the_new_labels(folder, tmp_path, caplog):
    model = SyncTVAForEmotionRecognition.from_pretrained(folder, id2label=by_number(FRENCH))
    model.save_pretrained(tmp_path / "saved")
    written = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert "_saved" not in written and written["label2id"] == by_name(FRENCH)
    again = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "saved")
    assert again.config.label_names == list(FRENCH) and not again.config.is_calibrated
    SyncTVAForEmotionRecognition.from_pretrained(folder, config=model.config)
    assert len(warnings(caplog)) == 1


def test_the_loading_report_and_passed_weights_are_no_way_round(folder, caplog):
    load = SyncTVAForEmotionRecognition.from_pretrained
    model, _ = load(folder, id2label=by_number(FRENCH), output_loading_info=True)
    assert not model.config.is_calibrated
    model = load(
        None, config=changed(folder, "id2label", by_number(FRENCH)), state_dict=model.state_dict()
    )
    assert not model.config.is_calibrated
    assert len(warnings(caplog)) == 2


def test_a_new_model_of_other_labels_is_not_calibrated(folder):
    config = AutoConfig.from_pretrained(folder, id2label=by_number(FRENCH))
    assert not SyncTVAForEmotionRecognition(config).config.is_calibrated


def test_an_inverse_of_other_labels_in_a_file_is_made_again(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"label2id": by_name("abcd")}))
    assert AutoConfig.from_pretrained(folder).label2id == by_name(LABELS)
