"""The inference model on padded tensors, with the same answers as the packed model.

The packed model leaves out what is missing, so that the sizes of its tensors depend on the values
of the masks. Neither `torch.export` nor ONNX can express this. Here, every utterance has a node for
each modality, present or not, and masked attention runs over all pairs of nodes, so that memory
grows with the square of a conversation's length.

A lone node (of an utterance without any modality) queries with the parameters of text and never
sends. It takes the place of the text node, which such an utterance does not have.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.context import ContextEncoder
from synctva.modeling_synctva.enhancement import DynamicEnhancement
from synctva.modeling_synctva.graph import (
    TIME_RELATIONS,
    fusion_windows,
    graph_windows,
    ordered_pair,
)
from synctva.modeling_synctva.graph_attention import (
    HeterogeneousGraphAttention,
    HeterogeneousGraphLayer,
)
from synctva.modeling_synctva.layers import ModalityLinear
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition


def by_modality(maps: ModalityLinear, nodes: Tensor) -> Tensor:
    """Apply the map of each modality to its nodes, (3, ..., in) → (3, ..., out)."""
    return torch.stack([maps.maps[name](nodes[m]) for m, name in enumerate(MODALITIES)])


class DenseGraph:
    """The graph of padded conversations, as masks over all pairs of nodes.

    Attributes:
        present: (3, B, N) bool, whether a modality is present; only present ones send.
        lone: (B, N) bool, utterances without any modality.
        place: (B, N) number of each utterance in its conversation.
        delta: (B, N, N) number of utterances from the destination to the source (last axis).
        bias_rows: (B, 3, N, 3N) row of the bias table for each destination and source.
    """

    def __init__(
        self,
        attention_mask: Tensor,
        modality_mask: Tensor,
        speaker_ids: Tensor,
        config: SyncTVAConfig,
    ):
        self.present = (modality_mask & attention_mask[..., None]).permute(2, 0, 1)
        self.lone = attention_mask & ~self.present.any(0)
        self.place = attention_mask.long().cumsum(1) - 1
        self.delta = self.place[:, None, :] - self.place[:, :, None]

        other = (speaker_ids[:, None, :] != speaker_ids[:, :, None]).long()
        if not config.use_speaker_relations:
            other = torch.zeros_like(other)
        delta = self.delta
        time = torch.where(delta == 0, 0, torch.where(delta < 0, 1, 3) + other)  # (B, N, N)
        distance = delta.abs().clamp(max=config.max_distance)
        if not config.use_distance:
            distance = torch.zeros_like(distance)
        source = torch.arange(len(MODALITIES), device=delta.device)
        destination = source[:, None]
        pair = ordered_pair(destination, source)
        if not config.asymmetric:
            smaller, larger = torch.minimum(destination, source), torch.maximum(destination, source)
            pair = ordered_pair(smaller, larger)
        row = time * (config.max_distance + 1) + distance
        first = pair * len(TIME_RELATIONS) * (config.max_distance + 1)
        self.bias_rows = (first[:, None, :, None] + row[:, None, :, None, :]).flatten(-2)

    def window(self, past: int, future: int) -> Tensor:
        """Return (B, N, N) bool, whether the source is in a window around the destination."""
        return (self.delta >= -past) & (self.delta <= future)

    def edges(self, past: list[list[int]], future: list[list[int]]) -> Tensor:
        """Return (B, 3, N, 3N) bool, whether the source sends to the destination.

        Args:
            past, future: windows by destination modality and source modality.
        """
        delta = self.delta[:, None, :, None, :]
        before = torch.tensor(past, device=delta.device)[:, None, :, None]
        after = torch.tensor(future, device=delta.device)[:, None, :, None]
        # A pair that is switched off has windows of -1, which contain no delta.
        senders = self.present.transpose(0, 1)[:, None, None]  # (B, 1, 1, 3, N)
        return ((delta >= -before) & (delta <= after) & senders).flatten(-2)


class DenseSyncTVA(nn.Module):
    """A trained model as a function of padded tensors, which shares its modules and weights.

    Args:
        model: it is put into evaluation mode.

    Raises:
        ValueError: the model reads tokens with its own text backbone.

    Example:
        >>> import torch
        >>> from synctva import SyncTVAConfig, SyncTVAForEmotionRecognition
        >>> config = SyncTVAConfig(text_dim=16, audio_dim=4, visual_dim=4, hidden_size=32)
        >>> dense = DenseSyncTVA(SyncTVAForEmotionRecognition(config))
        >>> text, visual, audio = (torch.randn(2, 5, width) for width in (16, 4, 4))
        >>> mask = torch.ones(2, 5, dtype=torch.bool)
        >>> logits, strengths = dense(
        ...     text, visual, audio, mask, mask[..., None].expand(-1, -1, 3), mask.long()
        ... )
        >>> logits.shape, strengths.shape
        (torch.Size([2, 5, 7]), torch.Size([2, 5, 3]))
    """

    def __init__(self, model: SyncTVAForEmotionRecognition):
        super().__init__()
        if model.config.text_backbone is not None:
            raise ValueError(
                f"SyncTVAConfig.text_backbone = {model.config.text_backbone!r}: expected None, "
                "because a model that reads tokens cannot be exported. Export a model that was "
                "trained on features of this encoder instead (`synctva finetune`, then `synctva "
                "train --dataset features`)"
            )
        self.model = model.eval()

    def forward(
        self,
        text_features: Tensor,
        visual_features: Tensor,
        audio_features: Tensor,
        attention_mask: Tensor,
        modality_mask: Tensor,
        speaker_ids: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Recognise the emotion of every utterance.

        Args:
            text_features, visual_features, audio_features: (B, N, D_m); values of missing
                modalities are never read.
            attention_mask: (B, N) bool, True for utterances, False for padding.
            modality_mask: (B, N, 3) bool, whether text, visual, audio are present.
            speaker_ids: (B, N) long, numbered by first appearance in the conversation.

        Returns:
            Logits (B, N, C), 0 at padding, and strengths (B, N, 3), 0 for missing modalities.
        """
        model, config = self.model.synctva, self.model.config
        graph = DenseGraph(attention_mask, modality_mask, speaker_ids, config)
        nodes, log_rms = self._encode([text_features, visual_features, audio_features], graph)
        speakers = speaker_ids.clamp(0, config.max_speakers - 1)
        nodes = nodes + model.speaker_embedding(speakers)
        context_states = None
        if model.context is not None:
            context, context_states = _context(model.context, nodes, attention_mask, graph)
            nodes = nodes + context
        strengths = graph.present.to(nodes.dtype)  # (3, B, N)
        if model.enhancement is not None:
            nodes, own = _enhance(model.enhancement, nodes, log_rms, graph, config)
            strengths = strengths * own

        edges = graph.edges(*graph_windows(config))
        for layer in model.layers:
            nodes = _layer(layer, nodes, graph.bias_rows, edges)
        if model.fusion.use_attention:
            edges = graph.edges(*fusion_windows(config))
            normed = model.fusion.norm(nodes)
            nodes = nodes + _attend(model.fusion.attention, normed, graph.bias_rows, edges)
        # A lone node is the only node of its utterance: its weight in the sum is 1.
        weights = torch.stack([strengths[0] + graph.lone.to(strengths.dtype), *strengths[1:]])
        fused = (weights[..., None] * by_modality(model.fusion.part, nodes)).sum(0)  # (B, N, H)

        logits = self.model.classifier(fused)
        if self.model.context_classifier is not None:
            logits = (logits + self.model.context_classifier(context_states)) / 2
        return logits.masked_fill(~attention_mask[..., None], 0.0), strengths.permute(1, 2, 0)

    def _encode(self, features: list[Tensor], graph: DenseGraph) -> tuple[Tensor, Tensor]:
        """Return node states (3, B, N, H) and log RMS (3, B, N, 1), arbitrary if missing."""
        model = self.model.synctva
        states, sizes = [], []
        for name, values, present in zip(MODALITIES, features, graph.present, strict=True):
            # `where` and not a product, so that a NaN at a masked place does not spread.
            state, size = model.encoders[name](values.where(present[..., None], 0.0))
            states.append(state)
            sizes.append(size)
        lone = graph.lone[..., None]
        states[0] = model.lone.where(lone, states[0])
        sizes[0] = sizes[0].masked_fill(lone, 0.0)
        return torch.stack(states), torch.stack(sizes)


