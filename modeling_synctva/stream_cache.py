"""What a stream keeps of the past, for the modules that look back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .configuration_synctva import MODALITIES


class StreamCache:
    """The W utterances before the newest one, as each module has seen them.

    A module that reads older nodes hands in its rows of the newest ones and gets those of the whole
    window; what it will want the next time is collected in `next`, so that nothing is lost or half
    done where a forward pass fails. Every tensor has its final size from the first utterance on.

    Args:
        names: of the modules.
        past: the `next` of the utterance before, {} at first.
        present: (W + 1, 3) bool, which nodes of the window and of the newest utterance there are.

    Attributes:
        next: tensors by "module.name".
    """

    def __init__(self, names: Mapping[nn.Module, str], past: Mapping[str, Tensor], present: Tensor):
        self._names = names
        self._past = past
        self._present = present
        self.next: dict[str, Tensor] = {}

    def extend(self, module: nn.Module, name: str, rows: Tensor) -> Tensor:
        """Rows of the newest utterance's nodes → those of all S present nodes.

        Both are in node order (see `build_graph`); a lone node has none, since it never sends.

        (V, ...) → (S, ...).
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
        """What was kept at the utterance before; None at the first."""
        return self._past.get(self._key(module, name))

    def keep(self, module: nn.Module, name: str, value: Tensor) -> None:
        """Keep a tensor for the next utterance."""
        self.next[self._key(module, name)] = value

    def _key(self, module: nn.Module, name: str) -> str:
        return f"{self._names[module]}.{name}"


__all__ = ["StreamCache"]
