import numpy as np
import pytest
from datasets import Dataset

from synctva.trainer.given_data import check_conversations, columns_read, texts_unread
from synctva.trainer.statistics import class_counts, feature_statistics
from synctva.trainer.streaming import ConversationStream
from synctva.trainer.trainer import SyncTVATrainer
from tests.docs.situations import said
from tests.support.toy import LABELS, toy_config, toy_dataset, toy_model, toy_rows
from tests.support.training_program import logged, toy_trainer

ALL = {"text", "visual", "audio"}


def stream_of(dataset, folder):
    dataset.to_parquet(folder / "train.parquet")
    return ConversationStream([str(folder / "train.parquet")])


FORMS = {
    "table": lambda dataset, folder: dataset,
    "rows": lambda dataset, folder: list(dataset),
    "stream": stream_of,
    "transform": lambda dataset, folder: dataset.with_transform(lambda batch: batch),
    "iterable": lambda dataset, folder: dataset.to_iterable_dataset(),
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@forms
def test_modalities_that_are_given(form, tmp_path):
    for modalities in (ALL, {"audio"}, {"text", "visual"}):
        dataset = form(toy_dataset(4, modalities=modalities), tmp_path)
        assert check_conversations(dataset, toy_config(), "data") == modalities


@forms
def test_texts_without_features_are_refused(form, tmp_path):
    dataset = form(toy_dataset(4, modalities=()), tmp_path)
    expected = "texts are there" if form is not stream_of else "expected any of text_features"
    with pytest.raises(ValueError, match=f"no conversation has features .* reads: {expected}"):
        check_conversations(dataset, toy_config(), "data")


def without_text(row):
    return {"modality_mask": [[False, *mask[1:]] for mask in row["modality_mask"]]}


def nothing(row):
    return {"modality_mask": [[False] * 3 for _ in row["modality_mask"]]}


def no_values(row):
    return {f"{m}_features": [None] * len(row["labels"]) for m in ALL}


@forms
def test_what_the_mask_hides_is_not_given(form, tmp_path):
    assert check_conversations(
        form(toy_dataset(4).map(without_text), tmp_path), toy_config(), "data"
    ) == {"visual", "audio"}
    with pytest.raises(ValueError, match="modality_mask is False, everywhere"):
        check_conversations(form(toy_dataset(4).map(nothing), tmp_path), toy_config(), "data")


def test_values_of_none_are_not_given():
    rows = [{**row, **no_values(row)} for row in toy_rows(3)]
    with pytest.raises(ValueError, match="audio_features are None, or modality_mask"):
        check_conversations(rows, toy_config(), "data")
    rows[2] = toy_rows(3, modalities=("audio",))[2]  # the last conversation has a voice
    assert check_conversations(rows, toy_config(), "data") == {"audio"}


def test_a_text_backbone_reads_tokens():
    config = toy_config()
    config.text_backbone = "some-encoder"
    assert columns_read(config)["text"] == "input_ids"
    assert "add_text_tokens" in texts_unread(toy_dataset(2), config)
    rows = [{**row, "input_ids": [[1]] * len(row["labels"])} for row in toy_rows(2)]
    assert check_conversations(rows, config, "data") == ALL
    assert texts_unread(rows, config) is None


def test_other_features_are_named():
    rows = [{**row, "gaze_features": row["audio_features"]} for row in toy_rows(2)]
    words = said(lambda: check_conversations(rows, toy_config(), "data"))
    assert words.startswith("data: gaze_features is not read: the model reads text_features")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"train": toy_dataset(2)}, TypeError, r"data = dict of \['train'\]: .* one split"),
        (len, TypeError, "data_collator is passed by its name"),
        (3, TypeError, "data = int: expected conversations"),
        ([], ValueError, "data is empty"),
        (toy_dataset(2).select([]), ValueError, "no conversation has features"),
    ],
)
def test_what_is_not_conversations(given, error, message):
    with pytest.raises(error, match=message):
        check_conversations(given, toy_config(), "data")


