import torch

from tests.support.toy import toy_batch, toy_model


def test_text_only_has_no_fusion_edges_and_is_finite():
    batch = toy_batch()
    output = toy_model()(text_features=batch["text_features"], output_attentions=True)
    assert (output.fusion_attention == 0).all()
    assert output.logits.isfinite().all()


def test_fusion_attends_to_several_keys():
    output = toy_model()(**toy_batch(keep=1.0), output_attentions=True)
    weights = output.fusion_attention
    assert (weights > 0).sum(-1).max() > 2
    assert ((weights > 0) & (weights < 1)).any(), "a softmax over one key would be 1 everywhere"


def test_a_modality_of_strength_zero_does_not_change_the_sum():
    batch = toy_batch(keep=1.0)
    model = toy_model(num_hidden_layers=0, use_fusion=False, use_context=False)
    strength = model.synctva.enhancement.strength.maps["audio"]
    torch.nn.init.zeros_(strength.weight)
    torch.nn.init.constant_(strength.bias, -100.0)
    # Keep audio from reaching the other gates through their context: only the sum is tested.
    model.synctva.enhancement.context.maps["text"].weight.data.zero_()
    model.synctva.enhancement.context.maps["visual"].weight.data.zero_()
    before = model(**batch).logits
    batch["audio_features"] = batch["audio_features"] + 1.0
    torch.testing.assert_close(model(**batch).logits, before)
