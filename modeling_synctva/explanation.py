"""Why an utterance got its label: each modality's Shapley value, and the edges that it attended to.

Everything comes back as plain data, ready for `json.dumps`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from .configuration_synctva import MODALITIES
from .graph import HeterogeneousGraph, relation_names

Modalities = frozenset[str]


@torch.no_grad()
def explain_utterance(
    model: Any, inputs: Mapping[str, Any], utterance: int, label: str | None = None
) -> dict[str, Any]:
    """Explain the answer for one utterance of one conversation.

    v(S) is the log-probability of the label, uncalibrated, with this utterance restricted to the
    modalities S and every other utterance as it is; with S empty the utterance is answered from
    its context. All S are one batch: copies of the conversation that differ in this one mask.

    Args:
        model: a `SyncTVAForEmotionRecognition` in evaluation mode.
        inputs: arguments of its `forward` for one conversation, such as the processor's answer;
            `labels` and `graph` are not read.
        utterance: its number, from 0.
        label: name of the emotion to explain; default: the likeliest.

    Returns:
        `utterance`; `label`; `modalities`: those present, in their order;
        `log_probabilities`: for each S its `modalities` and `log_probability` v(S), the whole
        first, the empty S last;
        `shapley`: by modality its Shapley value in nats, 0 where it is missing: what it adds to
        v, see `shapley_values`; they sum to v(all) - v(empty);
        `edges`: the edges into this utterance's nodes, those with the most attention first:
        `layer` ("graph 1", "graph 2", ..., "fusion"), `source_utterance`, `source_modality`,
        `destination_modality` (None where the utterance has none and is answered by its lone
        node), `relation` (a name out of `relation_names`), `heads` (attention of each head) and
        their mean, `attention`. Over the edges into one node in one layer, each head's attention
        sums to 1.

    Raises:
        ValueError: several conversations, no such utterance or label, or a model in training mode.
    """
    if model.training:
        raise ValueError("model.training = True: expected model.eval(), in which nothing is random")
    config = model.config
    if label is not None and label not in config.label2id:
        raise ValueError(f"label = {label!r}: expected None or one of {list(config.label2id)}")
    given = {
        name: tensor
        for name, tensor in inputs.items()
        if name not in ("labels", "graph") and tensor is not None
    }
    mask, utterance = _modality_mask(given, utterance, config.text_backbone is not None)
    present = [name for name, here in zip(MODALITIES, mask[0, utterance], strict=True) if here]
    subsets = [
        frozenset(chosen)
        for size in range(len(present), -1, -1)
        for chosen in combinations(present, size)
    ]
    batch = {name: tensor.expand(len(subsets), *tensor.shape[1:]) for name, tensor in given.items()}
    batch["modality_mask"] = mask.repeat(len(subsets), 1, 1)
    batch["modality_mask"][:, utterance] = torch.tensor(
        [[name in subset for name in MODALITIES] for subset in subsets], device=mask.device
    )
    output = model(**batch, output_attentions=True, return_dict=True)
    scores = output.logits[:, utterance].double().log_softmax(-1)  # (subsets, C)
    chosen = int(scores[0].argmax()) if label is None else config.label2id[label]
    values = dict(zip(subsets, scores[:, chosen].tolist(), strict=True))
    return {
        "utterance": utterance,
        "label": config.id2label[chosen],
        "modalities": present,
        "log_probabilities": [
            {"modalities": [m for m in MODALITIES if m in subset], "log_probability": value}
            for subset, value in values.items()
        ],
        "shapley": dict.fromkeys(MODALITIES, 0.0) | shapley_values(values),
        "edges": _incoming_edges(output, utterance),
    }


def shapley_values(values: Mapping[Modalities, float]) -> dict[str, float]:
    """What each player of a game adds to it, averaged over all orders of joining (Shapley, 1953).

    φ_m = Σ over S without m of |S|! (n - |S| - 1)! / n! · (v(S + m) - v(S))

    Args:
        values: v of every subset of the n players, with the empty one and the whole.

    Example:
        >>> sets = [frozenset(names) for names in ((), ("text",), ("audio",), ("text", "audio"))]
        >>> sorted(shapley_values(dict(zip(sets, (0.0, 2.0, 0.0, 3.0), strict=True))).items())
        [('audio', 0.5), ('text', 2.5)]
    """
    players = max(values, key=len)
    number = len(players)
    return {
        player: sum(
            (values[subset | {player}] - values[subset])
            / (number * math.comb(number - 1, len(subset)))
            for subset in values
            if player not in subset
        )
        for player in players
    }


def _modality_mask(
    given: Mapping[str, Tensor], utterance: int, reads_tokens: bool
) -> tuple[Tensor, int]:
    """What is present of one conversation, (1, N, 3) bool, and the utterance's number, checked."""
    fields = ["input_ids" if reads_tokens else "text_features", "visual_features", "audio_features"]
    reference = next((given[name] for name in (*fields, "modality_mask") if name in given), None)
    if reference is None or len(reference) != 1:
        count = 0 if reference is None else len(reference)
        raise ValueError(f"inputs hold {count} conversations: expected one, (1, N, ...)")
    shape, device = reference.shape[:2], reference.device
    real = given.get("attention_mask", torch.ones(shape, device=device)).bool()  # (1, N)
    mask = given.get("modality_mask", torch.ones(*shape, len(MODALITIES), device=device)).bool()
    mask = mask & torch.tensor([name in given for name in fields], device=device)
    length = int(real.sum())
    number = operator.index(utterance)
    if not 0 <= number < length:
        raise ValueError(
            f"utterance = {utterance}: expected a number from 0 to {length - 1}, because the "
            f"conversation has {length}"
        )
    return mask & real[..., None], number


def _incoming_edges(output: Any, utterance: int) -> list[dict[str, Any]]:
    """The edges into an utterance of the batch's first conversation, by attention."""
    graph, names = HeterogeneousGraph.from_tensors(output.graph), relation_names()
    modality = graph.nodes.modality.tolist()
    # Position in the padded batch: in the first conversation simply the utterance's number.
    position = graph.nodes.utterance_index[graph.nodes.utterance]  # (V,)
    layers = [
        (f"graph {number}", graph.edges, attention)
        for number, attention in enumerate(output.attentions, start=1)
    ]
    if graph.fusion is not None:
        layers.append(("fusion", graph.fusion, output.fusion_attention))
    edges = []
    for layer, kind, attention in layers:
        rows = (position[kind.destination] == utterance).nonzero()[:, 0]
        source, destination, relation = (
            tensor[rows] for tensor in (kind.source, kind.destination, kind.relation)
        )
        for spoken, j, i, r, heads in zip(
            position[source].tolist(),
            source.tolist(),
            destination.tolist(),
            relation.tolist(),
            attention[rows].tolist(),
            strict=True,
        ):
            edges.append(
                {
                    "layer": layer,
                    "source_utterance": spoken,
                    "source_modality": MODALITIES[modality[j]],
                    "destination_modality": MODALITIES[modality[i]] if i < len(modality) else None,
                    "relation": names[r],
                    "attention": sum(heads) / len(heads),
                    "heads": heads,
                }
            )
    return sorted(edges, key=lambda edge: -edge["attention"])


__all__ = ["explain_utterance", "shapley_values"]
