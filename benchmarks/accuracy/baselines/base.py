"""What all baselines share: encoding the modalities, the loss, and a classifier on a context."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.feature_encoder import FeatureEncoders
from synctva.modeling_synctva.modeling_synctva import SyncTVAEmotionOutput, SyncTVAPreTrainedModel
from synctva.modeling_synctva.objective import IGNORE_INDEX, Criterion, cross_entropy


class Conversations(NamedTuple):
    """A padded batch, its features encoded.

    Attributes:
        states: (B, N, 3, H) of each modality, 0 if it is missing and at padding.
        present: (B, N, 3) bool, which modalities are present.
        mask: (B, N) bool, True for utterances; padding follows the last one.
        speakers: (B, N) long, numbered by first appearance, below `max_speakers`.
    """

    states: Tensor
    present: Tensor
    mask: Tensor
    speakers: Tensor


class Baseline(SyncTVAPreTrainedModel):
    """The feature encoders of Sync-TVA, then `answer`, which a baseline defines."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        self.encoders = FeatureEncoders(config)

    def answer(self, conversations: Conversations) -> SyncTVAEmotionOutput:
        """Return an output with at least the `logits` (B, N, C)."""
        raise NotImplementedError

    def forward(
        self,
        text_features: Tensor | None = None,
        audio_features: Tensor | None = None,
        visual_features: Tensor | None = None,
        attention_mask: Tensor | None = None,
        modality_mask: Tensor | None = None,
        speaker_ids: Tensor | None = None,
        labels: Tensor | None = None,
        graph: dict[str, Tensor] | None = None,
        num_items_in_batch: int | Tensor | None = None,
    ) -> SyncTVAEmotionOutput:
        """Run like `SyncTVAForEmotionRecognition.forward`; the graph is ignored."""
        inputs = {"text": text_features, "visual": visual_features, "audio": audio_features}
        given = next(tensor for tensor in inputs.values() if tensor is not None)
        shape, device = given.shape[:2], given.device
        if attention_mask is None:
            attention_mask = torch.ones(shape, dtype=torch.bool, device=device)
        if speaker_ids is None:
            speaker_ids = torch.zeros(shape, dtype=torch.long, device=device)
        present = torch.tensor([inputs[name] is not None for name in MODALITIES], device=device)
        present = present & attention_mask.bool()[..., None]  # (B, N, 3)
        if modality_mask is not None:
            present = present & modality_mask.bool()
        states = []
        for m, name in enumerate(MODALITIES):
            here = present[..., m, None]
            features = inputs[name]
            if features is None:
                features = given.new_zeros(*shape, self.config.modality_dims[name])
            # Also before the encoder, so that a NaN in a missing modality reaches no gradient.
            state = self.encoders[name](features.where(here, 0.0))[0]
            states.append(nn.functional.gelu(state).where(here, 0.0))
        output = self.answer(
            Conversations(
                torch.stack(states, dim=2),
                present,
                attention_mask.bool(),
                speaker_ids.clamp(0, self.config.max_speakers - 1),
            )
        )
        if labels is not None:
            output.loss = self.emotion_loss(output, labels, num_items_in_batch=num_items_in_batch)
        return output

    def emotion_loss(
        self,
        output: SyncTVAEmotionOutput,
        labels: Tensor,
        criterion: Criterion = cross_entropy,
        num_items_in_batch: int | Tensor | None = None,
    ) -> Tensor:
        """Return the criterion on `taught_logits`, averaged over the labelled utterances."""
        labelled = labels != IGNORE_INDEX
        taught = self.taught_logits(output)  # (B, N, K, C)
        target = labels.clamp(min=0)[..., None].expand(taught.shape[:3])
        losses = criterion(taught.flatten(0, 2), target.flatten()).view(target.shape).sum(-1)
        items = labelled.sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        return losses.where(labelled, 0.0).sum() / items

    def taught_logits(self, output: SyncTVAEmotionOutput) -> Tensor:
        """Return the logits (B, N, K, C) of the K classifiers that have a loss of their own."""
        assert output.logits is not None
        return output.logits[:, :, None]


class Context(nn.Module):
    """A module from `Conversations` to (B, N, `width`), built from a config."""

    width: int

    def __init__(self, config: SyncTVAConfig):
        super().__init__()


class ContextBaseline(Baseline):
    """The modalities' states, a context, and emotion logits.

    Args:
        config: of Sync-TVA.
        context_class: class of the module between the states and the classifier.
    """

    def __init__(self, config: SyncTVAConfig, context_class: type[Context]):
        super().__init__(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.context: Context = context_class(config)
        self.classifier = nn.Sequential(
            nn.Linear(self.context.width, config.hidden_size),
            nn.GELU(),
            nn.Dropout(config.hidden_dropout_prob),
            nn.Linear(config.hidden_size, config.num_labels),
        )
        self.post_init()

    def answer(self, conversations: Conversations) -> SyncTVAEmotionOutput:
        dropped = conversations._replace(states=self.dropout(conversations.states))
        return SyncTVAEmotionOutput(logits=self.classifier(self.dropout(self.context(dropped))))


__all__ = ["Baseline", "Context", "ContextBaseline", "Conversations"]
