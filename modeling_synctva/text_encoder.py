"""Embed texts with the frozen sentence encoder that a checkpoint names."""

from __future__ import annotations

import copy
import functools
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from .text_reading import spoken
from .text_weights import MINILM_NAME, MINILM_SHA256, locate_weights
from .text_windows import conversation_windows, pad_windows, pool_windows

logger = logging.getLogger(__name__)

MINILM_SPEC: dict[str, Any] = {
    "name": MINILM_NAME,
    # The checksum identifies the weights from any source; a revision exists only on the Hub.
    "revision": None,
    "sha256": MINILM_SHA256,
    "pooling": "mean",
    "normalize": False,
    "max_length": 256,
    # The embeddings and all six layers: upper layers represent topics, lower ones words and
    # punctuation, and emotion needs both. (Weighted F1 on MELD's dev of a logistic regression on
    # single utterances: 49.9 from the last layer, 55.4 from all seven.)
    "layers": [0, 1, 2, 3, 4, 5, 6],
    "width": 7 * 384,
    "languages": ["en"],
}
"""The default text encoder: a small sentence encoder with 7 x 384 features per utterance."""

_DEFAULTS: dict[str, Any] = {
    "revision": None,
    "sha256": None,
    "pooling": "mean",
    "normalize": False,
    "max_length": 256,
    "layers": None,
    "width": None,
    "context": None,
    "languages": None,
}

READING = 2
"""Version of how a text is read, for the keys of cached embeddings: emoji as words, and all of a
long text."""

CONTEXT_FIELDS = ("tokens", "past", "future", "turn")
"""The fields of a spec's `context`, see `conversation_windows`."""

_POOLINGS = ("mean", "cls")

PRECISIONS = ("auto", "float32")
"""How precisely a text encoder may compute: "auto" is bfloat16 where that is fast and safe."""

AGREEMENT = 0.9999
"""Least cosine between embeddings in bfloat16 and in float32 with which bfloat16 is used."""

_SAMPLE = (
    "No.",
    "I never thought that you would call me back, not after all these years!",
    "We could take the early train and be there before the others, if you like.",
    "What do you mean, it is gone? I left it here on the table ten minutes ago.",
)
"""Texts whose embeddings in both precisions are compared."""


