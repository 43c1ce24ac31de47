"""Late fusion: one classifier per modality, whose probabilities are averaged."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAEmotionOutput

from .base import Baseline, Conversations
from .bigru import PackedGRU


class LateFusion(Baseline):
    """Three BiGRU classifiers, one per modality; the answer is the mean of their probabilities.

    The mean is over the present modalities; if none is present, over all three, which know the
    context. The classifiers share no weights, and each has a loss of its own, also where its
    modality is missing, so they learn independently. They share the optimiser's steps, the clipping
    of the gradient, and the epoch, which is chosen on the fused answer.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        width = config.hidden_size
        self.recurrences = nn.ModuleList(PackedGRU(width, width) for _ in MODALITIES)
        self.classifiers = nn.ModuleList(
            nn.Sequential(
                nn.Linear(2 * width, width),
                nn.GELU(),
                nn.Dropout(config.hidden_dropout_prob),
                nn.Linear(width, config.num_labels),
            )
            for _ in MODALITIES
        )
        self.post_init()

    def answer(self, conversations: Conversations) -> SyncTVAEmotionOutput:
        logits = torch.stack(
            [
                classifier(self.dropout(recurrence(state, conversations.mask)))
                for recurrence, classifier, state in zip(
                    self.recurrences,
                    self.classifiers,
                    self.dropout(conversations.states).unbind(2),
                    strict=True,
                )
            ],
            dim=2,
        )  # (B, N, 3, C)
        present = conversations.present
        counted = present | ~present.any(-1, keepdim=True)
        log_probabilities = logits.log_softmax(-1).masked_fill(~counted[..., None], -torch.inf)
        # The sum of probabilities instead of their mean: the softmax normalises it.
        return SyncTVAEmotionOutput(logits=log_probabilities.logsumexp(2), modality_logits=logits)

    def taught_logits(self, output: SyncTVAEmotionOutput) -> Tensor:
        assert output.modality_logits is not None
        return output.modality_logits


__all__ = ["LateFusion"]
