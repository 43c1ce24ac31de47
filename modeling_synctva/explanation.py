"""Explain an utterance's label: the Shapley value of each modality, and the attention paid to it.

The results are plain data, ready for `json.dumps`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from .calibration import INFORMATIVE_FROM, distance_from_base_rates
from .configuration_synctva import MODALITIES, counted
from .graph import relation_names
from .outputs import PackedOutput

Modalities = frozenset[str]


@torch.no_grad()
def explain_utterance(
    model: Any, inputs: Mapping[str, Any], utterance: int, label: str | None = None
) -> dict[str, Any]:
    """Explain the label of one utterance of one conversation.

    v(S) is the log-probability of the label, calibrated as the pipeline's scores are, if this
    utterance keeps only the modalities S and all other utterances stay as they are. With S empty,
    the utterance is recognised from its context. All subsets S are computed in one batch: copies of
    the conversation that differ only in this mask.

    Args:
        model: a `SyncTVAForEmotionRecognition` in evaluation mode.
        inputs: arguments of its `forward` for one conversation, such as the processor returns.
            `labels` and `graph` are ignored.
        utterance: index of the utterance, from 0, or from the end: -1 is the last.
        label: name of the emotion to explain; default: the likeliest.

    Returns:
        `utterance`; `label`; `modalities`: those present, in their usual order; `informative`: as
        in the pipeline's answer;
        `log_probabilities`: for each S its `modalities` and `log_probability` v(S), from all
        present modalities to none;
        `shapley`: the Shapley value of each modality in nats, 0 if it is missing; they sum to
        v(all) - v(none), see `shapley_values`;
        `edges`: the edges into this utterance's nodes, by decreasing attention, each with its
        `layer` ("graph 1", "graph 2", ..., "fusion"), `source_utterance`, `source_modality`,
        `destination_modality` (None for the lone node of an utterance without any modality),
        `relation` (one of `relation_names`), `heads` (the attention of each head) and `attention`
        (their mean). In each layer and head, the attention of the edges into one node sums to 1.

    Raises:
        ValueError: there are several conversations, there is no such utterance or label, or the
            model is in training mode.
    """
    if model.training:
        raise ValueError("model.training = True: expected a model in evaluation mode, model.eval()")
    config = model.config
    if label is not None and label not in config.label2id:
        raise ValueError(f"label = {label!r}: expected None or one of {list(config.label2id)}")
    tensors = {
        name: tensor
        for name, tensor in inputs.items()
        if name not in ("labels", "graph") and tensor is not None
    }
    mask, utterance = _modality_mask(tensors, utterance, config.text_backbone is not None)
    present = [name for m, name in enumerate(MODALITIES) if mask[0, utterance, m]]
    subsets = [
        frozenset(subset)
        for size in range(len(present), -1, -1)
        for subset in combinations(present, size)
    ]
    batch = {
        name: tensor.expand(len(subsets), *tensor.shape[1:]) for name, tensor in tensors.items()
    }
    batch["modality_mask"] = mask.repeat(len(subsets), 1, 1)
    batch["modality_mask"][:, utterance] = torch.tensor(
        [[name in subset for name in MODALITIES] for subset in subsets], device=mask.device
    )
    packed = model.base_model.encode(**batch)
    logits = model.classify(packed).mean(-2)[:, utterance].double() / config.calibration_temperature
    scores = logits.log_softmax(-1)  # (subsets, C)
    chosen = int(scores[0].argmax()) if label is None else config.label2id[label]
    values = dict(zip(subsets, scores[:, chosen].tolist(), strict=True))
    distance = distance_from_base_rates(scores[0].exp(), model.class_prior)
    return {
        "utterance": utterance,
        "label": config.id2label[chosen],
        "modalities": present,
        "informative": bool(present) and float(distance) >= INFORMATIVE_FROM,
        "log_probabilities": [
            {"modalities": [m for m in MODALITIES if m in subset], "log_probability": value}
            for subset, value in values.items()
        ],
        "shapley": dict.fromkeys(MODALITIES, 0.0) | shapley_values(values),
        "edges": _incoming_edges(packed, utterance),
    }


def shapley_values(values: Mapping[Modalities, float]) -> dict[str, float]:
    """Return what each player of a game adds, averaged over all orders of joining (Shapley, 1953).

    φ_m = Σ over S without m of |S|! (n - |S| - 1)! / n! · (v(S + m) - v(S))

    Args:
        values: v of every subset of the n players, including the empty set and the whole set.

    Returns:
        φ of each player.

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
    inputs: Mapping[str, Tensor], utterance: int, reads_tokens: bool
) -> tuple[Tensor, int]:
    """Return which modalities the conversation has, (1, N, 3) bool, and the checked index."""
    fields = ["input_ids" if reads_tokens else "text_features", "visual_features", "audio_features"]
    reference = next((inputs[name] for name in (*fields, "modality_mask") if name in inputs), None)
    if reference is None or len(reference) != 1:
        count = 0 if reference is None else len(reference)
        raise ValueError(f"inputs hold {count} conversations: expected one, (1, N, ...)")
    shape, device = reference.shape[:2], reference.device
    real = inputs.get("attention_mask", torch.ones(shape, device=device)).bool()  # (1, N)
    mask = inputs.get("modality_mask", torch.ones(*shape, len(MODALITIES), device=device)).bool()
    mask = mask & torch.tensor([name in inputs for name in fields], device=device)
    length = int(real.sum())
    index = operator.index(utterance)
    if not -length <= index < length:
        raise ValueError(
            f"utterance = {utterance}: expected 0 to {length - 1}, or -1 to {-length} from the "
            f"end, because the conversation has {counted(length, 'utterance')}"
        )
    return mask & real[..., None], index % length


def _incoming_edges(packed: PackedOutput, utterance: int) -> list[dict[str, Any]]:
    """Return the edges into an utterance of the first conversation, by decreasing attention."""
    graph, names = packed.graph, relation_names()
    modality = graph.nodes.modality.tolist()
    # The position in the padded batch; in the first conversation, this is the utterance's index.
    position = graph.nodes.utterance_index[graph.nodes.utterance]  # (V,)
    layers = [
        (f"graph {number}", graph.edges, attention)
        for number, attention in enumerate(packed.attentions, start=1)
    ]
    if graph.fusion is not None and packed.fusion_attention is not None:
        layers.append(("fusion", graph.fusion, packed.fusion_attention))
    edges = []
    for layer, graph_edges, attention in layers:
        rows = (position[graph_edges.destination] == utterance).nonzero()[:, 0]
        source, destination, relation = (
            tensor[rows]
            for tensor in (graph_edges.source, graph_edges.destination, graph_edges.relation)
        )
        for source_utterance, j, i, r, heads in zip(
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
                    "source_utterance": source_utterance,
                    "source_modality": MODALITIES[modality[j]],
                    "destination_modality": MODALITIES[modality[i]] if i < len(modality) else None,
                    "relation": names[r],
                    "attention": sum(heads) / len(heads),
                    "heads": heads,
                }
            )
    return sorted(edges, key=lambda edge: -edge["attention"])


__all__ = ["explain_utterance", "shapley_values"]
