"""ONNX files: what they contain, and their answers compared with the model's."""

import json

import pytest
import torch

from synctva.export import (
    INPUT_NAMES,
    OUTPUT_NAMES,
    export_onnx,
    largest_difference,
    quantize_onnx,
    random_conversations,
)
from synctva.export.agreement import answers, open_session
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.registration import checkpoint_folder
from tests.support.exporting import CAUSAL, needs_onnx, needs_recurrence
from tests.support.toy import LABELS, WIDTHS, toy_config, toy_model


@needs_recurrence
@needs_onnx
def test_a_file_agrees_with_the_model(model, file):
    assert largest_difference(model, file, conversations=60, longest=30) < 1e-5
    broken = toy_model(seed=1, num_hidden_layers=1)
    assert largest_difference(broken, file, conversations=2, longest=4) > 1e-2


@needs_recurrence
@needs_onnx
def test_a_file_describes_its_inputs_and_outputs(file):
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
    assert json.loads(about["labels"]) == list(LABELS)
    assert json.loads(about["modalities"]) == ["text", "visual", "audio"]
    assert json.loads(about["feature_widths"]) == WIDTHS
    assert json.loads(about["feature_encoders"]) == {"audio": {"name": "prosody", "width": 5}}
    assert json.loads(about["temperature"]) == 1
    assert "standardised" in about["normalisation"]
    assert list(file.parent.iterdir()) == [file]
    assert b".py" not in file.read_bytes()  # no lines of code with local paths


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
def test_the_number_of_threads_does_not_change_the_answers(file):
    batch = random_conversations(toy_config(), [3])
    one, two = (answers(open_session(file, threads), batch) for threads in (1, 2))
    torch.testing.assert_close(one, two)


@pytest.mark.slow
@needs_recurrence
@needs_onnx
def test_a_file_with_other_answers_is_not_written(program, tmp_path, monkeypatch):
    monkeypatch.setattr("synctva.export.onnx_file.export_program", lambda model: program)
    with pytest.raises(
        RuntimeError, match=r"differs from the model by .*: expected at most 0\.0001"
    ):
        export_onnx(toy_model(seed=1, num_hidden_layers=1), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


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
