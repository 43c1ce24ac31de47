"""An optional text encoder from the Hub, trained end to end as a part of Sync-TVA."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from .configuration_synctva import SyncTVAConfig


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


__all__ = ["TextBackbone"]
