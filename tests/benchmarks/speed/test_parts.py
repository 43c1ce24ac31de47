"""Every part runs at toy size and reports what its tables need; no measured value is tested."""

import json

import pytest
import torch

from benchmarks.speed import (
    __main__,
    latency,
    lengths,
    limits,
    memory,
    settings,
    step,
    training_run,
    whole_models,
)
from benchmarks.speed.plots import save_plots
from benchmarks.speed.report import TABLES, contract, document_tables
from benchmarks.speed.shapes import TOY, batch
from synctva.modeling_synctva.layers import Dropout
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

RATES = {
    corpus: {kind: {"synctva": 9.0, "transformer-3": 3.0} for kind in ("train", "inference")}
    for corpus in ("meld", "iemocap")
}


@pytest.fixture(scope="module")
def results():
    """Results of the parts that need no process of their own; layer and memory are invented."""
    seconds = dict.fromkeys(
        ("hgt", "hgt, ours sparse", "hgt, ours scatter", "gatv2", "gatv2, ours sparse"), 0.5
    )
    kinds = {"preset": {"train": seconds, "inference": seconds}}
    layer = {"seconds": {"meld": kinds, "iemocap": kinds}, "max_output_difference": 1e-6}
    chosen = settings.measure(TOY)
    default = {
        "layer": layer,
        "whole_models": RATES,
        "step": step.measure(TOY),
        "limits": limits.measure(TOY),
        "settings": chosen,
        "lengths": lengths.measure(TOY),
        "latency": {"utterance, text": {"wall": {"p50": 1.0, "p95": 2.0}}},
        "memory": {"scatter": 8.0, "sparse": 2.0},
        "training_run": {"processor_seconds": 1.0},
    }
    raised = {"layer": layer, "whole_models": RATES, "settings": chosen}
    return {"default": default, "raised": raised}


def test_the_figures_with_goals(results):
    found = contract(results)
    assert found["layer_vs_pyg_hgt"] == {"meld": 1.0, "iemocap": 1.0}
    assert found["attention_memory_vs_scatter"] == 0.25
    assert found["train_vs_dense_transformer"] == 3.0
    assert set(found["gemm_fraction"]) == {"train", "inference"}
    assert all(found["gemm_fraction"][kind] > 0 for kind in ("train", "inference"))
    assert found["train_utterances_per_second"] >= found["train_utterances_per_second_default"]
    assert 0 < found["edge_build_fraction"] < 1
    json.dumps(found)


def test_without_a_peer_the_rest_is_reported(results, tmp_path):
    parts = {name: {**found} for name, found in results.items()}
    for found in parts.values():
        del found["layer"]
    assert contract(parts)["layer_vs_pyg_hgt"] is None
    write(tmp_path / "speed.md", parts)
    assert "HGTConv" not in (tmp_path / "speed.md").read_text()


def test_tables_and_plots(results, tmp_path):
    write(tmp_path / "speed.md", results)
    text = (tmp_path / "speed.md").read_text()
    assert "HGTConv" in text and "| scatter | 8 | 1.00 |" in text and "transformer-3" in text
    assert all(path.stat().st_size for path in save_plots(results, tmp_path))


def write(path, parts):
    """A document with a place for every table, and the tables."""
    names = [*TABLES, "machine"]
    path.write_text("".join(f"<!-- table: speed {name} -->\n<!-- end -->\n" for name in names))
    document_tables({"parts": parts, "machine": __main__.machine()}, path)


def test_whole_models_all_train(monkeypatch):
    monkeypatch.setattr("benchmarks.speed.whole_models.CORPORA", ["meld"])
    found = whole_models.measure(TOY)
    for kind in ("train", "inference"):
        assert set(found["meld"][kind]) == set(whole_models.MODELS)


def test_padding_does_not_reach_the_dense_transformer():
    config = TOY.build_config("meld")
    model = whole_models.MODELS["transformer-3"](config).eval()
    long = batch(config, "meld", [3, 6], graph=False)
    alone = {name: tensor[:1, :3] for name, tensor in long.items()}
    torch.testing.assert_close(model(**long).logits[:1, :3], model(**alone).logits)


def test_recorded_products_are_all_linear_maps():
    layer = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 3, bias=False))
    rows = torch.randn(4, 5)
    expected = 2 * 4 * (5 * 7 + 7 * 3)
    with torch.inference_mode(), limits.Recorder() as recorder:
        layer(rows)
    assert limits.operations(recorder.products) == expected
    with limits.Recorder() as recorder:
        layer(rows).sum().backward()
    # Backward both gradients, but none for the rows.
    assert limits.operations(recorder.products) == 3 * expected - 2 * 4 * 5 * 7
    limits.replay(recorder.products)()


def test_torch_dropout_takes_the_place_of_ours():
    model = SyncTVAForEmotionRecognition(TOY.build_config("meld"))
    before = sum(isinstance(module, torch.nn.Dropout) for module in model.modules())
    step.give_torch_dropout(model)
    assert not any(isinstance(module, Dropout) for module in model.modules())
    assert sum(isinstance(module, torch.nn.Dropout) for module in model.modules()) == before


def test_settings_are_put_back():
    before = torch.get_float32_matmul_precision()
    with settings.setting("medium"):
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before


def test_a_training_run():
    found = training_run.measure(TOY)
    assert found["processor_seconds"] > 0 and found["utterances"] > 0


def test_latency_of_the_shipped_checkpoint():
    found = latency.measure(TOY)
    assert set(found) == {
        f"{asked}, {kind}"
        for asked in ("utterance", "conversation")
        for kind in ("features", "text")
    }
    assert all(times["wall"]["p50"] > 0 for times in found.values())


@pytest.mark.parametrize("backend", ["scatter", "sparse"])
def test_peak_memory(backend):
    assert memory.peak_above_inputs(backend, "meld", TOY) >= 0


@pytest.mark.slow  # two processes that load torch
def test_the_command(tmp_path, capsys):
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed")
    __main__.main(["--toy", "--json", str(tmp_path / "speed.json")])
    found = json.loads((tmp_path / "speed.json").read_text())
    assert found["max_output_difference"] < 1e-5
    assert found["machine"]["threads"] == 1
    assert (tmp_path / "speed" / "lengths.png").exists()
