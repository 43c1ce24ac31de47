import numpy as np
import pytest
from datasets import DatasetDict

from synctva.features import text as module
from synctva.features.text import add_text_features
from tests.support.toy import toy_dataset


class CountingEncoder:
    """Embeds a text by its length."""

    width = 2

    def __init__(self, name="counting"):
        self.spec = {"name": name}
        self.encoded = []

    def encode(self, texts):
        self.encoded += texts
        return np.array([[len(text), -1.0] for text in texts], dtype=np.float32)


def conversations():
    data = DatasetDict(
        {
            "train": toy_dataset(4, modalities=("audio",)),
            "test": toy_dataset(3, seed=1, modalities=("audio",)),
        }
    )

    def silence(row):
        row["texts"][0] = "  "
        return row

    return data.map(silence)


def test_distinct_texts_are_embedded_once_and_cached(tmp_path):
    data, encoder = conversations(), CountingEncoder()
    embedded = add_text_features(data, encoder, cache_dir=tmp_path)
    texts = {text for split in data.values() for row in split["texts"] for text in row}
    assert sorted(encoder.encoded) == sorted(text for text in texts if text.strip())
    assert embedded["train"].features["text_features"].feature.length == 2
    for split in data:
        for row, before in zip(embedded[split], data[split], strict=True):
            spoken = [bool(text.strip()) for text in row["texts"]]
            assert not spoken[0]
            assert [mask[0] for mask in row["modality_mask"]] == spoken
            assert [m[1:] for m in row["modality_mask"]] == [m[1:] for m in before["modality_mask"]]
            for text, vector in zip(row["texts"], row["text_features"], strict=True):
                assert vector == ([len(text), -1.0] if text.strip() else [0.0, 0.0])

    again = CountingEncoder()
    assert add_text_features(data, again, cache_dir=tmp_path)["train"][:] == embedded["train"][:]
    assert again.encoded == []
    other = CountingEncoder("other")
    add_text_features(data, other, cache_dir=tmp_path)
    assert other.encoded  # another encoder, other embeddings
    assert len(list(tmp_path.iterdir())) == 2  # and no temporary file


def test_a_text_that_is_read_otherwise_is_embedded_again(tmp_path, monkeypatch):
    data = conversations()
    add_text_features(data, CountingEncoder(), cache_dir=tmp_path)
    monkeypatch.setattr(module, "READING", module.READING + 1)
    again = CountingEncoder()
    add_text_features(data, again, cache_dir=tmp_path)
    assert again.encoded


def test_texts_in_an_unknown_language_are_told(tmp_path, caplog):
    data = conversations()
    english = CountingEncoder("roberta-base")
    add_text_features(data, english, cache_dir=tmp_path)
    assert "seem to be" not in caplog.text
    german = data.map(lambda row: {"texts": ["Ich habe lange gewartet."] * len(row["texts"])})
    add_text_features(german, english, cache_dir=tmp_path)
    assert "4 of the first 4 conversations, such as 'conversation 0', have texts" in caplog.text
    assert "seem to be German: expected English, which text encoder roberta-base" in caplog.text
    caplog.clear()
    add_text_features(german, CountingEncoder("xlm-roberta-base"), cache_dir=tmp_path)
    assert "seem to be" not in caplog.text


def test_features_of_several_encoders_are_concatenated(tmp_path):
    data = conversations()
    one = add_text_features(data, CountingEncoder(), cache_dir=tmp_path)
    two = add_text_features(data, CountingEncoder(), CountingEncoder("other"), cache_dir=tmp_path)
    for split in data:
        for row, both in zip(one[split], two[split], strict=True):
            assert both["text_features"] == [own + own for own in row["text_features"]]
            assert both["modality_mask"] == row["modality_mask"]


def test_text_features_of_a_feature_set_are_copied(tmp_path):
    data = conversations()
    kept = add_text_features(data, CountingEncoder(), cache_dir=tmp_path)
    # They are matched by conversation, in any order.
    shuffled = DatasetDict({name: split.shuffle(seed=1) for name, split in kept.items()})
    both = add_text_features(data, shuffled, CountingEncoder(), cache_dir=tmp_path)
    for split in data:
        assert both[split]["dialogue_id"] == data[split]["dialogue_id"]
        for row, own in zip(both[split], kept[split], strict=True):
            assert row["text_features"] == [features * 2 for features in own["text_features"]]


def test_a_feature_set_of_other_conversations_is_refused(tmp_path):
    data = conversations()
    kept = add_text_features(data, CountingEncoder(), cache_dir=tmp_path)
    with pytest.raises(ValueError, match="no text features for the split 'train'"):
        add_text_features(data, data)
    with pytest.raises(ValueError, match="no text features for the split 'test'"):
        add_text_features(data, DatasetDict({"train": kept["train"]}))
    missing = data["train"][3]["dialogue_id"]
    fewer = DatasetDict({"train": kept["train"].select(range(3)), "test": kept["test"]})
    with pytest.raises(ValueError, match=f"train conversation '{missing}'.*same texts"):
        add_text_features(data, fewer)
    changed = kept.map(lambda row: {"texts": ["other", *row["texts"][1:]]})
    with pytest.raises(ValueError, match=r"train conversation .*same texts"):
        add_text_features(data, changed)


@pytest.mark.parametrize("directory", ["absent/deeper"])
def test_the_cache_folder_is_created(tmp_path, directory):
    add_text_features(conversations(), CountingEncoder(), cache_dir=tmp_path / directory)
    assert (tmp_path / directory).is_dir()
