"""From a data set's name to its data, configuration and processor."""

import pytest
from datasets import DatasetDict

from synctva.datasets_scripts.labels import MELD_SENTIMENTS
from synctva.features.feature_sets import write_feature_set
from synctva.trainer.preparation import build_config, build_processor
from synctva.trainer.recipes import (
    RECIPES,
    encoder_names,
    feature_widths,
    label_names,
    load_conversations,
    load_splits,
)
from tests.support.corpora import write_meld
from tests.support.toy import LABELS, WIDTHS, toy_dataset


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    data = DatasetDict(train=toy_dataset(6), dev=toy_dataset(2, seed=1))
    encoders = dict.fromkeys(WIDTHS, "toy")
    write_feature_set(data, tmp_path / "features", encoders=encoders, source="Toy")
    return tmp_path / "features"


def test_a_feature_set_gives_data_config_and_processor(folder):
    data = load_conversations("features", folder, max_train_conversations=4)
    assert {name: len(split) for name, split in data.items()} == {"train": 4, "dev": 2}
    assert feature_widths(data) == WIDTHS
    assert label_names(data) == list(LABELS)
    config = build_config("meld", data, overrides="hidden_size=16,num_attention_heads=2")
    assert config.modality_dims == WIDTHS
    assert config.id2label == dict(enumerate(LABELS))
    assert config.label2id == {name: index for index, name in enumerate(LABELS)}
    assert config.hidden_size == 16
    processor = build_processor("features", data, config, folder)
    assert processor.widths == WIDTHS
    assert processor.text_encoder is None  # "toy" is not a spec
    assert encoder_names("features", data) == dict.fromkeys(WIDTHS, "as given")


def test_modalities_that_are_not_wanted_are_dropped(folder):
    data = load_conversations("features", folder, modalities=["audio"])
    assert feature_widths(data) == {"audio": WIDTHS["audio"]}


def test_only_tables_have_columns_to_name_and_only_meld_a_label_too(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "meld").mkdir()
    data = load_splits("meld", write_meld(tmp_path / "meld"), label="sentiment")
    assert label_names(data) == list(MELD_SENTIMENTS)
    for dataset, option in (
        ("iemocap", {"label": "valence"}),
        ("meld", {"columns": {"text": "a"}}),
    ):
        with pytest.raises(ValueError, match=f"{next(iter(option))} is set: expected a table, not"):
            load_splits(dataset, tmp_path / "meld", **option)


def test_bad_arguments_are_named(folder):
    with pytest.raises(ValueError, match=r"dataset = 'friends': expected one of \('simulated', "):
        load_conversations("friends")
    with pytest.raises(ValueError, match=r"modalities = \['smell'\]: expected some of"):
        load_conversations("features", folder, modalities=["smell"])
    for name in RECIPES.keys() - {"simulated"}:
        with pytest.raises(ValueError, match=f"data_dir is missing: .*{name}"):
            load_conversations(name)
