import json
import os

import pytest
import torch
from packaging.version import Version
from safetensors.torch import load_file, save_file

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.graph import build_graph
from synctva.modeling_synctva.modeling_synctva import (
    SyncTVAEmotionOutput,
    SyncTVAForEmotionRecognition,
    SyncTVAModel,
)
from tests.support.toy import LABELS, WIDTHS, only, toy_batch, toy_config, toy_model

PER_UTTERANCE = ("logits", "modality_logits", "strengths", "gates", "last_hidden_state")


def assert_same(one, other, **tolerance):
    for name in PER_UTTERANCE:
        torch.testing.assert_close(one[name], other[name], **tolerance)


def graph_for(batch, config):
    return build_graph(
        batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], config
    ).tensors()


def test_shapes():
    output = toy_model()(**toy_batch(), output_attentions=True, output_hidden_states=True)
    assert output.logits.shape == (3, 6, len(LABELS))
    assert output.modality_logits.shape == (3, 6, 3, len(LABELS))
    assert output.strengths.shape == output.modality_mask.shape == (3, 6, 3)
    assert output.gates.shape == (3, 6, 3, 16)
    assert output.last_hidden_state.shape == (3, 6, 16)
    assert [tuple(h.shape) for h in output.hidden_states] == [(3, 4 * 6, 16)] * 3
    attentions = (*output.attentions, output.fusion_attention)
    assert [tuple(a.shape) for a in attentions] == [(3, 2, 4 * 6, 4 * 6)] * 3


def test_hidden_states_and_attentions_have_a_row_for_each_node():
    batch = toy_batch(keep=0.5)
    output = toy_model()(**batch, output_attentions=True, output_hidden_states=True)
    real, present = batch["attention_mask"], batch["modality_mask"]
    lone = real & ~present.any(-1)
    assert lone.any()
    nodes = torch.cat([present & real[..., None], lone[..., None]], dim=-1).flatten(1)  # (B, 4 N)
    for states in output.hidden_states:
        assert ((states != 0).any(-1) == nodes).all()
    for attention in output.attentions:
        torch.testing.assert_close(attention.sum(-1), nodes[:, None].expand(-1, 2, -1).float())
        sent = attention.sum(-2)[:, 0].unflatten(1, (-1, 4))
        assert (sent[..., 3] == 0).all(), "a lone node never sends"


def test_hidden_states_and_attentions_of_a_batch_equal_those_of_each_conversation():
    batch, model = toy_batch((6, 1, 9, 4)), toy_model()
    asked = {"output_attentions": True, "output_hidden_states": True}
    together = model(**batch, **asked)
    for row in range(4):
        single = model(**only(batch, row), **asked)
        nodes = single.hidden_states[0].shape[1]
        for states, expected in zip(together.hidden_states, single.hidden_states, strict=True):
            torch.testing.assert_close(states[row, :nodes], expected[0])
        for attention, expected in zip(together.attentions, single.attentions, strict=True):
            torch.testing.assert_close(attention[row, :, :nodes, :nodes], expected[0])
            assert (attention[row, :, nodes:] == 0).all()


def test_packed_states_have_gradients():
    # "sparse" returns the attention without gradients.
    packed = toy_model(graph_attention="scatter").synctva.encode(
        **{k: v for k, v in toy_batch().items() if k != "labels"}
    )
    states = [*packed.hidden_states, *packed.attentions, packed.fusion_attention]
    for state in states:
        state.retain_grad()
    packed.fused.sum().backward()
    for state in states:
        assert (state.grad != 0).any()


@pytest.mark.parametrize("seed", range(3))
def test_batch_equals_single_and_padded_equals_packed(seed):
    batch = toy_batch((6, 1, 9, 4), seed)
    model = toy_model()
    together = model(**batch)
    for row in range(4):
        single = model(**only(batch, row))
        length = single.logits.shape[1]
        for name in PER_UTTERANCE:
            torch.testing.assert_close(together[name][row : row + 1, :length], single[name])
    assert (together.logits[~batch["attention_mask"]] == 0).all()


