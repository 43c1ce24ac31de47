"""Explanations are faithful: what they name matters more than random choices of the same size."""

import numpy as np
import pytest
import torch

from benchmarks.faithfulness import (
    KINDS,
    falls,
    measure,
    rank_edges,
    scores_without,
    summary,
    train,
    without_edges,
)
from synctva.cards.tables import mean_and_interval
from synctva.modeling_synctva.conversation_padding import pad_conversations
from synctva.modeling_synctva.explanation import explain_utterance
from synctva.modeling_synctva.graph import build_graph
from tests.support.toy import only, toy_batch, toy_config, toy_model

# Small, and without the recurrence, which carries context past the edges.
QUICK = "hidden_size=32,intermediate_size=32,num_hidden_layers=1,value_rank=4,use_context=False"


@pytest.fixture(scope="module")
def trained():
    return train(seed=0, conversations=500, epochs=2, overrides=QUICK)


def test_what_is_named_matters_more_than_random(trained):
    model, data = trained
    rng = np.random.default_rng(0)
    differences = {"modality": [], "10 edges": []}
    # The fall of the score; for edges its absolute change. Which edges lower the score shows only
    # over more models and utterances: benchmarks/results/faithfulness.json.
    measures = {"modality": np.asarray, "10 edges": np.abs}
    for row in data["test"].select(range(60)):
        inputs = pad_conversations([row], widths=model.config.modality_dims)
        del inputs["labels"]
        utterance = int(rng.integers(inputs["attention_mask"].shape[1]))
        for name, fall in falls(model, inputs, utterance, draws=5, rng=rng).items():
            if name in differences:
                fall = measures[name](fall)
                differences[name].append(fall[0] - fall[1:].mean())
    for name, found in differences.items():
        mean, half = mean_and_interval(found)
        assert mean - half > 0, name


def test_a_report_averages_the_seeds(trained):
    model, data = trained
    seeds = [measure(model, list(data["test"].select(range(5))), 2, seed) for seed in (0, 1)]
    found = summary(seeds)["modality"]["fall"]
    one, other = (seed["modality"]["fall"]["difference"] for seed in seeds)
    assert found["difference"] == pytest.approx((one + other) / 2)
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    assert found["difference"] == pytest.approx(found["named"] - found["random"])


def test_a_graph_without_its_far_edges_is_one_of_narrow_windows():
    batch = toy_batch()
    masks = [batch[name] for name in ("attention_mask", "modality_mask", "speaker_ids")]
    narrow = dict.fromkeys(
        ("past_window", "future_window", "cross_past_window", "cross_future_window"), 1
    )
    wide, expected = (build_graph(*masks, toy_config(**windows)) for windows in ({}, narrow))
    time = wide.nodes.utterance
    far = (time[wide.edges.source] - time[wide.edges.destination]).abs() > 1
    found = without_edges(wide, "edges", far)
    torch.testing.assert_close(found.edges._asdict(), expected.edges._asdict())


def test_named_edges_are_the_ones_deleted():
    model, inputs = toy_model(), only(toy_batch((7,), keep=0.8), 0)
    del inputs["labels"]
    explanation = explain_utterance(model, inputs, 3)
    label = model.config.label2id[explanation["label"]]
    ranked = rank_edges(explanation)
    kept, one, none = scores_without(model, inputs, 3, label, [[], ranked[:1], ranked])
    assert kept == pytest.approx(explanation["log_probabilities"][0]["log_probability"], abs=1e-5)
    assert abs(one - kept) > 1e-6

    graph = build_graph(
        *(inputs[name] for name in ("attention_mask", "modality_mask", "speaker_ids")), model.config
    )
    for kind in KINDS:
        into = graph.nodes.utterance[getattr(graph, kind).destination] == 3
        graph = without_edges(graph, kind, into)
    with torch.no_grad():
        logits = model(**inputs, graph=graph.tensors()).logits[0, 3]
    assert none == pytest.approx(logits.log_softmax(-1)[label].item(), abs=1e-5)
