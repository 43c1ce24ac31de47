"""Data, processor and model that fit together, for a new model and from a checkpoint."""

import pytest
import torch
from datasets import Dataset, DatasetDict

from synctva import (
    SyncTVAForEmotionRecognition,
    SyncTVAProcessor,
    SyncTVATrainer,
    SyncTVATrainingArguments,
    prepare_training,
)
from synctva.datasets_scripts.schema import conversation_features
from synctva.features.feature_sets import write_feature_set
from synctva.trainer.parent import heads_of
from synctva.trainer.recipes import RECIPES
from synctva.trainer.statistics import feature_statistics
from tests.support.quick_training import TOY
from tests.support.toy import LABELS, WIDTHS, toy_config, toy_dataset, toy_model

AUDIO = [f"measure {index}" for index in range(WIDTHS["audio"])]


@pytest.fixture
def data():
    return DatasetDict(train=toy_dataset(12), dev=toy_dataset(4, seed=1))


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A calibrated checkpoint with feature statistics of its own."""
    folder = tmp_path_factory.mktemp("parent")
    model = toy_model(seed=3, calibration_temperature=1.5)
    for name, width in WIDTHS.items():
        statistics = {name: (torch.full((width,), 2.0), torch.full((width,), 1.5))}
        model.feature_encoders.set_statistics(statistics)
    model.save_pretrained(folder)
    processor = SyncTVAProcessor(*WIDTHS.values(), audio_features=AUDIO)
    processor.save_pretrained(folder)
    return folder


def relabelled(data, names):
    """Return the data with other names for its labels, in this order."""
    features = conversation_features(names, **{f"{name}_dim": w for name, w in WIDTHS.items()})
    splits = data.items()
    return DatasetDict({n: Dataset.from_list(rows.to_list(), features) for n, rows in splits})


def quick_arguments(folder, **changes):
    settings = {"num_train_epochs": 2, "per_device_train_batch_size": 4, "learning_rate": 1e-2}
    quiet = {"use_cpu": True, "report_to": "none", "disable_tqdm": True}
    return SyncTVATrainingArguments(output_dir=str(folder), **{**settings, **quiet, **changes})


def test_a_new_model_fits_the_data(data):
    prepared = prepare_training(data, recipe="features", config="meld", config_overrides=TOY)
    assert prepared.model.config.modality_dims == prepared.processor.widths == WIDTHS
    assert prepared.model.config.label_names == list(LABELS)
    assert prepared.arguments == RECIPES["features"].training
    kept = prepare_training(data, modalities=["audio"], config_overrides=TOY)
    assert kept.processor.widths == {"text": None, "visual": None, "audio": WIDTHS["audio"]}


def test_what_is_printed_says_what_was_made(data):
    prepared = prepare_training(data, config_overrides=TOY)
    title, *lines = repr(prepared).splitlines()
    said = dict(line.strip().split(": ", 1) for line in lines)
    assert title == "PreparedTraining"
    assert said["data"] == "conversations: " + ", ".join(f"{n} {len(s)}" for n, s in data.items())
    assert said["labels"] == ", ".join(LABELS)
    count = f"{prepared.model.num_parameters():,}"
    assert said["model"] == f"{count} parameters, {count} of them trained"
    assert f"text: {WIDTHS['text']} features" in said["processor"]
    assert set(said) == {"data", "processor", "model", "labels", "arguments"}


def test_texts_of_a_new_model_are_embedded(data, toy_encoder_spec, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    for module in ("recipes", "preparation"):
        monkeypatch.setattr(f"synctva.trainer.{module}.MINILM_SPEC", toy_encoder_spec)
    silent = data.remove_columns("text_features")
    prepared = prepare_training(silent, config_overrides=TOY)
    assert prepared.processor.text_encoder == toy_encoder_spec
    assert prepared.data["dev"].features["text_features"].feature.length == 16


def test_weights_and_statistics_of_a_checkpoint_are_kept(data, parent, caplog):
    prepared = prepare_training(data, parent)
    expected = SyncTVAForEmotionRecognition.from_pretrained(parent).state_dict()
    found = prepared.model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())
    assert prepared.processor.to_dict() == SyncTVAProcessor.from_pretrained(parent).to_dict()
    assert f"Training starts from {parent}: its feature statistics are kept" in caplog.text
    assert prepared.arguments == RECIPES["table"].training


@pytest.mark.parametrize(
    ("names", "fate"),
    [
        (["hot", "cold", "warm"], "are new"),
        (["calm", "hot", "glad", "cold"], "are kept for calm, glad and new for the others"),
        (["cross", "glad", "calm"], "are kept"),
    ],
)
def test_other_labels_rebuild_the_heads_only(data, parent, names, fate, caplog):
    model = prepare_training(relabelled(data, names), parent).model
    own = SyncTVAForEmotionRecognition.from_pretrained(parent)
    assert model.config.label_names == names and model.config.num_labels == len(names)
    assert not model.config.is_calibrated
    assert f"The weights of the heads {fate}. The calibration" in caplog.text
    before, after = own.state_dict(), model.state_dict()
    rebuilt = {
        n for n, w in after.items() if not (w.shape == (o := before[n]).shape and w.equal(o))
    }
    for name in rebuilt - {"class_prior"}:
        for row, label in enumerate(names):
            if label in LABELS:
                assert after[name][row].equal(before[name][LABELS.index(label)]), (name, label)
            elif name.endswith("weight"):
                assert not any(after[name][row].equal(old) for old in before[name])
    heads = ("class_prior", "classifier.4.", "context_classifier.4.", "synctva.modality_heads.")
    assert all(name.startswith(heads) for name in rebuilt)
    weights = {name for name in before if name.startswith(heads) and name.endswith("weight")}
    assert weights <= rebuilt
    assert model(text_features=torch.zeros(1, 2, WIDTHS["text"])).logits.shape[-1] == len(names)


def test_statistics_are_refitted_if_asked(data, parent, caplog):
    prepared = prepare_training(data, parent, modalities=["text", "audio"], refit_statistics=True)
    statistics = feature_statistics(data["train"])
    encoders = prepared.model.feature_encoders
    for name in ("text", "audio"):
        torch.testing.assert_close(encoders[name].mean, torch.from_numpy(statistics[name][0]))
    assert encoders["visual"].mean.eq(2).all()
    assert "its feature statistics are those of the training data now" in caplog.text
    with pytest.raises(ValueError, match=r"splits of the data = \['dev'\]: expected train"):
        prepare_training(DatasetDict(dev=data["dev"]), parent, refit_statistics=True)


@pytest.mark.parametrize("freeze", ["none", "feature-encoders", "all-but-heads"])
@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_what_is_frozen_does_not_move(data, parent, freeze, ema_decay, tmp_path):
    prepared = prepare_training(data, parent, freeze=freeze)
    model = prepared.model
    heads = {id(p) for head in heads_of(model) for p in head.parameters()}
    encoders = {id(p) for p in model.feature_encoders.parameters()}
    trained = {
        "none": lambda p: True,
        "feature-encoders": lambda p: id(p) not in encoders,
        "all-but-heads": lambda p: id(p) in heads,
    }[freeze]
    expected = {name for name, p in model.named_parameters() if trained(p)}
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    SyncTVATrainer(
        model,
        quick_arguments(tmp_path, ema_decay=ema_decay),
        train_dataset=prepared.data["train"],
        eval_dataset=prepared.data["dev"],
    ).train()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved <= expected
    # Biases of keys have no gradient, because the softmax does not see them.
    assert {name for name in expected if "key" not in name} - moved <= {"synctva.lone"}
    assert model.feature_encoders["text"].mean.eq(2).all()  # kept during training too


def test_a_resumed_run_equals_an_uninterrupted_one(data, parent, tmp_path):
    def run(folder, **options):
        torch.manual_seed(5)
        names = ["hot", "cold", "warm"]
        prepared = prepare_training(relabelled(data, names), parent, freeze="feature-encoders")
        arguments = quick_arguments(tmp_path / folder, save_total_limit=None, seed=5)
        trainer = SyncTVATrainer(
            prepared.model,
            arguments,
            train_dataset=prepared.data["train"],
            eval_dataset=prepared.data["dev"],
        )
        trainer.train(**options)
        return trainer.model.state_dict()

    whole = run("whole")
    resumed = run("resumed", resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-3"))
    assert all(torch.equal(resumed[name], weight) for name, weight in whole.items())


def test_named_features_are_matched_by_name(data, parent, tmp_path):
    encoders, order = dict.fromkeys(WIDTHS, "toy"), AUDIO[::-1]
    write_feature_set(
        data, tmp_path / "set", encoders=encoders, source="Toy", names={"audio": order}
    )
    prepared = prepare_training(data, parent, recipe="features", data_dir=tmp_path / "set")
    for own, given in zip(prepared.data["train"], data["train"], strict=True):
        assert own["audio_features"] == [row[::-1] for row in given["audio_features"]]
        assert own["text_features"] == given["text_features"]
    others = {"audio": ["loudness", *AUDIO[1:]]}
    write_feature_set(data, tmp_path / "others", encoders=encoders, source="Toy", names=others)
    lacking = "lacks the audio feature 'measure 0', .*; modalities without audio leave them out"
    with pytest.raises(ValueError, match=lacking):
        prepare_training(data, parent, recipe="features", data_dir=tmp_path / "others")


def test_features_without_names_are_read_in_their_order_with_a_warning(data, parent, caplog):
    prepared = prepare_training(data, parent)
    assert prepared.data["dev"]["audio_features"] == data["dev"]["audio_features"]
    assert "audio_features: their names are not known" in caplog.text


def test_features_of_another_encoder_are_refused(data, parent, tmp_path):
    spec = {"name": "prosody", "version": 1, "width": WIDTHS["text"], "layers": [0, 1]}
    SyncTVAForEmotionRecognition.from_pretrained(parent).save_pretrained(tmp_path / "m")
    SyncTVAProcessor(*WIDTHS.values(), text_encoder=spec).save_pretrained(tmp_path / "m")
    encoders = dict.fromkeys(WIDTHS, "toy")
    for folder, layers in (("same", [0, 1]), ("other", [2, 3])):
        specs = {"text": {**spec, "layers": layers}}
        write_feature_set(data, tmp_path / folder, encoders=encoders, source="Toy", specs=specs)
    prepare_training(data, tmp_path / "m", recipe="features", data_dir=tmp_path / "same")
    message = r"text_features: made by an encoder with layers = \[2, 3\]: expected \[0, 1\]"
    with pytest.raises(ValueError, match=message):
        prepare_training(data, tmp_path / "m", recipe="features", data_dir=tmp_path / "other")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": "meld"}, "config = meld: expected none, because model = .* has its own"),
        ({"text_backbone": "bert"}, "text_backbone = bert: expected none, because model"),
        ({"freeze": "everything"}, "freeze = 'everything': expected one of"),
        ({"modalities": ["smell"]}, r"modalities = \['smell'\]"),
        ({"config_overrides": "hidden_size=32"}, "expected fields that leave the weights of"),
    ],
)
def test_what_contradicts_a_checkpoint_is_refused(data, parent, options, message):
    with pytest.raises(ValueError, match=message):
        prepare_training(data, parent, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze": "all-but-heads"}, "freeze = 'all-but-heads': expected a model to start from"),
        ({"refit_statistics": True}, "refit_statistics = True: expected a model to start from"),
    ],
)
def test_what_needs_a_checkpoint_is_refused_without(data, options, message):
    with pytest.raises(ValueError, match=message):
        prepare_training(data, **options)


def test_the_dropout_of_a_checkpoint_can_be_changed(data, parent):
    model = prepare_training(data, parent, config_overrides="hidden_dropout_prob=0.1").model
    assert model.classifier[0].p == 0.1


def test_other_widths_and_modalities_are_refused(data, tmp_path, caplog):
    toy_model(audio_dim=3).save_pretrained(tmp_path)
    SyncTVAProcessor(WIDTHS["text"], None, 3).save_pretrained(tmp_path)
    widths = "audio_features: 5 for each utterance: expected 3, which the model reads; modalities"
    with pytest.raises(ValueError, match=widths):
        prepare_training(data, tmp_path)
    assert "visual_features are not read: the model takes only text and audio" in caplog.text
    with pytest.raises(ValueError, match="the model takes no visual: expected some of"):
        prepare_training(data, tmp_path, modalities=["text", "visual"])
    prepared = prepare_training(data, tmp_path, modalities=["text"])
    assert "audio_features" not in prepared.data["train"].column_names


def test_a_checkpoint_without_a_processor_is_refused(data, tmp_path):
    SyncTVAForEmotionRecognition(toy_config()).save_pretrained(tmp_path)
    with pytest.raises(OSError, match=r"expected a model with processor_config\.json beside"):
        prepare_training(data, tmp_path)


def test_a_text_backbone_is_trained_on(data, tmp_path, toy_encoder_folder):
    silent = data.remove_columns("text_features")
    backbone = str(toy_encoder_folder)
    first = prepare_training(silent, config_overrides=TOY, text_backbone=backbone)
    assert "input_ids" in first.data["train"].column_names
    torch.nn.init.ones_(first.model.synctva.text_backbone.encoder.pooler.dense.weight)
    first.model.save_pretrained(tmp_path)
    first.processor.save_pretrained(tmp_path)
    again = prepare_training(silent, tmp_path, freeze="feature-encoders")
    assert again.data["dev"]["input_ids"] == first.data["dev"]["input_ids"]
    parameters = list(again.model.synctva.text_backbone.parameters())
    assert not any(p.requires_grad for p in parameters)
    assert all(map(torch.equal, parameters, first.model.synctva.text_backbone.parameters()))
