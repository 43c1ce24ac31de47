"""The outputs of the models: packed inside, padded for the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.utils import ModelOutput

from .configuration_synctva import MODALITIES
from .graph import LONE_BLOCK, GraphEdges, HeterogeneousGraph

NUM_BLOCKS = LONE_BLOCK + 1
"""The nodes that an utterance may have: one for each modality, or a lone one."""


@dataclass
class SyncTVAModelOutput(ModelOutput):
    """The output of `SyncTVAModel`. B conversations, N utterances, H hidden.

    Attributes:
        last_hidden_state: (B, N, H) fused state of each utterance, 0 at padding.
        context_states: (B, N, W) states of the recurrent context, W = H per direction, 0 at
            padding; None without the recurrent context.
        modality_logits: (B, N, 3, C) logits of each modality's own head, which reads only that
            modality's features; 0 for a missing modality.
        strengths: (B, N, 3) enhancement strengths in [0, 1], 0 for a missing modality.
        strength_logits: (B, N, 3) the strengths before the sigmoid.
        gates: (B, N, 3, H) enhancement gates, 0 for a missing modality.
        modality_mask: (B, N, 3) which modalities were present.
        hidden_states: (B, L, H) node states after the enhancement and after each graph layer, if
            requested. L = 4 N: node 4 n + m belongs to utterance n and is its text, visual or audio
            for m = 0, 1, 2; for m = 3 it stands for an utterance without any modality. 0 where
            there is no such node.
        attentions: (B, heads, L, L) attention of each graph layer, if requested, by receiving and
            by sending node; 0 where there is no edge. The memory grows with the square of N:
            `SyncTVAModel.encode` returns one row per edge.
        fusion_attention: (B, heads, L, L) attention of the fusion, if requested; None without
            `config.use_fusion`.
    """

    last_hidden_state: Tensor | None = None
    context_states: Tensor | None = None
    modality_logits: Tensor | None = None
    strengths: Tensor | None = None
    strength_logits: Tensor | None = None
    gates: Tensor | None = None
    modality_mask: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    fusion_attention: Tensor | None = None


@dataclass
class EmotionAnswer(ModelOutput):
    """The fields that `SyncTVAForEmotionRecognition` adds; see `SyncTVAEmotionOutput`."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    branch_logits: Tensor | None = None


@dataclass
class SyncTVAEmotionOutput(SyncTVAModelOutput, EmotionAnswer):
    """The output of `SyncTVAForEmotionRecognition`: these fields, then `SyncTVAModelOutput`'s.

    Attributes:
        loss: scalar, if there are labels.
        logits: (B, N, C) emotion logits, 0 at padding; the mean of `branch_logits`.
        branch_logits: (B, N, 2, C) logits from the fused states and from the context states;
            (B, N, 1, C) without the recurrent context.
    """


class PackedOutput(NamedTuple):
    """The output of `SyncTVAModel.encode`: T utterances and V nodes, without padding.

    Attributes:
        graph: the graph of the batch.
        modality_mask: (B, N, 3) which modalities were present.
        fused: (T, H) fused states.
        context: (T, W) states of the recurrent context; None without it.
        modality_logits: (V, C) logits from each node's own features.
        strength_logits: (V,) enhancement strengths before the sigmoid.
        gates: (V, H) enhancement gates.
        hidden_states: (V, H) node states after the enhancement and after each graph layer.
        attentions: (E, heads) attention of each graph layer.
        fusion_attention: (E', heads) attention of the fusion; None without `config.use_fusion`.
    """

    graph: HeterogeneousGraph
    modality_mask: Tensor
    fused: Tensor
    context: Tensor | None
    modality_logits: Tensor
    strength_logits: Tensor
    gates: Tensor
    hidden_states: tuple[Tensor, ...]
    attentions: tuple[Tensor, ...]
    fusion_attention: Tensor | None

    def pad_utterances(self, rows: Tensor) -> Tensor:
        """Put packed utterances back into the padded shape: (T, X) → (B, N, X), 0 at padding."""
        shape = self.modality_mask.shape[:2]
        output = rows.new_zeros(shape.numel(), rows.shape[1])
        return output.index_copy(0, self.graph.nodes.utterance_index, rows).view(*shape, -1)

    def pad_nodes(self, rows: Tensor) -> Tensor:
        """Put nodes back into the padded shape: (V, X) → (B, N, 3, X), 0 for a missing modality.

        Lone nodes are left out.
        """
        shape = self.modality_mask.shape[:2]
        total = shape.numel()
        blocks = self.graph.nodes.blocks[:LONE_BLOCK]
        index = torch.cat([block + m * total for m, block in enumerate(blocks)])
        output = rows.new_zeros(len(MODALITIES) * total, rows.shape[-1])
        output = output.index_copy(0, index, rows[: len(index)])
        return output.view(len(MODALITIES), *shape, -1).permute(1, 2, 0, 3)

    def pad_hidden(self, rows: Tensor) -> Tensor:
        """Put all nodes into the form of `hidden_states`: (V, H) → (B, 4 N, H)."""
        batch, length = self.modality_mask.shape[:2]
        output = rows.new_zeros(batch * length * NUM_BLOCKS, rows.shape[-1])
        return output.index_copy(0, self._slots(), rows).view(batch, length * NUM_BLOCKS, -1)

    def pad_attention(self, rows: Tensor, edges: GraphEdges) -> Tensor:
        """Put edges into the form of `attentions`: (E, heads) → (B, heads, 4 N, 4 N)."""
        batch, length = self.modality_mask.shape[:2]
        length *= NUM_BLOCKS
        slots = self._slots()
        # A slot counts from the batch's first conversation: b · L + row.
        index = slots[edges.destination] * length + slots[edges.source] % length
        output = rows.new_zeros(batch * length * length, rows.shape[-1])
        return output.index_copy(0, index, rows).view(batch, length, length, -1).permute(0, 3, 1, 2)

    def _slots(self) -> Tensor:
        """Return each node's row among the (B · 4 N) of the padded batch, (V,)."""
        blocks = self.graph.nodes.blocks
        return torch.cat([position * NUM_BLOCKS + m for m, position in enumerate(blocks)])

    def padded(self, output_attentions: bool, output_hidden_states: bool) -> dict[str, Any]:
        """Return the fields of `SyncTVAModelOutput`."""
        strength_logits = self.strength_logits[:, None]
        hidden_states = attentions = fusion_attention = None
        if output_hidden_states:
            hidden_states = tuple(map(self.pad_hidden, self.hidden_states))
        if output_attentions:
            edges = self.graph.edges
            attentions = tuple(self.pad_attention(rows, edges) for rows in self.attentions)
            if self.graph.fusion is not None and self.fusion_attention is not None:
                fusion_attention = self.pad_attention(self.fusion_attention, self.graph.fusion)
        return {
            "last_hidden_state": self.pad_utterances(self.fused),
            "context_states": None if self.context is None else self.pad_utterances(self.context),
            "modality_logits": self.pad_nodes(self.modality_logits),
            "strengths": self.pad_nodes(strength_logits.sigmoid())[..., 0],
            "strength_logits": self.pad_nodes(strength_logits)[..., 0],
            "gates": self.pad_nodes(self.gates),
            "modality_mask": self.modality_mask,
            "hidden_states": hidden_states,
            "attentions": attentions,
            "fusion_attention": fusion_attention,
        }


__all__ = ["PackedOutput", "SyncTVAEmotionOutput", "SyncTVAModelOutput"]