def test_permuting_conversations_permutes_outputs():
    batch, model = toy_batch((6, 1, 9, 4)), toy_model()
    order = torch.tensor([2, 0, 3, 1])
    before = model(**batch)
    after = model(**{name: tensor[order] for name, tensor in batch.items()})
    for name in PER_UTTERANCE:
        torch.testing.assert_close(before[name][order], after[name])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_values_of_missing_modalities_change_nothing(value):
    batch, model = toy_batch(), toy_model()
    before = model(**batch)
    for k, name in enumerate(MODALITIES):
        missing = ~batch["modality_mask"][..., k, None]
        batch[f"{name}_features"] = batch[f"{name}_features"].masked_fill(missing, value)
    assert_same(before, model(**batch), rtol=0, atol=0)


@pytest.mark.parametrize("left_out", MODALITIES)
def test_omitting_an_argument_equals_masking_it(left_out):
    batch, model = toy_batch(), toy_model()
    masked = batch | {"modality_mask": batch["modality_mask"].clone()}
    masked["modality_mask"][..., MODALITIES.index(left_out)] = False
    without = {k: v for k, v in batch.items() if k != f"{left_out}_features"}
    assert_same(model(**masked), model(**without), rtol=0, atol=0)


def test_a_graph_in_the_batch_changes_nothing():
    batch, model = toy_batch(), toy_model()
    graph = graph_for(batch, model.config)
    assert_same(model(**batch), model(**batch, graph=graph), rtol=0, atol=0)


def test_defaults_are_one_speaker_and_all_modalities():
    batch, model = toy_batch((4, 4), keep=1.0), toy_model()
    batch["modality_mask"][:] = True
    batch["speaker_ids"][:] = 0
    features = {k: v for k, v in batch.items() if k.endswith("features")}
    assert_same(model(**batch), model(**features), rtol=0, atol=0)


def test_names_of_speakers_equal_their_numbers():
    batch, model = toy_batch((4, 2)), toy_model()
    ids = batch.pop("speaker_ids")
    ids[:] = torch.tensor([[0, 1, 2, 1], [0, 0, 0, 0]])
    names = [["Bo", "Ann", None, "Ann"], ["Ann", "Ann"]]
    assert_same(model(**batch, speakers=names), model(**batch, speaker_ids=ids), rtol=0, atol=0)


def test_an_utterance_without_any_modality_depends_on_its_context():
    batch, model = toy_batch(), toy_model()
    assert not batch["modality_mask"][0, 1].any()
    before = model(**batch).logits[0, 1]
    batch["modality_mask"][0, 2] = torch.tensor([True, False, True])
    first = model(**batch).logits[0, 1]
    batch["text_features"] = batch["text_features"].clone()
    batch["text_features"][0, 2] += 1.0
    assert before.isfinite().all()
    assert not torch.equal(first, model(**batch).logits[0, 1])


def test_logits_are_finite_without_any_modality():
    output = toy_model()(modality_mask=torch.zeros(2, 3, 3))
    assert output.logits.isfinite().all() and (output.strengths == 0).all()


def test_speakers_beyond_the_embeddings_share_the_last():
    model = toy_model(max_speakers=2)
    batch = toy_batch()
    batch["speaker_ids"] = torch.arange(6).expand(3, -1)
    assert model(**batch).logits.isfinite().all()


@pytest.mark.parametrize(
    "changes",
    [
        {"use_context": False}, {"use_enhancement": False}, {"cross_graphs": []},
        {"use_temporal_graph": False},
        {"use_speaker_relations": False}, {"use_distance": False}, {"asymmetric": False},
        {"use_fusion": False}, {"num_hidden_layers": 0},
    ],
)  # fmt: skip
def test_every_part_can_be_switched_off_and_changes_the_logits(changes):
    batch = toy_batch()
    whole, without = toy_model(), toy_model(**changes)
    own = without.state_dict()
    own.update({k: v for k, v in whole.state_dict().items() if k in own})
    without.load_state_dict(own)
    output = without(**batch)
    output.loss.backward()
    assert all(p.grad is not None for p in without.parameters())
    assert not torch.allclose(output.logits, whole(**batch).logits)


def test_causal_model_does_not_look_ahead():
    model = toy_model(
        causal=True, future_window=0, cross_future_window=0, fusion_future_window=0,
        text_context_future=0,
    )  # fmt: skip
    batch = toy_batch((6, 6), keep=1.0)
    whole = model(**batch).logits
    for n in range(1, 6):
        part = model(**{name: tensor[:, :n] for name, tensor in batch.items()}).logits
        torch.testing.assert_close(part, whole[:, :n])