class TextEncoder:
    """A frozen sentence encoder.

    Attributes:
        spec: the spec, including defaults:
            `name`: Hub name or folder of the encoder; `revision`: None for the newest;
            `sha256`: expected checksum of its `model.safetensors`, None to skip the check;
            `pooling`: "mean" over the tokens, or "cls"; `normalize`: whether to divide by the
            Euclidean norm; `max_length`: maximal number of tokens that are read at once; a longer
            text is read in windows of that length, whose embeddings are averaged, weighted by their
            tokens; `layers`: hidden
            states to concatenate, where 0 is the embeddings, None for the last one only; `width`:
            expected number of features, None to skip the check; `context`: None for an encoder of
            single texts, or {"tokens", "past", "future", "turn"} for one that reads conversations
            in windows, see `conversation_windows`. Its `pooling` must then be "mean", over the
            tokens of each utterance; `languages`: ISO 639-1 codes of those it has learnt, None if
            they are not known, see `languages_of`. Emoji are read as words, see `spoken`.
        width: number of features of a text.

    Example:
        >>> encoder = TextEncoder.from_spec(MINILM_SPEC)  # doctest: +SKIP
        >>> encoder.encode(["That is wonderful!", "Oh."]).shape  # doctest: +SKIP
        (2, 2688)
    """

    def __init__(self, spec: Mapping[str, Any], model: Any, tokenizer: Any):
        self.spec = {**_DEFAULTS, **spec}
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self._agrees: bool | None = None  # whether bfloat16 can be used, once it is known
        layers = self.spec["layers"]
        depth = model.config.num_hidden_layers
        if layers is not None and not (layers and all(0 <= layer <= depth for layer in layers)):
            raise ValueError(
                f"text encoder layers = {layers!r}: expected None, or some of 0 to {depth}"
            )
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
        """Return the encoder of this spec, loaded once per process.

        It is searched for in this order: a local folder of that name; the Hub's cache; an installed
        package with the same weights; the Hub, unless offline.

        Args:
            spec: see the class; only `name` is required.

        Raises:
            ValueError: the spec has an unknown field or no name, or the checksum or width differs.
            OSError: the encoder was not found; the message says how to get it.
        """
        unknown = sorted(set(spec) - {"name", *_DEFAULTS})
        if "name" not in spec or unknown:
            raise ValueError(
                f"text encoder spec = {dict(spec)!r}: expected name, and any of {sorted(_DEFAULTS)}"
            )
        with _LOADING:
            return _load(json.dumps({**_DEFAULTS, **spec}, sort_keys=True))

    @property
    def fast_precision(self) -> str:
        """ "bfloat16" if embeddings in bfloat16 are faster here and nearly equal, or "float32".

        The former needs a CPU that multiplies such numbers itself. Then a few texts are embedded in
        both precisions, once, and must agree, see `AGREEMENT`. The weights of linear maps are
        rounded, and nothing else.
        """
        if self.model.device.type != "cpu":
            return "float32"
        if self._agrees is None:
            self._agrees = _multiplies_bfloat16() and self._agreement() >= AGREEMENT
        return "bfloat16" if self._agrees else "float32"

    @torch.no_grad()
    def encode(
        self,
        texts: Sequence[str],
        batch_size: int = 64,
        device: torch.device | str | None = None,
        precision: str = "float32",
    ) -> np.ndarray:
        """Embed texts.

        Args:
            texts: n strings. The embedding of an empty one means nothing: mask it.
            batch_size: texts per forward pass. They are sorted by length, to keep padding short.
            device: where to compute; default: where the encoder is.
            precision: "float32", or "bfloat16", see `fast_precision`.

        Returns:
            (n, width) float32.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts = {texts!r}: expected a list of strings")
        if self.spec["context"] is not None:
            raise ValueError(
                f"text encoder {self.spec['name']} reads whole conversations: expected "
                "encode_conversations"
            )
        if device is not None:
            self.model.to(device)
        texts = [spoken(text) for text in texts]
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        counts = np.zeros((len(texts), 1), dtype=np.float32)  # tokens read so far
        further: list[tuple[int, dict[str, torch.Tensor]]] = []  # windows after a text's first
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            tokens = self.tokenizer(
                [texts[i] for i in chosen],
                padding=True,
                truncation=True,
                max_length=self.spec["max_length"],
                return_overflowing_tokens=True,
                return_tensors="pt",
            )
            rows = tokens.pop("overflow_to_sample_mapping").tolist()
            first = [rows.index(row) for row in range(len(chosen))]
            counts[chosen, 0] = tokens["attention_mask"][first].sum(-1).numpy()
            vectors[chosen] = self._embed({name: t[first] for name, t in tokens.items()}, precision)
            # In batches of their own, so that texts that fit are computed as if all did.
            further += [
                (chosen[row], {name: t[i] for name, t in tokens.items()})
                for i, row in enumerate(rows)
                if i != first[row]
            ]
        for start in range(0, len(further), batch_size):
            batch = further[start : start + batch_size]
            windows = {name: torch.stack([own[name] for _, own in batch]) for name in batch[0][1]}
            sizes = windows["attention_mask"].sum(-1).tolist()
            for (i, _), size, vector in zip(
                batch, sizes, self._embed(windows, precision), strict=True
            ):
                counts[i] += size
                vectors[i] += (vector - vectors[i]) * (size / counts[i])
        if self.spec["normalize"]:
            return torch.nn.functional.normalize(torch.from_numpy(vectors), dim=-1).numpy()
        return vectors

    @torch.no_grad()
    def encode_conversations(
        self,
        conversations: Sequence[tuple[Sequence[str], Sequence[str | None] | None]],
        batch_size: int = 8,
        device: torch.device | str | None = None,
        precision: str = "float32",
    ) -> list[np.ndarray]:
        """Embed every utterance, together with its conversation if the encoder reads context.

        Args:
            conversations: the texts and the speakers of each conversation.
            batch_size: windows per forward pass; without context, four times as many texts.
            device: where to compute; default: where the encoder is.
            precision: "float32", or "bfloat16", see `fast_precision`.

        Returns:
            (N, width) float32 for each conversation of N utterances.
        """
        if self.spec["context"] is None:
            texts = [text for texts, _ in conversations for text in texts]
            flat = self.encode(texts, 4 * batch_size, device, precision)
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
        for first in range(0, len(windows), batch_size):
            batch = windows[first : first + batch_size]
            tokens, owners = pad_windows([window for _, window in batch], self.tokenizer)
            tokens = {name: tensor.to(self.model.device) for name, tensor in tokens.items()}
            joined = self._join(self._hidden_states(tokens, precision))
            size = max(window.stop - window.start for _, window in batch)
            pooled = pool_windows(joined, owners.to(joined.device), size)
            if self.spec["normalize"]:
                pooled = torch.nn.functional.normalize(pooled, dim=-1)
            for (i, window), values in zip(batch, pooled.cpu().numpy(), strict=True):
                vectors[i][window.start : window.stop] = values[: window.stop - window.start]
        return vectors

    def _join(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Concatenate the spec's layers. -> (b, L, D)"""
        return torch.cat([states[layer] for layer in self.spec["layers"] or [-1]], -1).float()

    def _hidden_states(
        self, tokens: Mapping[str, torch.Tensor], precision: str
    ) -> Sequence[torch.Tensor]:
        """Return the embeddings and the states after each layer, (b, L, D) each."""
        if precision == "float32":
            return self.model(**tokens, output_hidden_states=True).hidden_states
        # Without the cache, because the weights are rounded already.
        with torch.autocast(self.model.device.type, torch.bfloat16, cache_enabled=False):
            return self._rounded(**tokens, output_hidden_states=True).hidden_states

    @functools.cached_property
    def _rounded(self) -> Any:
        """The model with linear maps in bfloat16; what is not rounded is shared."""
        linear = [m for m in self.model.modules() if isinstance(m, torch.nn.Linear)]
        rounded = {id(p) for module in linear for p in module.parameters()}
        shared = {id(p): p for p in self.model.parameters() if id(p) not in rounded}
        model = copy.deepcopy(self.model, shared)
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.to(torch.bfloat16)
        return model

    def _agreement(self) -> float:
        """Return the least cosine between embeddings of `_SAMPLE` in both precisions."""
        sample = [(_SAMPLE, None)]
        exact, fast = (
            torch.from_numpy(self.encode_conversations(sample, precision=precision)[0])
            for precision in ("float32", "bfloat16")
        )
        return float(torch.cosine_similarity(exact, fast, dim=-1).min())

    def _embed(self, tokens: Mapping[str, torch.Tensor], precision: str) -> np.ndarray:
        """Read a batch of texts, (b, L) tokens, and pool the tokens of each. -> (b, D)"""
        tokens = {name: tensor.to(self.model.device) for name, tensor in tokens.items()}
        states = self._join(self._hidden_states(tokens, precision))
        if self.spec["pooling"] == "cls":
            return states[:, 0].cpu().numpy()
        weights = tokens["attention_mask"][..., None].to(states.dtype)
        return ((states * weights).sum(1) / weights.sum(1).clamp(min=1)).cpu().numpy()

    def __deepcopy__(self, memo: dict) -> TextEncoder:
        return self  # copying a processor must not copy frozen weights


def _multiplies_bfloat16() -> bool:
    """Return whether the CPU has instructions for it; torch before 2.10 does not say."""
    known: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(name) for name in ("avx512_bf16", "amx_bf16"))


_LOADING = threading.Lock()  # so that concurrent threads load an encoder only once


@functools.lru_cache(maxsize=4)
def _load(key: str) -> TextEncoder:
    spec = json.loads(key)
    folder, source = locate_weights(spec)
    logger.info(f"text encoder {spec['name']} loaded from {source}: {folder}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    return TextEncoder(spec, model, tokenizer)


__all__ = ["CONTEXT_FIELDS", "MINILM_SPEC", "PRECISIONS", "TextEncoder"]
