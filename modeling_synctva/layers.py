"""Small layers that the modules share: dropout, and a linear map per modality."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .configuration_synctva import MODALITIES

LEVELS = 256
"""A byte decides about each value, so that the probability is a multiple of 1 / 256."""


class Dropout(nn.Dropout):
    """As `torch.nn.Dropout` (Srivastava et al., 2014), with eight draws from one 64-bit number.

    On the CPU torch draws a number for each value, which was a third of a forward pass. The
    probability is rounded to a multiple of 1/256 and the rest is scaled by what is really kept, so
    that the mean stays. On other devices this is `torch.nn.Dropout`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, kept; 0 or scaled up in training, unchanged otherwise."""
        dropped = round(self.p * LEVELS)
        cheap = self.training and 0 < dropped < LEVELS and input.device.type == "cpu"
        if not cheap or torch.compiler.is_compiling():
            return super().forward(input)
        words = torch.empty(-(-input.numel() // 8), dtype=torch.long).random_(-(2**63), None)
        bytes_ = words.view(torch.uint8)[: input.numel()].view(input.shape)
        # Compared straight into numbers: half the time of a comparison and a conversion.
        kept = torch.ge(bytes_, dropped, out=torch.empty_like(input))
        return input * kept.mul_(LEVELS / (LEVELS - dropped))


class ModalityLinear(nn.Module):
    """One linear map per modality, applied to the node blocks text, visual, audio, lone."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        self.maps = nn.ModuleDict(
            {name: nn.Linear(in_features, out_features, bias=bias) for name in MODALITIES}
        )

    def forward(self, nodes: Tensor, sizes: list[int]) -> Tensor:
        """(V, in) → (V, out); `sizes` are the four blocks' lengths."""
        blocks = list(zip((*MODALITIES, "text"), nodes.split(sizes), strict=True))
        if not sizes[len(MODALITIES)]:
            blocks.pop()  # as a rule there is none, and text's parameters take part already
        return torch.cat([self.maps[name](block) for name, block in blocks])


__all__ = ["Dropout", "ModalityLinear"]
