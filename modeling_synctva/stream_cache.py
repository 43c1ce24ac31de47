"""The part of a stream's state that belongs to modules which read earlier utterances."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .configuration_synctva import MODALITIES


class StreamCache:
    """Each module's states of the W utterances before the newest one.

    A module that reads earlier nodes passes its rows of the newest utterance and gets those of the
    whole window back. What it needs for the next utterance is collected in `next`, so that a
    forward pass that fails changes nothing. All tensors have their final size from the first
    utterance on.

    Args:
        names: name of each module.
        past: the `next` of the previous utterance; {} at first.
        present: (W + 1, 3) bool, the modalities present in the window and in the newest utterance.

    Attributes:
        next: the tensors for the next utterance, by "module.name".
    """

    def __init__(self, names: Mapping[nn.Module, str], past: Mapping[str, Tensor], present: Tensor):
        self._names = names
        self._past = past
        self._present = present
        self.next: dict[str, Tensor] = {}

    def extend(self, module: nn.Module, name: str, rows: Tensor) -> Tensor:
        """Extend the rows of the newest utterance's nodes by those of the window.

        (V, ...) → (S, ...), the S present nodes of the window and of the newest utterance, in the
        order of `build_graph`. Lone nodes are left out, because they never send.
        """
        present = self._present
        newest = rows.new_zeros(1, len(MODALITIES), *rows.shape[1:])
        newest[0, present[-1]] = rows[: int(present[-1].sum())]
        key = self._key(module, name)
        past = self._past.get(key)
        if past is None:
            past = newest.new_zeros(len(present) - 1, *newest.shape[1:])
        table = torch.cat([past, newest])  # (W + 1, 3, ...)
        self.next[key] = table[1:]
        return table.transpose(0, 1)[present.t()]

    def recall(self, module: nn.Module, name: str) -> Tensor | None:
        """Return what `keep` stored for the previous utterance; None for the first."""
        return self._past.get(self._key(module, name))

    def keep(self, module: nn.Module, name: str, value: Tensor) -> None:
        """Store a tensor for the next utterance."""
        self.next[self._key(module, name)] = value

    def _key(self, module: nn.Module, name: str) -> str:
        return f"{self._names[module]}.{name}"


__all__ = ["StreamCache"]
