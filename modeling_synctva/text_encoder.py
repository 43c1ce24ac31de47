"""Texts → vectors, with the frozen sentence encoder that a checkpoint names."""

from __future__ import annotations

import functools
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from .text_weights import MINILM_NAME, MINILM_SHA256, locate_weights
from .text_windows import conversation_windows, pad_windows, pool_windows

logger = logging.getLogger(__name__)

MINILM_SPEC: dict[str, Any] = {
    "name": MINILM_NAME,
    # The checksum pins the weights more tightly than a revision, and holds for every source.
    "revision": None,
    "sha256": MINILM_SHA256,
    "pooling": "mean",
    "normalize": False,
    "max_length": 256,
    # The embeddings and all six layers: the upper ones know topics best, the lower ones words and
    # punctuation, and emotion needs both (logistic regression on MELD's utterances alone: weighted
    # F1 on dev 49.9 from the last layer, 55.4 from all seven).
    "layers": [0, 1, 2, 3, 4, 5, 6],
    "width": 7 * 384,
}
"""The default text encoder: a small frozen sentence encoder, 7 x 384 numbers an utterance."""

_DEFAULTS: dict[str, Any] = {
    "revision": None,
    "sha256": None,
    "pooling": "mean",
    "normalize": False,
    "max_length": 256,
    "layers": None,
    "width": None,
    "context": None,
}

CONTEXT_FIELDS = ("tokens", "past", "future", "turn")
"""What the `context` of a spec says, see `conversation_windows`."""

_POOLINGS = ("mean", "cls")


