"""The padded model against the packed one; exported programs and files against both."""

import json
import sys
from importlib.util import find_spec

import pytest
import torch

from synctva.export import (
    INPUT_NAMES,
    OUTPUT_NAMES,
    DenseSyncTVA,
    export_onnx,
    export_program,
    largest_difference,
    quantize_onnx,
    random_conversations,
)
from synctva.export.agreement import answers, open_session
from synctva.export.onnx_file import _replaced
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.registration import checkpoint_folder
from tests.support.toy import LABELS, WIDTHS, toy_config, toy_model

CAUSAL = {
    "causal": True,
    "future_window": 0,
    "cross_future_window": 0,
    "fusion_future_window": 0,
    "text_context_future": 0,
}
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

needs_recurrence = pytest.mark.skipif(
    find_spec("torch.export._patches") is None, reason="this torch cannot export a dynamic GRU"
)
needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="onnx, onnxscript or onnxruntime is not installed",
)


@torch.no_grad()
def expected(model, batch):
    output = model(**batch)
    return {name: output[name] for name in OUTPUT_NAMES}


@torch.no_grad()
def assert_same(model, function, batch, tolerance=1e-5):
    """`function` takes the batch by keyword and answers as the model does."""
    found = dict(zip(OUTPUT_NAMES, function(**batch), strict=True))
    for name, values in expected(model, batch).items():
        torch.testing.assert_close(found[name], values, rtol=0, atol=tolerance)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_padded_and_packed_agree(changes):
    model = toy_model(**changes)
    batch = random_conversations(model.config, [6, 1, 9, 4])
    # What a modality mask must not need: utterances with everything, with one, with nothing.
    present = batch["modality_mask"].sum(-1)[batch["attention_mask"]]
    assert set(present.tolist()) == {0, 1, 2, 3}
    assert_same(model, DenseSyncTVA(model), batch)
    double = {k: v.double() if v.is_floating_point() else v for k, v in batch.items()}
    model.double()
    assert_same(model, DenseSyncTVA(model), double, 1e-12)


def test_padding_may_lie_anywhere():
    model = toy_model()
    batch = random_conversations(model.config, [7, 7])
    batch["attention_mask"][0, [0, 3]] = False
    assert_same(model, DenseSyncTVA(model), batch)


def test_it_holds_the_models_own_weights():
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


@pytest.fixture(scope="module")
def model():
    return toy_model(num_hidden_layers=1)


@pytest.fixture(scope="module")
def program(model):
    return export_program(model)


@needs_recurrence
def test_a_program_takes_any_number_and_length(model, program):
    for lengths in ([1], [3], [1, 1, 1], [2, 17, 5]):
        assert_same(model, program.module(), random_conversations(model.config, lengths))


@needs_recurrence
def test_a_program_needs_torch_alone(program):
    targets = (node.target for node in program.graph.nodes)
    operators = {target for target in targets if isinstance(target, torch._ops.OpOverload)}
    assert {operator.namespace for operator in operators} == {"aten"}
    assert torch.ops.aten.gru.input in operators  # not unrolled


