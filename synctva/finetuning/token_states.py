"""States of an encoder's frozen lower layers, computed once and cached on disk.

The states below the trained layers never change, so that they need not be computed again in every
epoch and every run. Training the upper half of an encoder then costs a third of training all of it.
The states are stored as bfloat16, to which the layers above would round them anyway.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers.utils import logging

from synctva.files import written_whole
from synctva.modeling_synctva.text_windows import TokenWindow, pad_windows

logger = logging.get_logger(__name__)


class _AsGiven(nn.Module):
    """Replaces the embeddings of an encoder whose input is the states of a lower layer."""

    def forward(self, input_ids: Any = None, inputs_embeds: Any = None, **_: Any) -> Any:
        return inputs_embeds


def split_encoder(encoder: Any, frozen_layers: int) -> tuple[Any, Any]:
    """Split an encoder into its embeddings with the first layers, and the other layers.

    Both parts share the encoder's modules, so that training the upper part trains the encoder. The
    upper part takes the states of the lower one as `inputs_embeds`.

    Args:
        encoder: a model with `embeddings` and `encoder.layer`, such as BERT, RoBERTa, MPNet or
            ELECTRA.
        frozen_layers: number of layers in the lower part; at least one must remain for the upper.

    Raises:
        ValueError: the architecture is another, or frozen_layers is out of range.
    """
    stack = getattr(getattr(encoder, "encoder", None), "layer", None)
    if not isinstance(stack, nn.ModuleList) or not hasattr(encoder, "embeddings"):
        raise ValueError(
            f"{type(encoder).__name__}: expected an encoder with `embeddings` and `encoder.layer`, "
            "such as BERT, RoBERTa or MPNet; train others with frozen_layers = 0"
        )
    if not 1 <= frozen_layers < len(stack):
        raise ValueError(
            f"frozen_layers = {frozen_layers}: expected 1 to {len(stack) - 1}, because "
            f"{type(encoder).__name__} has {len(stack)} layers"
        )
    lower = _with_layers(encoder, stack[:frozen_layers])
    upper = _with_layers(encoder, stack[frozen_layers:])
    upper.embeddings = _AsGiven()
    return lower.eval(), upper


def _with_layers(encoder: Any, layers: nn.ModuleList) -> Any:
    """Return a shallow copy of the encoder with only these layers."""
    copies = []
    for module in (encoder, encoder.encoder):
        copy = module.__class__.__new__(module.__class__)
        copy.__dict__ = {**module.__dict__, "_modules": dict(module._modules)}
        copies.append(copy)
    copies[0]._modules["encoder"] = copies[1]
    copies[1]._modules["layer"] = layers
    return copies[0]


class TokenStates:
    """The frozen states of windows, on disk.

    Args:
        path: of an .npy file with the states of all tokens, (tokens, D), as the bits of bfloat16.
        windows: the windows, in the file's order.
    """

    def __init__(self, path: Path, windows: Sequence[TokenWindow]):
        self._bits = np.load(path, mmap_mode="r", allow_pickle=False)
        lengths = [len(window.input_ids) for window in windows]
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])
        if len(self._bits) != self._offsets[-1]:
            raise ValueError(
                f"{path} has the states of {len(self._bits)} tokens: expected "
                f"{self._offsets[-1]}; remove it"
            )

    def __getitem__(self, index: int) -> Tensor:
        """Return the (L, D) bfloat16 states of a window."""
        bits = self._bits[self._offsets[index] : self._offsets[index + 1]]
        return torch.from_numpy(np.array(bits)).view(torch.bfloat16)


def cached_token_states(
    windows: Sequence[TokenWindow],
    lower: Any,
    tokenizer: Any,
    cache_dir: Path,
    identity: str,
    batch_size: int = 8,
) -> TokenStates:
    """Return the states of the windows' tokens after the frozen layers, from the cache if there.

    Args:
        windows: of tokens.
        lower: the lower part from `split_encoder`.
        tokenizer: the encoder's.
        cache_dir: folder of the cache; the file's name depends on identity, layers and windows.
        identity: identifies the weights, for example their checksum.
        batch_size: windows per forward pass.
    """
    ids = [window.input_ids for window in windows]
    key = json.dumps([identity, len(lower.encoder.layer), ids])
    path = cache_dir / f"states-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    if path.is_file():
        return TokenStates(path, windows)
    offsets = np.concatenate([[0], np.cumsum([len(i) for i in ids])])
    size = (int(offsets[-1]), lower.config.hidden_size)
    logger.warning(f"Computing the frozen states of {size[0]:,} tokens once: {path}")
    with written_whole(cache_dir) as unfinished:
        file = unfinished / path.name
        bits = np.lib.format.open_memmap(file, mode="w+", dtype=np.int16, shape=size)
        if hasattr(os, "posix_fallocate"):
            # The file is sparse: running out of disk while writing to it would kill the process.
            with file.open("r+b") as opened:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
        order = sorted(range(len(windows)), key=lambda i: -len(ids[i]))
        device = next(lower.parameters()).device
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            tokens, _ = pad_windows([windows[i] for i in chosen], tokenizer)
            tokens = {name: tensor.to(device) for name, tensor in tokens.items()}
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
                states = lower(**tokens).last_hidden_state
            for i, rows in zip(chosen, states.to(torch.bfloat16).cpu(), strict=True):
                bits[offsets[i] : offsets[i + 1]] = rows[: len(ids[i])].view(torch.int16).numpy()
        bits.flush()
        del bits
    return TokenStates(path, windows)


__all__ = ["TokenStates", "cached_token_states", "split_encoder"]
