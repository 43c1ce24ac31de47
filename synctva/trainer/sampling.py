"""The order of the training conversations: the same for any number of processes, and resumable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


class EpochSampler(Sampler[int]):
    """A random order that depends only on the seed and the epoch.

    transformers' own length-grouped sampler draws from torch's global generator, whose state is not
    restored in a resumed epoch, and groups by the batch of one process, so that two processes take
    other steps than one.

    Args:
        lengths: utterances of each conversation.
        step_size: conversations per optimizer step, over all processes and accumulated batches.
        seed: of the order.
        group_by_length: put conversations of similar length into one step.
    """

    def __init__(
        self, lengths: Sequence[int], step_size: int, seed: int = 0, group_by_length: bool = False
    ):
        self.lengths = list(lengths)
        self.step_size = step_size
        self.seed = seed
        self.group_by_length = group_by_length
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
        if not self.group_by_length:
            return iter(torch.randperm(len(self.lengths), generator=generator).tolist())
        return iter(get_length_grouped_indices(self.lengths, self.step_size, generator=generator))


__all__ = ["EpochSampler"]
