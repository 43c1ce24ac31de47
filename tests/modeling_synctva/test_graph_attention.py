import itertools
import math

import pytest
import torch

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.graph import GraphEdges, build_graph
from synctva.modeling_synctva.graph_attention import (
    BACKENDS,
    HeterogeneousGraphLayer,
    PairValues,
    grouped_softmax,
    scatter_attention,
    select_backend,
)
from synctva.modeling_synctva.graph_attention_torch_scatter import torch_scatter_available
from tests.support.toy import toy_batch, toy_config, toy_model

needs_torch_scatter = pytest.mark.skipif(
    not torch_scatter_available(), reason="torch-scatter is not installed"
)


def problem(seed=0, dtype=torch.float64):
    """Return a random query, key, value and bias for the edges of a toy batch."""
    batch = toy_batch(seed=seed)
    graph = build_graph(
        batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], toy_config()
    )
    edges, nodes = graph.edges, len(graph.nodes.utterance)
    torch.manual_seed(seed)
    q, k = torch.randn(2, nodes, 2, 8, dtype=dtype)
    v = torch.randn(3 * nodes, 2, 8, dtype=dtype)
    bias = torch.randn(len(edges.source), 2, dtype=dtype)
    return [t.requires_grad_() for t in (q, k, v, bias)], edges


def dense_attention(query, key, value, bias, edges):
    """Compute the same with a full (V, V) matrix of scores, -inf where there is no edge."""
    nodes, heads, width = query.shape
    source, destination = edges.source, edges.destination
    scores = torch.einsum("ihd,jhd->hij", query, key) / math.sqrt(width)
    added = torch.full_like(scores, -math.inf)
    added[:, destination, source] = bias.T
    weights = (scores + added).softmax(-1).nan_to_num(0.0)  # rows without edges are NaN
    table = torch.zeros(nodes, nodes, heads, width, dtype=value.dtype)
    table[destination, source] = value[edges.value]
    return torch.einsum("hij,ijhd->ihd", weights, table)


@pytest.mark.parametrize("seed", range(3))
def test_scatter_equals_dense_attention(seed):
    inputs, edges = problem(seed)
    torch.testing.assert_close(
        scatter_attention(*inputs, edges)[0], dense_attention(*inputs, edges)
    )


backends = pytest.mark.parametrize(
    "name", ["scatter", "sparse", pytest.param("torch_scatter", marks=needs_torch_scatter)]
)


@backends
def test_backends_agree_in_outputs_and_gradients(name):
    results = []
    for function in (scatter_attention, BACKENDS[name]):
        inputs, edges = problem(dtype=torch.float32)
        output, attention = function(*inputs, edges)
        gradients = torch.autograd.grad((output**2).sum(), inputs)
        results.append((output, attention, *gradients))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["scatter", "sparse"])
def test_gradcheck(name):
    inputs, edges = problem()
    assert torch.autograd.gradcheck(
        lambda *args: BACKENDS[name](*args, edges)[0], inputs, fast_mode=True
    )


def test_grouped_softmax_sums_to_one_and_survives_large_scores():
    destination = torch.tensor([0, 0, 2, 2, 2])
    scores = torch.tensor([[1e4], [1e4 + 1], [-1e4], [3.0], [3.0]])
    weights = grouped_softmax(scores, destination, 3)
    torch.testing.assert_close(weights[:2, 0], torch.tensor([0.0, 1.0]).softmax(0))
    torch.testing.assert_close(weights[2:, 0], torch.tensor([0.0, 0.5, 0.5]))


@backends
def test_destination_without_edges_gets_zero_and_finite_gradients(name):
    inputs, edges = problem()
    keep = edges.destination != 0
    rowptr = torch.bincount(edges.destination[keep] + 1, minlength=len(inputs[0]) + 1).cumsum(0)
    kept = {name: tensor[keep] for name, tensor in edges._asdict().items() if name != "rowptr"}
    edges = GraphEdges(rowptr=rowptr, **kept)
    q, k, v, bias = inputs
    output, _ = BACKENDS[name](q, k, v, bias[keep], edges)
    assert (output[0] == 0).all()
    torch.testing.assert_close(output, scatter_attention(q, k, v, bias[keep], edges)[0])
    for gradient in torch.autograd.grad(output.sum(), inputs):
        assert gradient.isfinite().all()


