"""The padded model compared with the packed one."""

import pytest

from synctva.export import DenseSyncTVA, random_conversations
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from tests.support.exporting import CAUSAL, assert_same
from tests.support.toy import toy_config, toy_model

VARIANTS = {
    "whole": {},
    "no context": {"use_context": False},
    "no enhancement": {"use_enhancement": False},
    "no fusion": {"use_fusion": False},
    "no temporal graph": {"use_temporal_graph": False},
    "no cross graphs": {"cross_graphs": []},
    "one cross graph": {"cross_graphs": ["text-audio"]},
    "no speaker relations": {"use_speaker_relations": False},
    "no distance": {"use_distance": False},
    "symmetric": {"asymmetric": False},
    "no layers": {"num_hidden_layers": 0},
    "few speakers": {"max_speakers": 2},
    "causal": CAUSAL,
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_padded_and_packed_agree(changes):
    model = toy_model(**changes)
    batch = random_conversations(model.config, [6, 1, 9, 4])
    # There are utterances with all modalities, with one or two, and with none.
    present = batch["modality_mask"].sum(-1)[batch["attention_mask"]]
    assert set(present.tolist()) == {0, 1, 2, 3}
    assert_same(model, DenseSyncTVA(model), batch)
    double = {k: v.double() if v.is_floating_point() else v for k, v in batch.items()}
    model.double()
    assert_same(model, DenseSyncTVA(model), double, 1e-12)


def test_padding_may_be_anywhere():
    model = toy_model()
    batch = random_conversations(model.config, [7, 7])
    batch["attention_mask"][0, [0, 3]] = False
    assert_same(model, DenseSyncTVA(model), batch)


def test_it_shares_the_weights_of_the_model():
    model = toy_model().train()
    dense = DenseSyncTVA(model)
    assert not model.training
    assert {id(p) for p in dense.parameters()} == {id(p) for p in model.parameters()}


def test_a_model_that_reads_tokens_is_refused(toy_encoder_folder):
    model = SyncTVAForEmotionRecognition(
        toy_config(text_backbone=str(toy_encoder_folder), text_dim=16)
    )
    with pytest.raises(ValueError, match=r"text_backbone = .*: expected None"):
        DenseSyncTVA(model)