@pytest.mark.slow
@needs_recurrence
def test_a_program_can_be_saved(model, program, tmp_path):
    torch.export.save(program, tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    assert_same(model, loaded, random_conversations(model.config, [4, 2]))


def test_an_old_torch_is_named(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.export._patches", None)
    with pytest.raises(ImportError, match=r"expected torch 2\.13 or newer"):
        export_program(model)


@pytest.fixture(scope="module")
def file(model, program, tmp_path_factory):
    processor = SyncTVAProcessor(
        **{f"{name}_dim": width for name, width in WIDTHS.items()},
        audio_encoder={"name": "prosody", "width": WIDTHS["audio"]},
    )
    path = tmp_path_factory.mktemp("onnx") / "new" / "model.onnx"
    with pytest.MonkeyPatch.context() as patch:  # the program is the slow half
        patch.setattr("synctva.export.onnx_file.export_program", lambda model: program)
        return export_onnx(model, path, processor)


@needs_recurrence
@needs_onnx
def test_a_file_agrees_with_the_model(model, file):
    assert largest_difference(model, file, conversations=60, longest=30) < 1e-5
    broken = toy_model(seed=1, num_hidden_layers=1)
    assert largest_difference(broken, file, conversations=2, longest=4) > 1e-2


@needs_recurrence
@needs_onnx
def test_a_file_says_what_it_takes_and_what_its_answers_mean(model, file):
    import onnx

    made = onnx.load(file)
    axes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*made.graph.input, *made.graph.output)
    }
    free = ["batch", "utterances"]
    assert axes == {
        **{f"{name}_features": [*free, width] for name, width in WIDTHS.items()},
        "attention_mask": free,
        "modality_mask": [*free, 3],
        "speaker_ids": free,
        "logits": [*free, len(LABELS)],
        "strengths": [*free, 3],
    }
    assert tuple(axes) == (*INPUT_NAMES, *OUTPUT_NAMES)
    about = {entry.key: entry.value for entry in made.metadata_props}
    labels = [model.config.id2label[index] for index in range(7)]
    assert json.loads(about["labels"]) == labels
    assert json.loads(about["modalities"]) == ["text", "visual", "audio"]
    assert json.loads(about["feature_widths"]) == WIDTHS
    assert json.loads(about["feature_encoders"]) == {"audio": {"name": "prosody", "width": 5}}
    assert json.loads(about["temperature"]) == 1
    assert "standardised" in about["normalisation"]
    assert list(file.parent.iterdir()) == [file]
    assert b".py" not in file.read_bytes()  # no lines of code, with their local paths


@needs_recurrence
@needs_onnx
def test_int8_answers_are_close(model, file, tmp_path):
    import onnx

    small = quantize_onnx(file, tmp_path / "int8.onnx")
    made, before = onnx.load(small), onnx.load(file)
    assert "MatMulInteger" in {node.op_type for node in made.graph.node}
    assert {p.key: p.value for p in before.metadata_props}.items() <= {
        p.key: p.value for p in made.metadata_props
    }.items()
    assert 0 < largest_difference(model, small, conversations=20, longest=12) < 0.3


@needs_recurrence
@needs_onnx
def test_threads_are_the_sessions_own(file):
    batch = random_conversations(toy_config(), [3])
    one, two = (answers(open_session(file, threads), batch) for threads in (1, 2))
    torch.testing.assert_close(one, two)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(RuntimeError), _replaced(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@needs_recurrence
@needs_onnx
def test_a_file_that_answers_otherwise_is_not_written(program, tmp_path, monkeypatch):
    monkeypatch.setattr("synctva.export.onnx_file.export_program", lambda model: program)
    with pytest.raises(
        RuntimeError, match=r"differs from the model by .*: expected at most 0\.0001"
    ):
        export_onnx(toy_model(seed=1, num_hidden_layers=1), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(model, tmp_path, monkeypatch):
    monkeypatch.setattr("synctva.export.agreement.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"onnx, onnxscript, onnxruntime: .*synctva\[onnx\]"):
        export_onnx(model, tmp_path / "model.onnx")


@pytest.mark.slow
@needs_recurrence
@needs_onnx
@pytest.mark.parametrize(
    "changes",
    [CAUSAL, {"use_context": False}, {"use_enhancement": False}, {"use_fusion": False}],
    ids=["causal", "no context", "no enhancement", "no fusion"],
)
def test_files_of_reduced_models_agree(changes, tmp_path):
    model = toy_model(**changes)
    path = export_onnx(model, tmp_path / "model.onnx")
    assert largest_difference(model, path, longest=30) < 1e-5


@pytest.mark.slow
@needs_recurrence
@needs_onnx
def test_the_shipped_checkpoint_agrees_on_conversations_of_every_length(tmp_path):
    model = SyncTVAForEmotionRecognition.from_pretrained(checkpoint_folder())
    path = export_onnx(model, tmp_path / "model.onnx")
    assert largest_difference(model, path, conversations=200, longest=110) < 1e-4
