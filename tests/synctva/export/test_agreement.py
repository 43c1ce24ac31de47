"""The packages that ONNX needs, and the random conversations for comparisons."""

import pytest
import torch

from synctva.export import export_onnx, random_conversations
from tests.support.toy import WIDTHS, toy_config


def test_random_conversations_lack_modalities_whose_features_are_nan():
    batch = random_conversations(toy_config(), [6, 1, 9, 4])
    assert batch["attention_mask"].sum(1).tolist() == [6, 1, 9, 4]
    present = batch["modality_mask"].sum(-1)[batch["attention_mask"]]
    assert set(present.tolist()) == {0, 1, 2, 3}
    for m, name in enumerate(WIDTHS):
        known = batch[f"{name}_features"].isfinite().all(-1)
        torch.testing.assert_close(known, batch["modality_mask"][..., m])


def test_missing_packages_are_named(model, tmp_path, monkeypatch):
    monkeypatch.setattr("synctva.export.agreement.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs onnx, onnxscript, onnxruntime: .*\.\[onnx\]"):
        export_onnx(model, tmp_path / "model.onnx")
