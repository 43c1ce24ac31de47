"""Scores when modalities are missing."""

import pytest

from synctva.metrics.missing_modalities import subset_scores
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
