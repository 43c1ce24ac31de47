"""What the models return, and the way from packed rows back to the padded shape."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.utils import ModelOutput

from .configuration_synctva import MODALITIES
from .graph import LONE_BLOCK


@dataclass
class SyncTVAModelOutput(ModelOutput):
    """What `SyncTVAModel` returns. B conversations, N utterances, H hidden, V nodes, E edges.

    Attributes:
        last_hidden_state: (B, N, H) fused state of each utterance, 0 at padding.
        context_states: (B, N, H a direction) states of the recurrent context, 0 at padding; None
            without it.
        modality_logits: (B, N, 3, C) each modality's own answer from its own features, 0 where it
            is missing.
        strengths: (B, N, 3) enhancement strength in [0, 1], 0 where the modality is missing.
        strength_logits: (B, N, 3) the same before the sigmoid.
        gates: (B, N, 3, H) enhancement gates, 0 where missing.
        modality_mask: (B, N, 3) what was present.
        hidden_states: node states (V, H) after the enhancement and after each graph layer, if
            asked for.
        attentions: (E, heads) attention of each graph layer, if asked for.
        fusion_attention: (E', heads) attention of the fusion, if asked for.
        graph: the packed graph that attentions refer to, see `build_graph`; if asked for.
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
    """What `SyncTVAForEmotionRecognition` adds; see `SyncTVAEmotionOutput`."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    branch_logits: Tensor | None = None


@dataclass
class SyncTVAEmotionOutput(SyncTVAModelOutput, EmotionAnswer):
    """What `SyncTVAForEmotionRecognition` returns: `SyncTVAModelOutput`, and before it

    Attributes:
        loss: scalar, if labels were given.
        logits: (B, N, C) emotion logits, 0 at padding: the mean of
        branch_logits: (B, N, 2, C) of the fused and of the context states; (B, N, 1, C) without
            recurrent context.
    """


def unpack_nodes(nodes: Tensor, indices: list[Tensor], shape: torch.Size) -> Tensor:
    """(V, X) node values → (B, N, 3, X), 0 where a modality is missing."""
    total = shape[0] * shape[1]
    output = nodes.new_zeros(len(MODALITIES) * total, nodes.shape[-1])
    rows = torch.cat([index + m * total for m, index in enumerate(indices[:LONE_BLOCK])])
    output = output.index_copy(0, rows, nodes[: len(rows)])
    return output.view(len(MODALITIES), *shape, -1).permute(1, 2, 0, 3)


def unpack_utterances(rows: Tensor, index: Tensor, shape: torch.Size) -> Tensor:
    """(T, X) utterance values → (B, N, X), 0 at padding; `index` says where each belongs."""
    output = rows.new_zeros(shape[0] * shape[1], rows.shape[1]).index_copy(0, index, rows)
    return output.view(*shape, -1)


__all__ = ["SyncTVAEmotionOutput", "SyncTVAModelOutput", "unpack_nodes", "unpack_utterances"]
