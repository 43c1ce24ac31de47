import copy

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from tests.support.toy import toy_batch, toy_config, toy_model


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


@pytest.fixture
def backbone_folder(tmp_path):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=40, hidden_size=12, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def token_batch():
    batch = toy_batch()
    del batch["text_features"]
    torch.manual_seed(0)
    batch["input_ids"] = torch.randint(0, 40, (3, 6, 9))
    batch["text_attention_mask"] = torch.ones(3, 6, 9).bool()
    batch["text_attention_mask"][..., 7:] = False
    batch["utterance_token_mask"] = torch.zeros(3, 6, 9).bool()
    batch["utterance_token_mask"][..., 2:5] = True
    return batch


def test_trains_end_to_end_and_reloads_without_the_source(backbone_folder, tmp_path):
    model = SyncTVAForEmotionRecognition(toy_config(text_backbone=str(backbone_folder)))
    model.synctva.text_backbone.load_pretrained()
    published = BertModel.from_pretrained(backbone_folder).state_dict()
    for name, tensor in model.synctva.text_backbone.encoder.state_dict().items():
        assert torch.equal(tensor, published[name])
    batch = token_batch()
    model(**batch).loss.backward()
    embedding = model.synctva.text_backbone.encoder.get_input_embeddings().weight
    assert embedding.grad.abs().sum() > 0

    model.eval().save_pretrained(tmp_path / "saved")
    for file in backbone_folder.iterdir():
        file.unlink()
    backbone_folder.rmdir()
    loaded = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "saved").eval()
    torch.testing.assert_close(loaded(**batch).logits, model(**batch).logits)


def test_pools_the_utterances_own_tokens_and_ignores_padding(backbone_folder):
    model = SyncTVAForEmotionRecognition(toy_config(text_backbone=str(backbone_folder))).eval()
    backbone = model.synctva.text_backbone
    batch = token_batch()
    args = [batch[k][0] for k in ("input_ids", "text_attention_mask", "utterance_token_mask")]
    pooled = backbone(*args)
    states = backbone.encoder(
        input_ids=args[0], attention_mask=args[1].long()
    ).last_hidden_state  # (N, L, D)
    torch.testing.assert_close(pooled, states[:, 2:5].mean(1))
    args[0] = args[0].clone()
    args[0][:, 7:] = 3
    torch.testing.assert_close(backbone(*args), pooled)


def test_a_backbone_of_another_width_is_refused(backbone_folder):
    with pytest.raises(ValueError, match="text_dim = 13: expected 12"):
        SyncTVAForEmotionRecognition(toy_config(text_backbone=str(backbone_folder), text_dim=13))