def test_every_parameter_gets_a_gradient_and_is_initialised():
    model = toy_model().train()
    model(**toy_batch((6, 5, 9))).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.isfinite().all(), name


def test_gradient_checkpointing_gives_the_same_gradients():
    batch = toy_batch()
    gradients = []
    for checkpointing in (False, True):
        model = toy_model(hidden_dropout_prob=0.0).train()
        if checkpointing:
            model.gradient_checkpointing_enable()  # all versions have this name
            assert model.synctva.layers[0].gradient_checkpointing
        model(**batch).loss.backward()
        gradients.append([p.grad for p in model.parameters()])
    torch.testing.assert_close(*gradients)


def test_bf16_autocast_trains_close_to_float32():
    batch, model = toy_batch(), toy_model()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(**batch)
    output.loss.backward()
    torch.testing.assert_close(output.loss, model(**batch).loss, rtol=0.05, atol=0.05)
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_close_to_float32(dtype):
    batch = toy_batch()
    whole, half = toy_model()(**batch), toy_model().to(dtype)(**batch)
    assert half.logits.dtype == dtype
    torch.testing.assert_close(half.logits.float(), whole.logits, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("model_class", [SyncTVAModel, SyncTVAForEmotionRecognition])
def test_a_tuple_has_the_fields_of_the_output(model_class):
    model, batch = model_class(toy_config()).eval(), toy_batch()
    if model_class is SyncTVAModel:
        del batch["labels"]
    for detailed in (False, True):
        batch |= {"output_attentions": detailed, "output_hidden_states": detailed}
        held = model(**batch).to_tuple()
        torch.testing.assert_close(model(**batch, return_dict=False), held, rtol=0, atol=0)


def test_loss_and_logits_come_first():
    model, batch = toy_model(), toy_batch()
    assert list(model(**batch))[:2] == ["loss", "logits"]
    del batch["labels"]
    assert next(iter(model(**batch))) == "logits"


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.skipif(
    Version(torch.__version__) < Version("2.13"), reason="2.7 cannot trace it, 2.13 was tried"
)
@torch._dynamo.config.patch(allow_rnn=True)
def test_the_model_compiles_as_one_graph(training):
    model = toy_model(hidden_dropout_prob=0.0, num_hidden_layers=1).train(training)
    batch = toy_batch()
    batch["graph"] = graph_for(batch, model.config)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    expected, found = model(**batch), compiled(**batch)
    torch.testing.assert_close(found.logits, expected.logits)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    torch.testing.assert_close(
        torch.autograd.grad(found.loss, weights), torch.autograd.grad(expected.loss, weights)
    )
    torch._dynamo.reset()


def test_save_and_load_are_bit_equal(tmp_path):
    model = toy_model()
    model.feature_encoders.set_statistics({"audio": (torch.randn(5), torch.rand(5) + 0.5)})
    model.save_pretrained(tmp_path)
    loaded = SyncTVAForEmotionRecognition.from_pretrained(tmp_path).eval()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    batch = toy_batch()
    assert_same(model(**batch), loaded(**batch))
    base = SyncTVAModel.from_pretrained(tmp_path).eval()
    features = {k: v for k, v in batch.items() if k != "labels"}
    torch.testing.assert_close(base(**features).last_hidden_state, model(**batch).last_hidden_state)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "20KB"}], ids=["one file", "shards"])
def test_weights_have_the_mode_of_new_files(tmp_path, umask, mode, shards):
    before = os.umask(umask)
    try:
        toy_model().save_pretrained(tmp_path, **shards)
    finally:
        os.umask(before)
    files = list(tmp_path.glob("model*.safetensors"))
    assert len(files) > 1 if shards else len(files) == 1
    assert {path.stat().st_mode & 0o777 for path in files} == {mode}


