import copy

import pytest
import torch
from torch import nn

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from tests.support.toy import toy_batch, toy_model


def with_statistics():
    """A model whose audio features are far from 0 and vary little, as a pitch in Hz does."""
    model, width = toy_model(), 5
    statistics = {"audio": (torch.full((width,), 301.3), torch.full((width,), 0.7))}
    model.feature_encoders.set_statistics(statistics)
    batch = toy_batch()
    batch["audio_features"] = batch["audio_features"] * 0.7 + 301.3
    return model, batch


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_narrow_model_standardises_as_a_wide_one(dtype, tmp_path):
    model, batch = with_statistics()
    model.save_pretrained(tmp_path)
    loaded = SyncTVAForEmotionRecognition.from_pretrained(tmp_path, dtype=dtype)
    for narrow in (copy.deepcopy(model).to(dtype), loaded):
        assert narrow.dtype == dtype
        for name, encoder in narrow.feature_encoders.items():
            assert torch.equal(encoder.mean, model.feature_encoders[name].mean)
        features = batch["audio_features"].flatten(0, 1)
        _, wide_rms = model.feature_encoders["audio"](features)
        _, narrow_rms = narrow.feature_encoders["audio"](features)
        assert torch.equal(narrow_rms, wide_rms)
        with torch.no_grad():
            difference = narrow(**batch).logits.float() - model(**batch).logits
        assert difference.abs().max() < 0.15


def test_a_double_model_keeps_its_statistics():
    model, _ = with_statistics()
    mean = model.feature_encoders["audio"].mean.clone()
    model.double()
    torch.testing.assert_close(model.feature_encoders["audio"].mean, mean.double())


@pytest.mark.parametrize("kinds", [{nn.Linear}, {nn.Linear, nn.GRU}], ids=["linear", "gru"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_dynamic_quantization(kinds):
    model = toy_model(hidden_size=64, intermediate_size=128)  # int8 rounds less in a wider model
    batch = toy_batch()
    quantized = torch.ao.quantization.quantize_dynamic(model, kinds, dtype=torch.qint8)
    left = {type(module) for module in quantized.modules()} & kinds
    assert not left
    with torch.no_grad():
        difference = quantized(**batch).logits - model(**batch).logits
    assert 0 < difference.abs().max() < 0.1
