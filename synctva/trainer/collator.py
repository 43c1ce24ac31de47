"""Collate rows of a data set into a padded batch with its graph, for a `DataLoader`."""

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
    """Pads conversations and builds their graph, in the loader's workers if it has any.

    A modality without a feature column is masked. Modality dropout masks present modalities before
    the graph is built, each with the same probability, but never the last one of an utterance.

    Which modalities are dropped depends only on the seed, the epoch and the conversation's
    `dialogue_id`, not on the batch, the worker or the process: two processes drop the same as one,
    and a resumed epoch the same as the interrupted one. (Torch's own generator cannot ensure that:
    the loader collates ahead of the step at which a checkpoint records the generator's state.)

    Args:
        config: of the model: widths, number of labels, the graph's windows.
        modality_dropout: probability in [0, 1), for training.
        build_graph: add the result of `build_graph` under the key `graph`; otherwise `forward`
            builds the graph.
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
        # In shared memory, because persistent workers keep their copy of the collator.
        self._epoch = torch.zeros((), dtype=torch.long).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, so that the modality dropout draws again."""
        self._epoch.fill_(epoch)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the arguments of `forward`; see `pad_conversations` for rows and errors."""
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
            # The modality with the highest draw stays in any case.
            stays = (draws >= self.modality_dropout) | (draws == draws.amax(1, keepdim=True))
            mask[index] &= stays


__all__ = ["MODEL_COLUMNS", "SyncTVACollator"]
