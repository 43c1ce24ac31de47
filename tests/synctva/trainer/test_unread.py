"""What a data set has and nothing reads: warnings, and an error where nothing at all is read."""

import numpy as np
import pytest
from datasets import ClassLabel, DatasetDict, List

from synctva.trainer.unread import check_read, require_splits
from tests.support.toy import toy_dataset

ALL = ("text", "visual", "audio")


def with_clips(dataset):
    return dataset.map(
        lambda row: {"media_paths": ["a.mp4", *[None] * (len(row["texts"]) - 1)]},
        load_from_cache_file=False,
    )


def masked(dataset, *modalities):
    columns = [ALL.index(name) for name in modalities]

    def mask(row):
        found = np.array(row["modality_mask"])
        found[:, columns] = False
        return {"modality_mask": found.tolist()}

    return dataset.map(mask, load_from_cache_file=False)


def said(caplog, data, modalities=ALL, reads_texts=False):
    caplog.clear()
    check_read(DatasetDict(data), modalities, reads_texts)
    return [record.getMessage() for record in caplog.records]


def test_texts_without_an_encoder_are_counted(caplog):
    data = {"train": toy_dataset(3, modalities=("audio",))}
    texts = sum(map(len, data["train"]["texts"]))
    (message,) = said(caplog, data)
    assert message.startswith(f"{texts} texts not read: there are no text features")
    assert said(caplog, data, reads_texts=True) == []
    assert said(caplog, data, modalities=["audio"]) == []
    assert said(caplog, {"train": toy_dataset(3)}) == []


@pytest.mark.parametrize(
    ("features", "wanted", "lacking"),
    [
        (ALL, ALL, None),
        (("text",), ALL, "visual and audio"),
        (("text", "audio"), ALL, "visual"),
        (("text",), ("text", "audio"), "audio"),
        (("text",), ("text",), None),
    ],
)
def test_clips_that_nobody_extracts_are_counted(caplog, features, wanted, lacking):
    data = {"train": with_clips(toy_dataset(3, modalities=features)), "dev": toy_dataset(2)}
    expected = [] if lacking is None else [
        f"3 files in media_path not read for {lacking} features, of which `synctva extract` makes "
        f"a feature set; --modalities without {lacking} says that they are not wanted"
    ]  # fmt: skip
    assert said(caplog, data, wanted) == expected


def test_data_of_which_nothing_is_read_is_refused():
    silent = with_clips(masked(toy_dataset(3, modalities=()), "text"))
    clips = "no utterance of train has anything that is read: .*; 3 files in media_path"
    with pytest.raises(ValueError, match=clips):
        check_read(DatasetDict(train=silent, dev=toy_dataset(2)), ALL, reads_texts=True)
    texts = toy_dataset(3, modalities=())
    assert check_read(DatasetDict(train=texts), ALL, reads_texts=True) > 0
    for modalities, reads_texts in ((ALL, False), (("audio",), True)):
        with pytest.raises(ValueError, match="no utterance of train has anything that is read"):
            check_read(DatasetDict(train=texts), modalities, reads_texts)
    voices = masked(toy_dataset(3, modalities=("audio",)), "audio")
    with pytest.raises(ValueError, match="no utterance of dev or test has anything"):
        check_read(DatasetDict(dev=voices, test=voices), ["audio"], reads_texts=False)


def test_a_missing_split_is_named():
    data = DatasetDict(train=toy_dataset(2), test=toy_dataset(2))
    require_splits(data, ["train"])
    with pytest.raises(
        ValueError, match=r"= \['train', 'test'\]: expected train and dev; dev can be a file of"
    ):
        require_splits(data, ["train", "dev"])


def test_one_label_is_nothing_to_train_on():
    rows = toy_dataset(2).map(
        lambda row: {"labels": [0] * len(row["labels"])}, load_from_cache_file=False
    )
    one = DatasetDict({"train": rows.cast_column("labels", List(ClassLabel(names=["calm"])))})
    with pytest.raises(ValueError, match=r"labels of the data = \['calm'\]: expected at least two"):
        require_splits(one, ["train"])
    require_splits(one, [])