def _context(
    context: ContextEncoder, nodes: Tensor, attention_mask: Tensor, graph: DenseGraph
) -> tuple[Tensor, Tensor]:
    """Do what `ContextEncoder.forward` does: (3, B, N, H) → the same shape, and (B, N, W)."""
    activated = nn.functional.gelu(nodes).masked_fill(~graph.present[..., None], 0.0)
    inputs = activated.permute(1, 2, 0, 3).flatten(2)  # (B, N, 3H)
    last = attention_mask.long().sum(1, keepdim=True) - 1  # (B, 1)
    step = torch.arange(inputs.shape[1], device=inputs.device)[None, :, None]
    outputs = []
    for number, direction in enumerate(context.directions):
        place = last - graph.place if number else graph.place
        # (B, step, N): which utterance is read at each step. Padding is read at no step: in both
        # directions it comes after the last utterance.
        order = ((place[:, None] == step) & attention_mask[:, None]).to(inputs.dtype)
        outputs.append(order.mT @ direction(order @ inputs)[0])
    states = torch.cat(outputs, -1)  # (B, N, W)
    activated = nn.functional.gelu(states).expand(len(MODALITIES), -1, -1, -1)
    return by_modality(context.output, activated), states


def _enhance(
    enhancement: DynamicEnhancement,
    nodes: Tensor,
    log_rms: Tensor,
    graph: DenseGraph,
    config: SyncTVAConfig,
) -> tuple[Tensor, Tensor]:
    """Do what `DynamicEnhancement.forward` does.

    (3, B, N, H), (3, B, N, 1) → states (3, B, N, H), strengths (3, B, N)
    """
    present = graph.present[..., None].to(nodes.dtype)  # (3, B, N, 1)
    own = present * nodes
    others = (own.sum(0) - own) / (present.sum(0) - present).clamp(min=1)
    inside = graph.window(config.past_window, config.future_window)  # (B, N, N)
    inside = (inside & graph.present[:, :, None]).to(nodes.dtype)  # (3, B, N, N)
    window = inside @ nodes / inside.sum(-1, keepdim=True).clamp(min=1)
    context = torch.cat([nodes, others, window, log_rms], dim=-1)
    context = nn.functional.gelu(by_modality(enhancement.context, context))
    strengths = by_modality(enhancement.strength, context).sigmoid()
    update = by_modality(enhancement.gate, context).sigmoid() * by_modality(
        enhancement.update, nodes
    )
    return nodes + strengths * update, strengths[..., 0]


