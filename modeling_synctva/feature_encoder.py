"""Encode what the model reads of each modality: its features, or a text backbone's tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from .configuration_synctva import MODALITIES, SyncTVAConfig
from .layers import Dropout

FARTHEST = 1e4
"""Standardised features are clamped to ± this value. The square of a much larger one overflows,
and a single number must not turn an utterance's logits into NaN."""


class FeatureEncoder(nn.Module):
    """Standardise the features of one modality and project them to node states.

    x = LN(W [f ; log RMS f] + b), where f are the features, standardised with the training set's
    mean and standard deviation. These are stored in the checkpoint, so that no statistic is ever
    computed from the conversation at hand. They stay float32 in a model of any other dtype: a mean
    of 300 Hz has an error of up to 1 Hz in bfloat16.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, config: SyncTVAConfig):
        super().__init__()
        self.register_buffer("mean", torch.zeros(width, dtype=torch.float32))
        self.register_buffer("deviation", torch.ones(width, dtype=torch.float32))
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.projection = nn.Linear(width + 1, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Encode features (V_m, D) as states (V_m, H); also return their log RMS (V_m, 1)."""
        # In place and in few passes: with thousands of features, memory traffic dominates.
        features = features.float().sub(self.mean).div_(self.deviation).clamp_(-FARTHEST, FARTHEST)
        norm = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
        log_rms = 0.5 * (norm.square() / features.shape[-1] + 1e-6).log()
        inputs = torch.cat([self.dropout(features), log_rms], dim=-1)
        # Not the projection's own dtype: a quantized weight is int8, and read by a method.
        return self.norm(self.projection(inputs.to(self.norm.weight.dtype))), log_rms

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> FeatureEncoder:
        """Move and cast as `nn.Module` does, but do not round the statistics."""
        statistics = {"mean": self.mean, "deviation": self.deviation}
        super()._apply(fn, recurse)
        for name, values in statistics.items():
            cast_to = getattr(self, name)
            if cast_to.dtype in (torch.float16, torch.bfloat16):
                setattr(self, name, values.to(cast_to.device))
        return self


class FeatureEncoders(nn.ModuleDict):
    """The feature encoder of each modality, by name."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__(
            {name: FeatureEncoder(width, config) for name, width in config.modality_dims.items()}
        )

    def set_statistics(self, statistics: dict[str, tuple[Tensor, Tensor]]) -> None:
        """Store the training set's mean and standard deviation.

        A deviation below a millionth of the feature's mean or of the median deviation is only
        rounding error and is replaced by 1: dividing by it would turn any new value into noise.
        (MiniLM's last layer has three such dead units.)

        Args:
            statistics: mean (D,) and standard deviation (D,) of each modality.

        Raises:
            ValueError: a modality is unknown, or the values have the wrong width or are not finite.
        """
        for name, (mean, deviation) in statistics.items():
            if name not in self:
                raise ValueError(f"statistics[{name!r}]: expected one of {MODALITIES}")
            encoder = cast(FeatureEncoder, self[name])
            for label, values in (("mean", mean), ("deviation", deviation)):
                if values.shape != encoder.mean.shape or not values.isfinite().all():
                    raise ValueError(
                        f"statistics[{name!r}], {label} has shape {tuple(values.shape)}: expected "
                        f"{encoder.mean.shape[0]} finite numbers"
                    )
            encoder.mean.copy_(mean)
            rounding = 1e-6 * torch.maximum(mean.abs(), deviation.median())
            encoder.deviation.copy_(deviation.where(deviation > rounding, 1.0))


class TextBackbone(nn.Module):
    """Any `AutoModel`, pooled by the mean over the tokens of the utterance, without its context's.

    It is built from its configuration, because a checkpoint holds its trained weights.
    `load_pretrained` loads the published weights once, before training.
    """

    def __init__(self, config: SyncTVAConfig):
        super().__init__()
        self.source = config.text_backbone
        if config.text_backbone_config is None:
            config.text_backbone_config = AutoConfig.from_pretrained(self.source).to_dict()
        settings = dict(config.text_backbone_config)
        backbone_config = AutoConfig.for_model(settings.pop("model_type"), **settings)
        if backbone_config.hidden_size != config.text_dim:
            raise ValueError(
                f"SyncTVAConfig.text_dim = {config.text_dim}: expected "
                f"{backbone_config.hidden_size}, the width of text_backbone {self.source!r}"
            )
        self.encoder = AutoModel.from_config(backbone_config)

    def load_pretrained(self) -> None:
        """Replace the random weights with the published ones."""
        self.encoder = AutoModel.from_pretrained(self.source)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None, utterance_mask: Tensor | None
    ) -> Tensor:
        """Embed n utterances.

        Args:
            input_ids: (n, L) tokens of each utterance with its context.
            attention_mask: (n, L), nonzero for tokens and 0 for padding; None for no padding.
            utterance_mask: (n, L), nonzero for the utterance's own tokens; None for all tokens.

        Returns:
            (n, D).
        """
        if attention_mask is None:
            attention_mask = input_ids.new_ones(input_ids.shape)
        if utterance_mask is None:
            utterance_mask = attention_mask
        if not len(input_ids):
            return self.encoder.get_input_embeddings().weight.new_zeros(
                0, self.encoder.config.hidden_size
            )
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask.long())
        weights = utterance_mask.to(states.last_hidden_state.dtype)[..., None]  # (n, L, 1)
        total = weights.sum(1).clamp(min=1)
        return (states.last_hidden_state * weights).sum(1) / total


__all__ = ["FeatureEncoder", "FeatureEncoders", "TextBackbone"]