@backends
def test_a_graph_without_edges(name):
    (q, k, v, bias), edges = problem()
    none = GraphEdges(*(tensor[:0] for tensor in edges))
    none = none._replace(rowptr=torch.zeros_like(edges.rowptr))
    output, attention = BACKENDS[name](q, k, v, bias[:0], none)
    assert (output == 0).all() and attention.shape == (0, 2)
    torch.autograd.grad(output.sum(), (q, k, v), allow_unused=True)


@backends
def test_bf16_inputs_keep_a_float32_softmax(name):
    inputs, edges = problem(dtype=torch.bfloat16)
    output, attention = BACKENDS[name](*inputs, edges)
    assert output.dtype == torch.bfloat16 and attention.dtype == torch.float32


@backends
def test_bf16_error_is_at_most_twice_that_of_the_reference(name):
    wide, edges = problem()
    exact = scatter_attention(*wide, edges)[0]
    narrow = [tensor.detach().bfloat16() for tensor in wide]
    errors = [(f(*narrow, edges)[0] - exact).norm() for f in (BACKENDS[name], scatter_attention)]
    assert errors[0] <= 2 * errors[1]


@backends
def test_autocast_gives_finite_gradients(name):
    inputs, edges = problem(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        output, _ = BACKENDS[name](*inputs, edges)
    for gradient in torch.autograd.grad((output**2).sum(), inputs):
        assert gradient.isfinite().all() and gradient.dtype == torch.float32


@backends
def test_deterministic_mode(name):
    torch.use_deterministic_algorithms(True)
    try:
        results = []
        for _ in range(2):
            inputs, edges = problem(dtype=torch.float32)
            output, _ = BACKENDS[name](*inputs, edges)
            results.append([output, *torch.autograd.grad((output**2).sum(), inputs)])
    finally:
        torch.use_deterministic_algorithms(False)
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_auto_is_sparse_on_the_cpu_and_scatter_elsewhere():
    assert select_backend("auto", torch.device("cpu")) is BACKENDS["sparse"]
    assert select_backend("auto", torch.device("meta")) is BACKENDS["scatter"]


def test_sparse_is_refused_on_other_devices():
    inputs, edges = problem()
    with pytest.raises(ValueError, match="graph_attention = 'sparse' on meta"):
        BACKENDS["sparse"](*[tensor.to("meta") for tensor in inputs], edges)


@pytest.mark.parametrize(("source", "destination"), list(itertools.permutations(MODALITIES, 2)))
def test_changing_one_direction_changes_only_its_destination(source, destination):
    torch.manual_seed(0)
    batch = toy_batch(keep=0.9)
    config = toy_config()
    graph = build_graph(
        batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], config
    )
    edges, sizes = graph.edges, graph.nodes.sizes
    layer = HeterogeneousGraphLayer(config).eval()
    nodes = torch.randn(sum(sizes), config.hidden_size)
    before = layer(nodes, sizes, edges)[0].split(sizes)
    pair = layer.attention.value.pairs[f"{source}_to_{destination}"]
    with torch.no_grad():
        pair[1].weight.add_(1.0)
    after = layer(nodes, sizes, edges)[0].split(sizes)
    for i, name in enumerate(MODALITIES):
        assert torch.equal(before[i], after[i]) == (name != destination)


def test_the_symmetric_ablation_shares_the_value_transforms():
    assert len(PairValues(toy_config()).pairs) == 6
    assert len(PairValues(toy_config(asymmetric=False)).pairs) == 3


@backends
def test_backends_give_the_same_logits(name, monkeypatch):
    batch = toy_batch()
    calls = []

    def spy(*args):
        calls.append(1)
        return original(*args)

    original = BACKENDS[name]
    reference = toy_model(graph_attention="scatter")(**batch)
    monkeypatch.setitem(BACKENDS, name, spy)
    other = toy_model(graph_attention=name)(**batch)
    assert calls
    torch.testing.assert_close(reference.logits, other.logits, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(reference.loss, other.loss)


def test_a_missing_torch_scatter_is_named(monkeypatch):
    from synctva.modeling_synctva import graph_attention_torch_scatter as module

    monkeypatch.setattr(module, "torch_scatter", None)
    with pytest.raises(ImportError, match="torch-scatter"):
        toy_model(graph_attention="torch_scatter")(**toy_batch())
