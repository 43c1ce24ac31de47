"""The inference model on padded tensors: the packed model's answers, from shapes alone.

The packed model computes what is present and nothing else, so the sizes of its tensors depend on
the values of the masks, which neither `torch.export` nor ONNX can follow. Here every utterance has
a node of each modality, present or not, and attention runs over all pairs of nodes with a mask.
Memory therefore grows with the square of a conversation's length.

A lone node (of an utterance without any modality) queries with text's parameters and never sends:
it takes the place of the text node, which such an utterance does not have.
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
    """Each modality's own map of its nodes, (3, ..., in) → (3, ..., out)."""
    return torch.stack([maps.maps[name](nodes[m]) for m, name in enumerate(MODALITIES)])


class DenseGraph:
    """The graph of padded conversations as masks over all pairs of nodes.

    Attributes:
        present: (3, B, N) bool, what is there of each modality; the senders.
        lone: (B, N) bool, utterances without any modality.
        place: (B, N) number of each utterance in its conversation.
        delta: (B, N, N) how many utterances the source (last) stands after the destination.
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
        """(B, N, N) bool, whether the source is in a window around the destination."""
        return (self.delta >= -past) & (self.delta <= future)

    def edges(self, past: list[list[int]], future: list[list[int]]) -> Tensor:
        """(B, 3, N, 3N) bool, who sends to whom; reaches by (destination, source) modality."""
        delta = self.delta[:, None, :, None, :]
        before = torch.tensor(past, device=delta.device)[:, None, :, None]
        after = torch.tensor(future, device=delta.device)[:, None, :, None]
        # A pair that is switched off has the reach -1 both ways: no delta is in it.
        senders = self.present.transpose(0, 1)[:, None, None]  # (B, 1, 1, 3, N)
        return ((delta >= -before) & (delta <= after) & senders).flatten(-2)


class DenseSyncTVA(nn.Module):
    """A trained model as one function of padded tensors, with its own modules and weights.

    Args:
        model: it is put into evaluation mode.

    Raises:
        ValueError: the model reads tokens with a text backbone of its own.

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
                f"SyncTVAConfig.text_backbone = {model.config.text_backbone!r}: expected None; a "
                "model that reads tokens cannot be exported. Export one trained on that encoder's "
                "features instead (synctva/commands/finetune.py, then train.py --dataset features)"
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
            text_features, visual_features, audio_features: (B, N, D_m); values where a modality is
                missing are never read.
            attention_mask: (B, N) bool, True where there is an utterance.
            modality_mask: (B, N, 3) bool, where text, visual, audio are present.
            speaker_ids: (B, N) long, numbered by first appearance in the conversation.

        Returns:
            Logits (B, N, C), 0 at padding, and enhancement strengths (B, N, 3), 0 where missing.
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
        # A lone node is all its utterance has: it carries the whole sum.
        weights = torch.stack([strengths[0] + graph.lone.to(strengths.dtype), *strengths[1:]])
        fused = (weights[..., None] * by_modality(model.fusion.part, nodes)).sum(0)  # (B, N, H)

        logits = self.model.classifier(fused)
        if self.model.context_classifier is not None:
            logits = (logits + self.model.context_classifier(context_states)) / 2
        return logits.masked_fill(~attention_mask[..., None], 0.0), strengths.permute(1, 2, 0)

    def _encode(self, features: list[Tensor], graph: DenseGraph) -> tuple[Tensor, Tensor]:
        """Node states (3, B, N, H) and log RMS (3, B, N, 1); arbitrary where nothing is present."""
        model = self.model.synctva
        states, sizes = [], []
        for name, values, present in zip(MODALITIES, features, graph.present, strict=True):
            # `where`, not a product, so that a NaN in a masked place goes nowhere.
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
    """`ContextEncoder.forward`: (3, B, N, H) → the same shape, and (B, N, W)."""
    heard = nn.functional.gelu(nodes).masked_fill(~graph.present[..., None], 0.0)
    inputs = heard.permute(1, 2, 0, 3).flatten(2)  # (B, N, 3H)
    last = attention_mask.long().sum(1, keepdim=True) - 1  # (B, 1)
    step = torch.arange(inputs.shape[1], device=inputs.device)[None, :, None]
    read = []
    for number, direction in enumerate(context.directions):
        place = last - graph.place if number else graph.place
        # (B, step, N): which utterance is read at each step. Padding is read by none, so that it
        # lies behind the last utterance either way.
        order = ((place[:, None] == step) & attention_mask[:, None]).to(inputs.dtype)
        read.append(order.mT @ direction(order @ inputs)[0])
    states = torch.cat(read, -1)  # (B, N, W)
    told = nn.functional.gelu(states).expand(len(MODALITIES), -1, -1, -1)
    return by_modality(context.output, told), states


def _enhance(
    enhancement: DynamicEnhancement,
    nodes: Tensor,
    log_rms: Tensor,
    graph: DenseGraph,
    config: SyncTVAConfig,
) -> tuple[Tensor, Tensor]:
    """`DynamicEnhancement.forward`: (3, B, N, H), (3, B, N, 1) → states, strengths (3, B, N)."""
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
    """`HeterogeneousGraphLayer.forward`: (3, B, N, H) → (3, B, N, H)."""
    nodes = nodes + _attend(layer.attention, layer.attention_norm(nodes), bias_rows, edges)
    hidden = nn.functional.gelu(by_modality(layer.expand, layer.feed_forward_norm(nodes)))
    return nodes + by_modality(layer.contract, hidden)


def _attend(
    attention: HeterogeneousGraphAttention, nodes: Tensor, bias_rows: Tensor, edges: Tensor
) -> Tensor:
    """`HeterogeneousGraphAttention.forward`, as masked attention over all pairs of nodes.

    (3, B, N, H), (B, 3, N, 3N) twice → (3, B, N, H), 0 where no edge comes in.
    """

    def heads(states: Tensor) -> Tensor:
        """(..., B, N, H) → (B, heads, ..., N, d)."""
        return states.unflatten(-1, (attention.num_heads, -1)).movedim((-4, -2), (0, 1))

    values = attention.value
    base = by_modality(values.base, nodes)
    said = [  # to each destination i, by each source j
        torch.stack(
            [
                base[j] if i == j else base[j] + values.pairs[values.name(i, j)](nodes[j])
                for j in range(len(MODALITIES))
            ]
        )
        for i in range(len(MODALITIES))
    ]
    value = heads(torch.stack(said)).flatten(3, 4)  # (B, heads, 3, 3N, d)
    query = heads(by_modality(attention.query, nodes))  # (B, heads, 3, N, d)
    key = heads(by_modality(attention.key, nodes)).flatten(2, 3)[:, :, None]  # (B, heads, 1, 3N, d)
    bias = attention.relation_bias(bias_rows).movedim(-1, 1)  # (B, heads, 3, N, 3N)
    scores = query @ key.mT / math.sqrt(query.shape[-1]) + bias
    # The lowest number, not -inf, of which a row without edges would make NaN.
    scores = scores.masked_fill(~edges[:, None], torch.finfo(scores.dtype).min)
    mixed = (scores.softmax(-1) @ value).movedim((0, 1), (-4, -2)).flatten(-2)  # (3, B, N, H)
    received = edges.any(-1).transpose(0, 1)[..., None]  # (3, B, N, 1)
    # By `where`, so that the output map's bias does not fill it either.
    return by_modality(attention.output, mixed).masked_fill(~received, 0.0)


__all__ = ["DenseSyncTVA"]
