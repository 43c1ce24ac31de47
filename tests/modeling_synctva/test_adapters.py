"""Low-rank adapters of PEFT on our models."""

import pytest
import torch

from synctva.modeling_synctva.modeling_synctva import SyncTVAModel
from tests.support.toy import toy_batch, toy_config, toy_model

peft = pytest.importorskip("peft", reason="peft is not installed")

QUERY_AND_VALUE = r".*\.(query|value\.base)\.maps\.\w+"
ADAPTABLE = {
    "query and value": (QUERY_AND_VALUE, 18),
    "one modality of the queries": (["query.maps.audio"], 3),
    "every map": (["maps.text", "maps.visual", "maps.audio"], None),
    "all": ("all-linear", None),
    "embeddings": (["speaker_embedding", "relation_bias"], 4),
}
"""Target modules, and how many the toy model has."""


def adapted(targets, task="TOKEN_CLS", **changes):
    config = peft.LoraConfig(task_type=task, target_modules=targets, r=2, **changes)
    return peft.get_peft_model(toy_model(), config).eval()


def lora_weights(model):
    return {name: p for name, p in model.named_parameters() if "lora_" in name}


@pytest.mark.parametrize("task", [None, "TOKEN_CLS"])
@pytest.mark.parametrize("targets", ADAPTABLE.values(), ids=ADAPTABLE)
def test_every_adapter_is_used(targets, task):
    targets, number = targets
    model, batch = adapted(targets, task), toy_batch(keep=0.8)
    if number is not None:
        assert len(lora_weights(model)) == 2 * number
    before = model(**batch)
    torch.testing.assert_close(before.logits, toy_model()(**batch).logits)
    torch.manual_seed(1)
    for parameter in lora_weights(model).values():
        torch.nn.init.normal_(parameter, std=0.1)
    model(**batch).loss.backward()
    idle = [name for name, p in lora_weights(model).items() if p.grad is None or not p.grad.any()]
    # PEFT also adapts the original of a classifier, in whose place it trains a copy.
    assert not [name for name in idle if ".original_module." not in name]


def test_an_adapted_model_is_saved_loaded_and_merged(tmp_path):
    model, batch = adapted(QUERY_AND_VALUE), toy_batch()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()
    trained = model(**batch).logits
    assert (trained - toy_model()(**batch).logits).abs().max() > 0.01
    model.save_pretrained(tmp_path)
    loaded = peft.PeftModel.from_pretrained(toy_model(), tmp_path).eval()
    torch.testing.assert_close(loaded(**batch).logits, trained)
    merged = loaded.merge_and_unload()
    torch.testing.assert_close(merged(**batch).logits, trained, rtol=1e-4, atol=1e-5)
    assert type(merged) is type(toy_model())


@pytest.mark.parametrize("targets", [["query", "value"], ["value"], ["output"]])
def test_a_group_of_maps_is_refused_with_the_names_to_use(targets):
    with pytest.raises(ValueError, match=r'adapted as "maps\.text", "maps\.visual", "maps\.audio"'):
        adapted(targets)


def test_both_classifiers_are_trained_and_saved():
    model = adapted(QUERY_AND_VALUE)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    for head in ("classifier", "context_classifier"):
        assert any(f".{head}.modules_to_save." in name for name in trained)


def test_feature_extraction():
    config = peft.LoraConfig(task_type="FEATURE_EXTRACTION", target_modules=QUERY_AND_VALUE, r=2)
    model = peft.get_peft_model(SyncTVAModel(toy_config()), config).eval()
    batch = toy_batch()
    del batch["labels"]
    assert model(**batch).last_hidden_state.shape == (3, 6, 16)


def test_embeddings_are_refused():
    batch = toy_batch()
    with pytest.raises(ValueError, match="inputs_embeds: expected None"):
        toy_model()(**batch, inputs_embeds=torch.zeros(3, 6, 16))
