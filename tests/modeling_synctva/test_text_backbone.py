import pytest
import torch
from transformers import BertConfig, BertModel

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from tests.support.toy import toy_batch, toy_config


@pytest.fixture
def folder(tmp_path):
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


def test_trains_end_to_end_and_reloads_without_the_source(folder, tmp_path):
    model = SyncTVAForEmotionRecognition(toy_config(text_backbone=str(folder)))
    model.synctva.text_backbone.load_pretrained()
    published = BertModel.from_pretrained(folder).state_dict()
    for name, tensor in model.synctva.text_backbone.encoder.state_dict().items():
        assert torch.equal(tensor, published[name])
    batch = token_batch()
    model(**batch).loss.backward()
    embedding = model.synctva.text_backbone.encoder.get_input_embeddings().weight
    assert embedding.grad.abs().sum() > 0

    model.eval().save_pretrained(tmp_path / "saved")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    loaded = SyncTVAForEmotionRecognition.from_pretrained(tmp_path / "saved").eval()
    torch.testing.assert_close(loaded(**batch).logits, model(**batch).logits)


def test_pools_the_utterances_own_tokens_and_ignores_padding(folder):
    model = SyncTVAForEmotionRecognition(toy_config(text_backbone=str(folder))).eval()
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


def test_a_wrong_width_is_refused(folder):
    with pytest.raises(ValueError, match="text_dim = 13: expected 12"):
        SyncTVAForEmotionRecognition(toy_config(text_backbone=str(folder), text_dim=13))
