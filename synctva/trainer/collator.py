"""Rows of a data set → one padded batch with its graph, for a `DataLoader`."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synctva.modeling_synctva.configuration_synctva import MODALITIES, SyncTVAConfig
from synctva.modeling_synctva.conversation_padding import TOKEN_FIELDS, pad_conversations
from synctva.modeling_synctva.graph import build_graph

MODEL_COLUMNS = (
    "dialogue_id",
    "speakers",
    "labels",
    "modality_mask",
    *(f"{name}_features" for name in MODALITIES),
    *TOKEN_FIELDS,
)
"""Columns of a conversation that the collator reads."""


class SyncTVACollator:
    """Pads conversations and, in a worker where there is one, connects them.

    A modality without a feature column is masked. Modality dropout removes present modalities
    before the graph is built, each with the same probability, but never the last of an utterance.

    What is dropped depends on the seed, the epoch and the conversation's `dialogue_id` alone, not
    on the batch, the worker or the process: two processes drop what one does, and a resumed epoch
    drops what the interrupted one did. (Draws from torch's own generator would not: the loader
    collates ahead of the step at which a checkpoint records that generator.)

    Args:
        config: of the model: widths, number of labels, the graph's windows.
        modality_dropout: probability in [0, 1); for training.
        build_graph: put `build_graph`'s answer under the key `graph`; otherwise `forward` makes it.
        seed: of the modality dropout.

    Example:
        >>> collator = SyncTVACollator(SyncTVAConfig(text_dim=2))
        >>> collator([{"text_features": [[0.0, 1.0]]}])["text_features"].shape
        torch.Size([1, 1, 2])
    """

    def __init__(
        self,
        config: SyncTVAConfig,
        modality_dropout: float = 0.0,
        build_graph: bool = True,
        seed: int = 0,
    ):
        if not 0 <= modality_dropout < 1:
            raise ValueError(
                f"modality_dropout = {modality_dropout!r}: expected a number in [0, 1)"
            )
        self.config = config
        self.modality_dropout = modality_dropout
        self.build_graph = build_graph
        self.seed = seed
        # In shared memory, because persistent workers keep the collator of the first epoch.
        self._epoch = torch.zeros((), dtype=torch.long).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Let the modality dropout draw anew."""
        self._epoch.fill_(epoch)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Conversations → arguments of `forward`; see `pad_conversations` for rows and errors."""
        batch: dict[str, Any] = pad_conversations(
            rows, widths=self.config.modality_dims, num_labels=self.config.num_labels
        )
        if self.modality_dropout:
            self._drop_modalities(batch["modality_mask"], rows)
        if self.build_graph:
            batch["graph"] = build_graph(
                batch["attention_mask"], batch["modality_mask"], batch["speaker_ids"], self.config
            ).tensors()
        return batch

    def _drop_modalities(self, mask: Tensor, rows: Sequence[Mapping[str, Any]]) -> None:
        """Narrow `mask` (B, N, 3) in place."""
        for index, row in enumerate(rows):
            name = zlib.crc32(str(row.get("dialogue_id", index)).encode())
            generator = np.random.default_rng([self.seed, int(self._epoch), name])
            draws = torch.from_numpy(generator.random(mask.shape[1:]))  # (N, 3)
            draws = draws.where(mask[index], -1.0)
            # The one with the highest draw stays, whatever the probability.
            stays = (draws >= self.modality_dropout) | (draws == draws.amax(1, keepdim=True))
            mask[index] &= stays


__all__ = ["MODEL_COLUMNS", "SyncTVACollator"]
