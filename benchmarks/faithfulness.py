"""Do explanations name what mattered? Deletions of what they name against random deletions.

    python -m benchmarks.faithfulness

Trains Sync-TVA on simulated conversations, once per seed, and explains one utterance of each test
conversation. Then it deletes the modality with the highest Shapley value from that utterance, or
the edges with the most attention into it. The fall of the predicted label's log-probability is
compared with its mean fall over random deletions of the same number. The difference is paired: same
model, utterance and label. Its mean over a seed's utterances is one number; the interval is
Student's t over the seeds, which differ in training set, initial weights and utterances, but not in
the test conversations. `change` compares absolute values: attention says how much an edge weighs,
not in which direction. Writes results/faithfulness.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synctva.cards.tables import mean_and_interval
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.conversation_padding import pad_conversations
from synctva.modeling_synctva.explanation import explain_utterance
from synctva.modeling_synctva.graph import (
    LONE_BLOCK,
    GraphEdges,
    HeterogeneousGraph,
    build_graph,
)
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "faithfulness.json"
EDGES = (1, 5, 10, 20)
"""Numbers of edges to delete."""

KINDS = ("edges", "fusion")
"""The two sets of edges in a graph: of the graph layers, and of the fusion."""

Inputs = Mapping[str, Tensor]
Edge = tuple[int, int, int, int]  # kind, source utterance, source modality, destination block


def train(
    seed: int, conversations: int, epochs: int, overrides: str | None = None
) -> tuple[SyncTVAForEmotionRecognition, Any]:
    """Return a model trained on simulated conversations, and the data."""
    from transformers import set_seed

    from synctva.trainer.arguments import SyncTVATrainingArguments
    from synctva.trainer.preparation import build_config
    from synctva.trainer.recipes import RECIPES, load_conversations
    from synctva.trainer.trainer import SyncTVATrainer

    recipe = RECIPES["simulated"]
    data = load_conversations("simulated", seed=seed, max_train_conversations=conversations)
    with tempfile.TemporaryDirectory() as output:
        arguments = SyncTVATrainingArguments(
            output_dir=output,
            seed=seed,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
            **{**recipe.training, "num_train_epochs": epochs},
        )
        set_seed(seed)
        model = SyncTVAForEmotionRecognition(build_config(recipe.preset, data, overrides))
        SyncTVATrainer(model, arguments, data["train"], data["dev"]).train()
    return model.eval(), data


def falls(
    model: SyncTVAForEmotionRecognition,
    inputs: Inputs,
    utterance: int,
    draws: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return how much deletions lower one utterance's score: first the named, then random ones."""
    explanation = explain_utterance(model, inputs, utterance)
    answer = {}
    if len(explanation["modalities"]) > 1:
        answer["modality"] = _modality_falls(explanation)
    ranked = rank_edges(explanation)
    numbers = [k for k in EDGES if k < len(ranked)]
    deletions: list[list[Edge]] = [[]]
    for k in numbers:
        deletions.append(ranked[:k])
        for _ in range(draws):
            chosen = rng.choice(len(ranked), size=k, replace=False)
            deletions.append([ranked[i] for i in chosen])
    label = model.config.label2id[explanation["label"]]
    scores = scores_without(model, inputs, utterance, label, deletions)
    after = scores[1:].reshape(len(numbers), 1 + draws)
    names = [f"{k} edges" if k > 1 else "1 edge" for k in numbers]
    return answer | dict(zip(names, scores[0] - after, strict=True))


def _modality_falls(explanation: Mapping[str, Any]) -> np.ndarray:
    """Return the falls without the modality of the highest Shapley value, and without each."""
    present = explanation["modalities"]
    values = {
        frozenset(entry["modalities"]): entry["log_probability"]
        for entry in explanation["log_probabilities"]
    }
    whole = frozenset(present)
    top = max(present, key=lambda name: explanation["shapley"][name])
    return values[whole] - np.array([values[whole - {name}] for name in (top, *present)])


def rank_edges(explanation: Mapping[str, Any]) -> list[Edge]:
    """Return the edges that can be deleted, by mean attention over the layers that share them."""
    attention = defaultdict(list)
    blocks = {name: block for block, name in enumerate((*MODALITIES, None))}
    for edge in explanation["edges"]:
        key = (
            int(edge["layer"] == "fusion"),
            edge["source_utterance"],
            blocks[edge["source_modality"]],
            blocks[edge["destination_modality"]],
        )
        attention[key].append(edge["attention"])
    return sorted(attention, key=lambda key: -np.mean(attention[key]))


