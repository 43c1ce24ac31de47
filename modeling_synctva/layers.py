"""Layers shared by the modules: dropout, and a linear map per modality."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .configuration_synctva import MODALITIES

LEVELS = 256
"""One random byte decides about each value, so the dropout probability is a multiple of 1/256."""


class Dropout(nn.Dropout):
    """Dropout (Srivastava et al., 2014) that makes eight decisions from one random 64-bit number.

    On the CPU, `torch.nn.Dropout` draws a random number for each value, which takes a third of a
    forward pass. Here the probability is rounded to a multiple of 1/256, and the kept values are
    scaled by the rounded probability, so that the mean stays the same. On other devices this is
    `torch.nn.Dropout`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Set values to 0 at random and scale up the others in training. Any shape."""
        dropped = round(self.p * LEVELS)
        cheap = self.training and 0 < dropped < LEVELS and input.device.type == "cpu"
        if not cheap or torch.compiler.is_compiling():
            return super().forward(input)
        words = torch.empty(-(-input.numel() // 8), dtype=torch.long).random_(-(2**63), None)
        bytes_ = words.view(torch.uint8)[: input.numel()].view(input.shape)
        # Write the comparison as floats right away: twice as fast as converting booleans.
        kept = torch.ge(bytes_, dropped, out=torch.empty_like(input))
        return input * kept.mul_(LEVELS / (LEVELS - dropped))


class ModalityLinear(nn.Module):
    """A linear map per modality, applied to the blocks of text, visual, audio and lone nodes.

    Lone nodes use text's map. The maps are only called, and their weights never read, so that
    whatever adapts or quantizes an `nn.Linear` works on them.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        self.maps = nn.ModuleDict(
            {name: nn.Linear(in_features, out_features, bias=bias) for name in MODALITIES}
        )

    def extra_repr(self) -> str:
        """Say what to name instead: PEFT prints a module that it cannot adapt."""
        return "one Linear per modality, adapted as " + ", ".join(f'"maps.{m}"' for m in MODALITIES)

    def forward(self, nodes: Tensor, sizes: list[int]) -> Tensor:
        """(V, in) → (V, out); `sizes` are the lengths of the four blocks."""
        blocks = list(zip((*MODALITIES, "text"), nodes.split(sizes), strict=True))
        if not sizes[len(MODALITIES)]:
            blocks.pop()  # the usual case; text's parameters already take part (DDP)
        return torch.cat([self.maps[name](block) for name, block in blocks])


__all__ = ["Dropout", "ModalityLinear"]
