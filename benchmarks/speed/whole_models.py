"""Training and inference of whole models, in utterances per second: Sync-TVA and baselines.

All have the preset's widths and dropout, and the same feature encoders, batches and optimiser. The
baselines are those of the accuracy benchmark, which keep the main idea of the published model of
that name. Two are dense Transformers on padded batches: `transformer` has one token per utterance,
its modalities concatenated; `transformer-3` has one token per utterance and modality, like the
nodes of Sync-TVA's graph, and is the one that Sync-TVA's speed is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from benchmarks.accuracy.baselines import BASELINES
from benchmarks.accuracy.baselines.base import Context, ContextBaseline, Conversations
from benchmarks.accuracy.baselines.transformer import sine_positions
from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition

from .shapes import CORPORA, Size, batch, lengths
from .timing import interleaved, medians

LEARNING_RATE = 1e-5
"""Small, so that no weight diverges on random labels."""


class NodeTransformer(Context):
    """Every modality of every utterance attends to all of the conversation, padded and dense."""

    def __init__(self, config: SyncTVAConfig):
        super().__init__(config)
        hidden = config.hidden_size
        self.width = len(MODALITIES) * hidden
        self.embedding = nn.Embedding(len(MODALITIES), hidden)
        self.speaker_embedding = nn.Embedding(config.max_speakers, hidden)
        layer = nn.TransformerEncoderLayer(
            hidden,
            config.num_attention_heads,
            config.intermediate_size,
            config.hidden_dropout_prob,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(
            layer, config.num_hidden_layers, nn.LayerNorm(hidden), enable_nested_tensor=False
        )

    def forward(self, conversations: Conversations) -> Tensor:
        states = conversations.states + self.embedding.weight  # (B, N, 3, H)
        places = sine_positions(states.shape[1], states.shape[3]).to(states)
        states = states + (self.speaker_embedding(conversations.speakers) + places)[:, :, None]
        # Missing modalities are masked, and so are all of an utterance at padding.
        mask = ~conversations.present.flatten(1)  # (B, 3N)
        answer = self.layers(states.flatten(1, 2), src_key_padding_mask=mask)
        return answer.view(*states.shape[:2], -1)  # (B, N, 3H)


MODELS: dict[str, Callable[[SyncTVAConfig], PreTrainedModel]] = {
    "synctva": SyncTVAForEmotionRecognition,
    "transformer-3": partial(ContextBaseline, context_class=NodeTransformer),
    **{
        name: BASELINES[name]
        for name in ("transformer", "bigru", "dialogue-rnn", "dialogue-gcn", "mmgcn")
    },
}


def measure(size: Size) -> dict[str, Any]:
    """Return utterances per second by corpus, "train" or "inference", and model."""
    found: dict[str, Any] = {}
    for corpus in CORPORA:
        config = size.build_config(corpus)
        sizes = lengths(corpus, size.batch_size(corpus))
        inputs = batch(config, corpus, sizes)
        models = {name: build(config) for name, build in MODELS.items()}
        runs = {
            "train": {name: training_step(model, inputs) for name, model in models.items()},
            "inference": {name: answer(model, inputs) for name, model in models.items()},
        }
        found[corpus] = {
            kind: {
                name: sum(sizes) / seconds
                for name, seconds in medians(interleaved(these, size.rounds)).items()
            }
            for kind, these in runs.items()
        }
    return found


def training_step(model: PreTrainedModel, inputs: dict[str, Any]) -> Callable[[], None]:
    """Make a run of forward, loss, backward and a step of torch's fused AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)

    def run() -> None:
        model.train()
        model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return run


def answer(model: PreTrainedModel, inputs: dict[str, Any]) -> Callable[[], None]:
    """Make a run of forward without labels."""
    given = {name: value for name, value in inputs.items() if name != "labels"}

    @torch.inference_mode()
    def run() -> None:
        model.eval()
        model(**given)

    return run


__all__ = ["MODELS", "NodeTransformer", "answer", "measure", "training_step"]