@torch.no_grad()
def scores_without(
    model: SyncTVAForEmotionRecognition,
    inputs: Inputs,
    utterance: int,
    label: int,
    deletions: Sequence[Sequence[Edge]],
) -> np.ndarray:
    """Return the label's log-probability at an utterance without each list of edges into it.

    All deletions are one batch, with a copy of the conversation for each.
    """
    copies = len(deletions)
    batch = {name: tensor.expand(copies, *tensor.shape[1:]) for name, tensor in inputs.items()}
    masks = (batch[name] for name in ("attention_mask", "modality_mask", "speaker_ids"))
    graph = build_graph(*masks, model.config)
    length = batch["attention_mask"].shape[1]
    deleted = torch.zeros(copies, len(KINDS), length, len(MODALITIES), LONE_BLOCK + 1).bool()
    for copy, edges in enumerate(deletions):
        for edge in edges:
            deleted[copy][edge] = True
    nodes = graph.nodes
    place = nodes.utterance_index[nodes.utterance]  # (V,) in the padded batch
    block = nodes.modality.new_full(place.shape, LONE_BLOCK)
    block[: len(nodes.modality)] = nodes.modality
    for number, kind in enumerate(KINDS):
        edges = getattr(graph, kind)
        source, destination = edges.source, edges.destination
        chosen = deleted[
            place[source] // length,
            number,
            place[source] % length,
            block[source],
            block[destination],
        ]
        graph = without_edges(graph, kind, chosen & (place[destination] % length == utterance))
    logits = model(**batch, graph=graph.tensors()).logits[:, utterance]
    return logits.double().log_softmax(-1)[:, label].numpy()


def without_edges(graph: HeterogeneousGraph, kind: str, deleted: Tensor) -> HeterogeneousGraph:
    """Return the graph without some edges of one kind, "edges" or "fusion"; `deleted` (E,) bool."""
    edges: GraphEdges = getattr(graph, kind)
    destination = edges.destination[~deleted]
    degree = torch.bincount(destination, minlength=len(graph.nodes.utterance))
    kept = GraphEdges(
        source=edges.source[~deleted],
        destination=destination,
        rowptr=torch.cat([degree.new_zeros(1), degree.cumsum(0)]),
        relation=edges.relation[~deleted],
        bias=edges.bias[~deleted],
        value=edges.value[~deleted],
    )
    return graph._replace(**{kind: kept})


def measure(
    model: SyncTVAForEmotionRecognition, rows: Sequence[Mapping[str, Any]], draws: int, seed: int
) -> dict[str, Any]:
    """Return the mean falls over one random utterance of each conversation."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for row in rows:
        inputs = pad_conversations([row], widths=model.config.modality_dims)
        del inputs["labels"]
        utterance = int(rng.integers(inputs["attention_mask"].shape[1]))
        for name, fall in falls(model, inputs, utterance, draws, rng).items():
            found[name].append(fall)
    return {
        name: {
            "utterances": len(of_one),
            "fall": _compare(of_one),
            "change": _compare([np.abs(fall) for fall in of_one]),
        }
        for name, of_one in found.items()
    }


def _compare(found: Sequence[np.ndarray]) -> dict[str, float]:
    """Return the means of the named, of the random deletions, and of their difference."""
    named, random = np.mean([(one[0], one[1:].mean()) for one in found], axis=0)
    return {"named": float(named), "random": float(random), "difference": float(named - random)}


def summary(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means over the seeds, with the 95% interval of the paired difference."""
    answer: dict[str, Any] = {name: {} for name in seeds[0]}
    for name, measures in answer.items():
        for kind in ("fall", "change"):
            found = {
                key: [seed[name][kind][key] for seed in seeds]
                for key in ("named", "random", "difference")
            }
            mean, half = mean_and_interval(found["difference"])
            measures[kind] = {key: float(np.mean(values)) for key, values in found.items()}
            measures[kind]["interval"] = [mean - half, mean + half]
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--conversations", type=int, default=1_000, help="number to train on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--draws", type=int, default=5, help="random deletions per utterance")
    parser.add_argument("--config_overrides", help="field=value,field=value of the model")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON file to write")
    options = parser.parse_args()
    seeds = []
    for seed in range(options.seeds):
        model, data = train(seed, options.conversations, options.epochs, options.config_overrides)
        seeds.append(measure(model, list(data["test"]), options.draws, seed))
        print(json.dumps({"seed": seed, **seeds[-1]}, indent=2), flush=True)
    report = {
        "unit": "nats by which the log-probability of the predicted label falls, or changes",
        "settings": {k: v for k, v in vars(options).items() if k != "output"},
        "summary": summary(seeds),
        "seeds": seeds,
        **provenance(),
    }
    options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report["summary"], indent=2))


if __name__ == "__main__":
    main()