class TextEncoder:
    """A frozen sentence encoder.

    Attributes:
        spec: what was asked for, with defaults filled in:
            `name`: Hub name or folder of the encoder; `revision` of it, None for the newest;
            `sha256`: checksum that its `model.safetensors` must have, None to skip the check;
            `pooling`: "mean" over the tokens, or "cls"; `normalize`: divide by the Euclidean norm;
            `max_length`: tokens read of each text; `layers`: hidden states to concatenate, 0 being
            the embeddings, None for the last alone; `width`: numbers a text, None for no check;
            `context`: None for an encoder of single texts, or {"tokens", "past", "future", "turn"}
            for one that reads a conversation window by window, see `conversation_windows`, and
            whose `pooling` is then the mean over an utterance's own tokens.
        width: numbers a text.

    Example:
        >>> encoder = TextEncoder.from_spec(MINILM_SPEC)  # doctest: +SKIP
        >>> encoder.encode(["That is wonderful!", "Oh."]).shape  # doctest: +SKIP
        (2, 2688)
    """

    def __init__(self, spec: Mapping[str, Any], model: Any, tokenizer: Any):
        self.spec = {**_DEFAULTS, **spec}
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        layers = self.spec["layers"]
        depth = model.config.num_hidden_layers
        if layers is not None and not (layers and all(0 <= layer <= depth for layer in layers)):
            raise ValueError(f"text encoder layers = {layers!r}: expected some of 0 to {depth}")
        self.width: int = model.config.hidden_size * len(layers or [depth])
        if self.spec["pooling"] not in _POOLINGS:
            raise ValueError(
                f"text encoder pooling = {self.spec['pooling']!r}: expected one of {_POOLINGS}"
            )
        context = self.spec["context"]
        if context is not None and (
            set(context) != set(CONTEXT_FIELDS) or self.spec["pooling"] != "mean"
        ):
            raise ValueError(
                f"text encoder context = {context!r}, pooling = {self.spec['pooling']!r}: expected "
                f"{CONTEXT_FIELDS} and pooling 'mean', or no context"
            )
        if self.spec["width"] not in (None, self.width):
            raise ValueError(
                f"text encoder {self.spec['name']} has width {self.width}: "
                f"expected {self.spec['width']}"
            )

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> TextEncoder:
        """The encoder of this spec, loaded once a process.

        Tried in this order: a local folder of that name; the Hub's cache; an installed package
        that ships those very weights; the Hub, unless offline.

        Raises:
            ValueError: the spec has an unknown or missing field, or the weights' checksum
                or width differs.
            OSError: none of the sources has it; the message says how to get it.
        """
        unknown = sorted(set(spec) - {"name", *_DEFAULTS})
        if "name" not in spec or unknown:
            raise ValueError(
                f"text encoder spec {dict(spec)!r}: expected a name, and of {sorted(_DEFAULTS)} any"
            )
        with _LOADING:
            return _load(json.dumps({**_DEFAULTS, **spec}, sort_keys=True))

    @torch.no_grad()
    def encode(
        self, texts: Sequence[str], batch_size: int = 64, device: torch.device | str | None = None
    ) -> np.ndarray:
        """Embed texts.

        Args:
            texts: n strings. An empty one gets the embedding of nothing: mask it.
            batch_size: texts a forward pass; they are sorted by length, so little is padding.
            device: where to compute; default: where the encoder is.

        Returns:
            (n, width) float32.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts = {texts!r}: expected a list of strings")
        if self.spec["context"] is not None:
            raise ValueError(
                f"text encoder {self.spec['name']} reads texts within their conversation: expected "
                "encode_conversations"
            )
        if device is not None:
            self.model.to(device)
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            tokens = self.tokenizer(
                [texts[i] for i in chosen],
                padding=True,
                truncation=True,
                max_length=self.spec["max_length"],
                return_tensors="pt",
            ).to(self.model.device)
            states = self.model(**tokens, output_hidden_states=True).hidden_states
            layers = self.spec["layers"] or [-1]
            stacked = torch.cat([states[layer] for layer in layers], -1).float()  # (b, L, D)
            vectors[chosen] = self._pool(stacked, tokens["attention_mask"]).cpu().numpy()
        return vectors

    @torch.no_grad()
    def encode_conversations(
        self,
        conversations: Sequence[tuple[Sequence[str], Sequence[str | None] | None]],
        batch_size: int = 8,
        device: torch.device | str | None = None,
    ) -> list[np.ndarray]:
        """Embed every utterance, within its conversation where the encoder reads context.

        Args:
            conversations: texts and speakers of each.
            batch_size: windows a forward pass; without context, eight times as many texts.
            device: where to compute; default: where the encoder is.

        Returns:
            (N, width) float32 for each conversation of N utterances.
        """
        if self.spec["context"] is None:
            texts = [text for texts, _ in conversations for text in texts]
            flat = self.encode(texts, 8 * batch_size, device)
            return np.split(flat, np.cumsum([len(texts) for texts, _ in conversations])[:-1])
        if device is not None:
            self.model.to(device)
        windows = [
            (i, window)
            for i, (texts, speakers) in enumerate(conversations)
            for window in conversation_windows(
                texts, speakers, self.tokenizer, **self.spec["context"]
            )
        ]
        windows.sort(key=lambda item: -len(item[1].input_ids))
        vectors = [np.zeros((len(texts), self.width), np.float32) for texts, _ in conversations]
        layers = self.spec["layers"] or [-1]
        for first in range(0, len(windows), batch_size):
            batch = windows[first : first + batch_size]
            tokens, owners = pad_windows([window for _, window in batch], self.tokenizer)
            tokens = {name: tensor.to(self.model.device) for name, tensor in tokens.items()}
            states = self.model(**tokens, output_hidden_states=True).hidden_states
            stacked = torch.cat([states[layer] for layer in layers], -1).float()
            size = max(window.stop - window.start for _, window in batch)
            pooled = pool_windows(stacked, owners.to(stacked.device), size)
            if self.spec["normalize"]:
                pooled = torch.nn.functional.normalize(pooled, dim=-1)
            for (i, window), values in zip(batch, pooled.cpu().numpy(), strict=True):
                vectors[i][window.start : window.stop] = values[: window.stop - window.start]
        return vectors

    def _pool(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(b, L, D), (b, L) → (b, D)."""
        if self.spec["pooling"] == "cls":
            pooled = states[:, 0]
        else:
            weights = mask[..., None].to(states.dtype)
            pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=-1) if self.spec["normalize"] else pooled

    def __deepcopy__(self, memo: dict) -> TextEncoder:
        return self  # frozen: copying a processor must not copy the weights


_LOADING = threading.Lock()  # of threads that all come first, one loads


@functools.lru_cache(maxsize=4)
def _load(key: str) -> TextEncoder:
    spec = json.loads(key)
    folder, source = locate_weights(spec)
    logger.info(f"text encoder {spec['name']} loaded from {source}: {folder}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    return TextEncoder(spec, model, tokenizer)


__all__ = ["CONTEXT_FIELDS", "MINILM_SPEC", "TextEncoder"]