def _layer(
    layer: HeterogeneousGraphLayer, nodes: Tensor, bias_rows: Tensor, edges: Tensor
) -> Tensor:
    """Do what `HeterogeneousGraphLayer.forward` does: (3, B, N, H) → (3, B, N, H)."""
    nodes = nodes + _attend(layer.attention, layer.attention_norm(nodes), bias_rows, edges)
    hidden = nn.functional.gelu(by_modality(layer.expand, layer.feed_forward_norm(nodes)))
    return nodes + by_modality(layer.contract, hidden)


def _attend(
    attention: HeterogeneousGraphAttention, nodes: Tensor, bias_rows: Tensor, edges: Tensor
) -> Tensor:
    """Do what `HeterogeneousGraphAttention.forward` does, with a mask over all pairs of nodes.

    (3, B, N, H), (B, 3, N, 3N) twice → (3, B, N, H), 0 for a node without incoming edges.
    """

    def heads(states: Tensor) -> Tensor:
        """(..., B, N, H) → (B, heads, ..., N, d)."""
        return states.unflatten(-1, (attention.num_heads, -1)).movedim((-4, -2), (0, 1))

    values = attention.value
    base = by_modality(values.base, nodes)
    messages = [  # to each destination i, from each source j
        torch.stack(
            [
                base[j] if i == j else base[j] + values.pairs[values.name(i, j)](nodes[j])
                for j in range(len(MODALITIES))
            ]
        )
        for i in range(len(MODALITIES))
    ]
    value = heads(torch.stack(messages)).flatten(3, 4)  # (B, heads, 3, 3N, d)
    query = heads(by_modality(attention.query, nodes))  # (B, heads, 3, N, d)
    key = heads(by_modality(attention.key, nodes)).flatten(2, 3)[:, :, None]  # (B, heads, 1, 3N, d)
    bias = attention.relation_bias(bias_rows).movedim(-1, 1)  # (B, heads, 3, N, 3N)
    scores = query @ key.mT / math.sqrt(query.shape[-1]) + bias
    # The lowest number and not -inf, which would become NaN in a row without edges.
    scores = scores.masked_fill(~edges[:, None], torch.finfo(scores.dtype).min)
    mixed = (scores.softmax(-1) @ value).movedim((0, 1), (-4, -2)).flatten(-2)  # (3, B, N, H)
    received = edges.any(-1).transpose(0, 1)[..., None]  # (3, B, N, 1)
    # Fill after the output map, so that its bias does not appear either.
    return by_modality(attention.output, mixed).masked_fill(~received, 0.0)


__all__ = ["DenseSyncTVA"]
