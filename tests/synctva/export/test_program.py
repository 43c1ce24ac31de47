"""Exported programs compared with the model."""

import sys

import pytest
import torch

from synctva.export import export_program, random_conversations
from tests.support.exporting import assert_same, needs_recurrence


@needs_recurrence
def test_a_program_takes_any_number_and_length(model, program):
    for lengths in ([1], [3], [1, 1, 1], [2, 17, 5]):
        assert_same(model, program.module(), random_conversations(model.config, lengths))


@needs_recurrence
def test_a_program_needs_only_torch(program):
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
    with pytest.raises(ImportError, match=r"torch = .*: expected 2\.13 or newer"):
        export_program(model)
