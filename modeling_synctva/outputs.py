"""The outputs of the models: packed inside, padded for the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.utils import ModelOutput

from .configuration_synctva import MODALITIES
from .graph import LONE_BLOCK, HeterogeneousGraph


@dataclass
class SyncTVAModelOutput(ModelOutput):
    """The output of `SyncTVAModel`. B conversations, N utterances, H hidden, V nodes, E edges.

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
        hidden_states: (V, H) node states after the enhancement and after each graph layer, if
            requested.
        attentions: (E, heads) attention of each graph layer, if requested.
        fusion_attention: (E', heads) attention of the fusion, if requested.
        graph: the graph that `attentions` and `hidden_states` refer to, if either is requested; as
            `HeterogeneousGraph.tensors` returns it.
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
    graph: dict[str, Tensor] | None = None


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

    def padded(self, output_attentions: bool, output_hidden_states: bool) -> dict[str, Any]:
        """Return the fields of `SyncTVAModelOutput`."""
        strength_logits = self.strength_logits[:, None]
        return {
            "last_hidden_state": self.pad_utterances(self.fused),
            "context_states": None if self.context is None else self.pad_utterances(self.context),
            "modality_logits": self.pad_nodes(self.modality_logits),
            "strengths": self.pad_nodes(strength_logits.sigmoid())[..., 0],
            "strength_logits": self.pad_nodes(strength_logits)[..., 0],
            "gates": self.pad_nodes(self.gates),
            "modality_mask": self.modality_mask,
            "hidden_states": self.hidden_states if output_hidden_states else None,
            "attentions": self.attentions if output_attentions else None,
            "fusion_attention": self.fusion_attention if output_attentions else None,
            "graph": self.graph.tensors() if output_attentions or output_hidden_states else None,
        }


__all__ = ["PackedOutput", "SyncTVAEmotionOutput", "SyncTVAModelOutput"]
