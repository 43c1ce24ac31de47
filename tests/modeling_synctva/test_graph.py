import pytest
import torch

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.graph import (
    NUM_RELATIONS,
    TIME_RELATIONS,
    HeterogeneousGraph,
    build_graph,
    relation_names,
)
from tests.support.toy import toy_batch, toy_config


def graph_of(batch, config):
    return build_graph(
        batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], config
    )


def named_edges(graph, batch, kind="edges"):
    """Return edges as {((b, n, modality) source, (b, n, modality) destination): relation name}."""
    width = batch["attention_mask"].shape[1]
    nodes = []
    for name, block in zip((*MODALITIES, "lone"), graph.nodes.blocks, strict=True):
        nodes += [(*divmod(i, width), name) for i in block.tolist()]
    names, edges = relation_names(), getattr(graph, kind)
    triples = zip(
        edges.source.tolist(), edges.destination.tolist(), edges.relation.tolist(), strict=True
    )
    return {(nodes[s], nodes[d]): names[r] for s, d, r in triples}


def expected_edges(batch, windows):
    """Return the edges by loops; `windows[destination, source] = (past, future)`."""
    edges = {}
    for b, length in enumerate(batch["attention_mask"].sum(1).tolist()):
        for n in range(length):
            present = batch["modality_mask"][b, n]
            receivers = [m for k, m in enumerate(MODALITIES) if present[k]] or ["lone"]
            for receiver in receivers:
                as_modality = "text" if receiver == "lone" else receiver
                for k, sender in enumerate(MODALITIES):
                    past, future = windows.get((as_modality, sender), (-1, -1))
                    for t in range(max(0, n - past), min(length, n + future + 1)):
                        if past < 0 or not batch["modality_mask"][b, t, k]:
                            continue
                        same = batch["speaker_ids"][b, t] == batch["speaker_ids"][b, n]
                        order = "past" if t < n else "future"
                        time = f"{order} {'same' if same else 'other'}" if t != n else "same time"
                        edges[(b, t, sender), (b, n, receiver)] = f"{sender}→{as_modality}, {time}"
    return edges


@pytest.mark.parametrize("seed", range(5))
def test_edges_equal_the_definition_by_loops(seed):
    config = toy_config()
    batch = toy_batch((6, 1, 9, 4), seed)
    windows = {(i, j): (1, 2) for i in MODALITIES for j in MODALITIES}
    windows |= {(m, m): (3, 2) for m in MODALITIES}
    assert named_edges(graph_of(batch, config), batch) == expected_edges(batch, windows)


def test_fusion_edges_connect_only_different_modalities():
    batch = toy_batch()
    config = toy_config(fusion_past_window=1, fusion_future_window=0)
    windows = {(i, j): (1, 0) for i in MODALITIES for j in MODALITIES if i != j}
    graph = graph_of(batch, config)
    assert named_edges(graph, batch, "fusion") == expected_edges(batch, windows)


def test_switches_remove_or_merge_relations():
    batch = toy_batch(keep=0.9)

    def names(**changes):
        return set(named_edges(graph_of(batch, toy_config(**changes)), batch).values())

    assert not {n for n in names(cross_graphs=["text-audio"]) if "visual" in n and "→" in n} - {
        f"visual→visual, {time}" for time in TIME_RELATIONS
    }
    assert not any("other" in n for n in names(use_speaker_relations=False))
    own = {n for n in names(use_temporal_graph=False) if n.startswith("text→text")}
    assert own == {"text→text, same time"}
    # Symmetric: both directions of a pair have the same relation.
    symmetric = names(asymmetric=False)
    assert any(n.startswith("audio→text") for n in symmetric)
    assert not any(n.startswith("text→audio") for n in symmetric)
    assert graph_of(batch, toy_config(use_fusion=False)).fusion is None


def test_edges_are_sorted_by_destination_and_rowptr_counts_them():
    graph = graph_of(toy_batch(), toy_config())
    destination = graph.edges.destination
    assert (destination.diff() >= 0).all()
    nodes = len(graph.nodes.utterance)
    assert torch.equal(graph.edges.rowptr.diff(), destination.bincount(minlength=nodes))


def test_bias_rows_differ_up_to_the_maximal_distance():
    config = toy_config(max_distance=2)
    graph = graph_of(toy_batch(), config)
    delta = graph.nodes.utterance[graph.edges.source]
    delta = (delta - graph.nodes.utterance[graph.edges.destination]).abs()
    assert torch.equal(graph.edges.bias % 3, delta.clamp(max=2))
    assert graph.edges.bias.max() < NUM_RELATIONS * 3
    without = graph_of(toy_batch(), toy_config(use_distance=False))
    assert (without.edges.bias % 3 == 0).all()


def test_causal_graph_never_looks_ahead():
    config = toy_config(
        causal=True, future_window=0, cross_future_window=0, fusion_future_window=0,
        text_context_future=0,
    )  # fmt: skip
    batch = toy_batch((9, 5))
    graph = graph_of(batch, config)
    for kind in ("edges", "fusion"):
        for (_, t, _), (_, n, _) in named_edges(graph, batch, kind):
            assert t <= n


def test_empty_batch_has_no_nodes():
    mask = torch.zeros(2, 3, dtype=torch.bool)
    graph = build_graph(mask, mask[..., None].expand(-1, -1, 3), mask.long(), toy_config())
    assert len(graph.nodes.utterance) == 0 == len(graph.edges.source)


@pytest.mark.parametrize("use_fusion", [True, False])
def test_a_batch_carries_the_graph_as_tensors(use_fusion):
    graph = graph_of(toy_batch(), toy_config(use_fusion=use_fusion))
    tensors = graph.tensors()
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())
    again = HeterogeneousGraph.from_tensors(tensors)
    assert (again.fusion is None) == (not use_fusion)
    assert again.tensors().keys() == tensors.keys()
    assert all(again.tensors()[name] is tensor for name, tensor in tensors.items())
