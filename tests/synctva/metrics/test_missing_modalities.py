"""Scores when modalities are missing."""

import pytest

from synctva.metrics.missing_modalities import columns_of_modalities, subset_scores
from synctva.modeling_synctva.conversation_padding import TOKEN_FIELDS
from tests.support.toy import toy_config, toy_dataset
from tests.support.training_program import toy_trainer


def test_a_missing_column_is_a_masked_modality(tmp_path):
    trainer = toy_trainer(tmp_path)
    data = trainer.eval_dataset
    found = subset_scores(trainer, data)
    assert list(found) == ["text", "visual", "audio", "text+visual", "text+audio", "visual+audio"]

    def mask(row):
        return {"modality_mask": [[text, False, audio] for text, _, audio in row["modality_mask"]]}

    masked = trainer.score(data.map(mask, load_from_cache_file=False))
    assert found["text+audio"] == pytest.approx({key: masked[key] for key in found["text+audio"]})
    assert subset_scores(trainer, data.remove_columns(["text_features", "audio_features"])) == {}


def test_a_text_backbone_reads_tokens_as_its_text(toy_encoder_folder):
    data = toy_dataset(3, modalities=("text", "audio"))
    backbone = toy_config(text_backbone=str(toy_encoder_folder), text_dim=16)
    assert list(columns_of_modalities(data, toy_config())) == ["text", "audio"]
    assert list(columns_of_modalities(data, backbone)) == ["audio"]
    for name in TOKEN_FIELDS:
        data = data.add_column(name, [[[1]] * len(row) for row in data["labels"]])
    assert columns_of_modalities(data, backbone) == {
        "text": list(TOKEN_FIELDS), "audio": ["audio_features"],
    }  # fmt: skip