def test_labels_of_other_names_are_refused():
    for names in (["glad", "calm", "cross"], ["a", "b", "c"], ["calm", "glad"]):
        config = toy_config(id2label=dict(enumerate(names)))
        with pytest.raises(ValueError, match=r"labels are \['calm', 'glad', 'cross'\]: expected"):
            check_conversations(toy_dataset(2), config, "data")
    unnamed = toy_config(id2label={i: f"LABEL_{i}" for i in range(3)})
    words = said(lambda: check_conversations(toy_dataset(2), unnamed, "data"))
    assert "id2label=dict(enumerate(names))" in words


@pytest.mark.parametrize("modalities", [("text", "visual", "audio"), ("audio",)])
def test_rows_train_as_a_table_does(tmp_path, modalities):
    rows = toy_rows(12, modalities=modalities)
    for row in rows[::3]:  # features of some utterances are missing
        row["audio_features"] = [
            value if mask[2] else None
            for value, mask in zip(row["audio_features"], row["modality_mask"], strict=True)
        ]
    table = toy_dataset(12, modalities=modalities)
    assert (class_counts(rows, 3) == class_counts(table, 3)).all()
    for name, (mean, deviation) in feature_statistics(table).items():
        np.testing.assert_allclose(feature_statistics(rows)[name], (mean, deviation), rtol=1e-6)
    losses = []
    for data in (table, rows, table.with_transform(lambda batch: batch)):
        trainer = toy_trainer(tmp_path / str(len(losses)), num_train_epochs=1)
        trainer.train_dataset = data
        trainer.train()
        losses.append(logged(trainer))
    assert losses[0] == losses[1] == losses[2]


def test_a_transform_of_the_rows_is_applied(tmp_path):
    def silent(batch):
        return {**batch, "audio_features": [np.zeros_like(f) for f in batch["audio_features"]]}

    data = toy_dataset(6)
    model = toy_model()
    trainer = SyncTVATrainer(model, toy_trainer(tmp_path).args, eval_dataset=data)
    silenced = data.map(lambda row: {"audio_features": np.zeros_like(row["audio_features"])})
    expected = trainer.predict_fields(silenced)["logits"]
    found = trainer.predict_fields(data.with_transform(silent))["logits"]
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(found, trainer.predict_fields(data)["logits"])


def test_the_trainer_checks_what_it_gets(tmp_path):
    with pytest.raises(ValueError, match=r"train_dataset: no conversation .*add_text_features"):
        toy_trainer(tmp_path, modalities=())
    trainer = toy_trainer(tmp_path)
    silent = toy_dataset(4, modalities=())
    for call in (trainer.evaluate, trainer.predict, trainer.score):
        with pytest.raises(ValueError, match="dataset: no conversation has features"):
            call(silent)
    trainer.eval_dataset = {"dev": toy_dataset(4), "test": silent}
    with pytest.raises(ValueError, match=r"eval_dataset\['test'\]: no conversation"):
        trainer.evaluate()
    unlabelled = toy_dataset(4).map(lambda row: {"labels": [-1] * len(row["labels"])})
    with pytest.raises(ValueError, match="no utterance has a label"):
        SyncTVATrainer(toy_model(), trainer.args, unlabelled, toy_dataset(4))
    with pytest.raises(ValueError, match="dataset has no column labels"):
        trainer.score(toy_dataset(4).remove_columns("labels"))


def test_a_modality_of_the_training_that_no_data_has_is_named_once(tmp_path):
    model = toy_model()
    model.feature_encoders["audio"].mean += 1
    arguments = toy_trainer(tmp_path).args
    silent = toy_dataset(4).remove_columns("audio_features")
    trainer = SyncTVATrainer(model, arguments, eval_dataset=silent)
    assert said(trainer.evaluate).startswith("eval_dataset has no audio_features, with which")
    with pytest.raises(AssertionError, match="nothing was said"):
        said(trainer.evaluate)
    # A part of the data without it, as in the scores of each subset of modalities, says nothing.
    trainer = SyncTVATrainer(model, arguments, eval_dataset=toy_dataset(4))
    trainer.evaluate()
    with pytest.raises(AssertionError, match="nothing was said"):
        said(lambda: trainer.score(silent))
    assert list(LABELS) == trainer.label_names_in_order


def test_nothing_is_said_of_data_that_is_read_whole(tmp_path):
    with pytest.raises(AssertionError, match="nothing was said"):
        said(lambda: toy_trainer(tmp_path).evaluate())
    assert isinstance(toy_dataset(2), Dataset)
