"""Our backends compute what PyTorch Geometric's convolutions do, with the same weights."""

import pytest
import torch

pytest.importorskip(
    "torch_geometric", reason="torch_geometric is not installed: pip install -e '.[bench]'"
)

from benchmarks.speed.layer import build, largest_difference, measure
from benchmarks.speed.peers import EDGE_TYPES, edges_by_type
from benchmarks.speed.report import ratio
from benchmarks.speed.shapes import TOY, batch
from synctva.modeling_synctva.graph import HeterogeneousGraph

OURS = ("hgt, ours sparse", "hgt, ours scatter", "gatv2, ours sparse")


@pytest.mark.parametrize("ours", OURS)
def test_outputs_and_gradients_are_the_peers(ours):
    layers, nodes = build(TOY, "iemocap", {})
    assert largest_difference(layers[ours.partition(",")[0]], layers[ours], nodes) < 1e-5


def test_a_difference_is_found():
    layers, nodes = build(TOY, "meld", {})
    prior = next(iter(layers["hgt, ours sparse"].copied.p_rel.values()))
    torch.nn.init.constant_(prior, 3.0)
    assert largest_difference(layers["hgt"], layers["hgt, ours sparse"], nodes) > 1e-3


def test_edges_by_type_are_all_edges_once():
    tensors = batch(TOY.build_config("meld"), "meld", [4, 1, 3])["graph"]
    graph = HeterogeneousGraph.from_tensors(tensors)
    by_type = edges_by_type(graph)
    offset = {"text": 0, "visual": 8, "audio": 16}
    assert list(by_type) == EDGE_TYPES
    found = {
        (int(source) + offset[edge_type[0]], int(destination) + offset[edge_type[2]])
        for edge_type, edges in by_type.items()
        for source, destination in edges.t()
    }
    expected = zip(graph.edges.source.tolist(), graph.edges.destination.tolist(), strict=True)
    assert found == set(expected)
    assert sum(edges.shape[1] for edges in by_type.values()) == len(graph.edges.source)


def test_measure_times_what_is_equal(monkeypatch):
    monkeypatch.setattr("benchmarks.speed.layer.CORPORA", ["meld"])
    found = measure(TOY)
    assert found["max_output_difference"] < 1e-5
    assert ratio(found["seconds"]["meld"]["preset"]["train"]) > 0