def test_missing_weights_are_initialised_if_the_report_is_requested(tmp_path):
    model = toy_model()
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    dropped = [n for n in weights if "audio" in n or "lone" in n or "norm" in n or "bias" in n]
    save_file({n: t for n, t in weights.items() if n not in dropped},
              tmp_path / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    loaded, report = SyncTVAForEmotionRecognition.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert set(report["missing_keys"]) == set(dropped)
    state = loaded.state_dict()
    for name in dropped:
        assert state[name].isfinite().all(), name
        assert state[name].abs().max() < 5, name
    assert (state["synctva.encoders.audio.deviation"] == 1).all()
    assert (state["synctva.layers.0.attention_norm.weight"] == 1).all()
    assert loaded.eval()(**toy_batch()).logits.isfinite().all()


def test_a_saved_folder_has_every_code_file(tmp_path):
    import synctva  # noqa: F401  (registers the auto classes)
    from synctva.modeling_synctva import modeling_synctva as module

    toy_model().save_pretrained(tmp_path)
    source = {p.name for p in __import__("pathlib").Path(module.__file__).parent.glob("[!_]*.py")}
    assert {p.name for p in tmp_path.glob("*.py")} == source
    saved = json.loads((tmp_path / "config.json").read_text())
    assert set(saved["auto_map"]) == {
        "AutoConfig", "AutoModel", "AutoModelForTokenClassification", "AutoProcessor",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio_features": torch.zeros(3, 6, 9)}, r"audio_features has shape \(3, 6, 9\)"),
        ({"text_features": torch.zeros(3, 5, 12)}, "expected"),
        ({"attention_mask": torch.ones(3, 5)}, "attention_mask has shape"),
        ({"modality_mask": torch.ones(3, 6, 2)}, "modality_mask has shape"),
        ({"speaker_ids": torch.ones(2, 6).long()}, "speaker_ids has shape"),
        ({"labels": torch.ones(3, 5).long()}, "labels has shape"),
        (
            {"labels": torch.ones(3, 6, 3).long()},
            r"labels has shape \(3, 6, 3\): expected \(3, 6\)",
        ),
        ({"labels": torch.rand(3, 6)}, "labels has dtype torch.float32: expected one whole number"),
        ({"labels": torch.rand(3, 6, 3)}, "soft labels are not supported"),
        ({"input_ids": torch.ones(3, 6, 9).long()}, "input_ids: expected text_features"),
        ({"speakers": [["a"]] * 3}, "speakers: expected None, because speaker_ids are given"),
        ({"speaker_ids": None, "speakers": [["a"] * 6]}, r"speakers has lengths \[6\]: expected 3"),
    ],
)
def test_shapes_that_disagree_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        toy_model()(**(toy_batch() | changes))


def test_missing_arguments_are_refused():
    with pytest.raises(ValueError, match="features are missing: expected any of"):
        toy_model()()


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        ({"smell": (torch.zeros(5), torch.ones(5))}, "smell"),
        ({"audio": (torch.zeros(4), torch.ones(4))}, "expected 5 finite"),
        ({"audio": (torch.full((5,), float("nan")), torch.ones(5))}, "finite"),
    ],
)
def test_bad_statistics_are_refused(statistics, message):
    with pytest.raises(ValueError, match=message):
        toy_model().feature_encoders.set_statistics(statistics)


@pytest.mark.parametrize("constant", [0.0, 1e-32, 1e-9])
def test_features_are_standardised_unless_they_are_constant(constant):
    model = toy_model()
    batch = toy_batch(keep=1.0)
    mean, deviation = torch.randn(WIDTHS["audio"]), torch.rand(WIDTHS["audio"]) + 0.5
    before = model(**batch).logits
    model.feature_encoders.set_statistics({"audio": (mean, deviation)})
    batch["audio_features"] = batch["audio_features"] * deviation + mean
    torch.testing.assert_close(model(**batch).logits, before, rtol=1e-4, atol=1e-5)
    deviation[0] = constant
    model.feature_encoders.set_statistics({"audio": (mean, deviation)})
    assert model.feature_encoders["audio"].deviation[0] == 1
    assert model(**batch).logits.isfinite().all()


def test_a_trainer_gathers_only_the_logits():
    fields = set(SyncTVAEmotionOutput.__dataclass_fields__)
    assert fields - set(toy_config().keys_to_ignore_at_inference) == {"loss", "logits"}


def test_attention_initially_prefers_near_utterances():
    model = SyncTVAForEmotionRecognition(toy_config(max_distance=2))
    for layer in model.synctva.layers:
        bias = layer.attention.relation_bias.weight.view(-1, 3, 2)  # (relations, distance, heads)
        assert (bias[:, 0] == 0).all()
        assert (bias.diff(dim=1) < 0).all()


def test_a_saved_model_keeps_its_config():
    assert toy_model().config.to_dict() == toy_config().to_dict()
