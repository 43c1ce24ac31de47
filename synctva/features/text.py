"""Text features: frozen embeddings, or tokens for a text backbone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import datasets
import numpy as np
from datasets import Dataset, DatasetDict, Features, List, Value
from transformers.utils import logging

from synctva.files import written_whole
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.conversation_padding import TOKEN_FIELDS
from synctva.modeling_synctva.text_encoder import READING
from synctva.modeling_synctva.text_reading import (
    MULTILINGUAL,
    language_name,
    languages_of,
    spoken,
    unlearnt,
)
from synctva.modeling_synctva.text_windows import contextual_tokens

logger = logging.get_logger(__name__)

JUDGED = 100
"""Conversations of the first split whose language is looked at."""


class Encoder(Protocol):
    """The part of a `TextEncoder` that `add_text_features` uses."""

    spec: dict[str, Any]
    width: int

    def encode(self, texts: list[str]) -> np.ndarray:
        """Embed N texts as (N, width) float32."""


def add_text_features(
    data: DatasetDict, *sources: Encoder | DatasetDict, cache_dir: str | Path | None = None
) -> DatasetDict:
    """Give every conversation a `text_features` column, (N, width) float32.

    The features of several sources are concatenated, so that their widths add up. Each distinct
    text is embedded once. The embeddings are cached on disk under a checksum of the encoder and the
    texts; an encoder that reads context embeds whole conversations every time. An empty text is
    masked and its features are 0.

    Args:
        data: splits with the columns `dialogue_id`, `texts` and `modality_mask`.
        sources: a `TextEncoder`, or a feature set of the same conversations, whose text features
            are copied. (Cross-fitted features cannot come from a single encoder.)
        cache_dir: default: `synctva` in the cache directory of `datasets`.

    Raises:
        ValueError: a feature set has no text features, lacks one of the conversations, or has other
            texts for it.
    """
    for source in sources:
        if not isinstance(source, DatasetDict):
            _warn_of_languages(next(iter(data.values())), source.spec)
    found = [_text_features(data, source, cache_dir) for source in sources]
    joined = {
        name: [np.concatenate(own, 1) for own in zip(*(f[name] for f in found), strict=True)]
        for name in data
    }
    return DatasetDict(
        {name: with_text_features(split, joined[name]) for name, split in data.items()}
    )


def _text_features(
    data: DatasetDict, source: Encoder | DatasetDict, cache_dir: str | Path | None
) -> dict[str, list[np.ndarray]]:
    """Return (N, D) for each conversation from one source, by split."""
    if isinstance(source, DatasetDict):
        return {name: _copied(source, name, split) for name, split in data.items()}
    if source.spec.get("context") is None:
        return _encode_once(data, source, cache_dir)
    return {name: encode_split(source, split) for name, split in data.items()}


def _warn_of_languages(split: Dataset, spec: Mapping[str, Any]) -> None:
    """Warn if texts seem to be in a language that the encoder has not learnt."""
    languages = languages_of(spec)
    if languages is None:
        return
    rows = split.select(range(min(len(split), JUDGED))).select_columns(["dialogue_id", "texts"])
    unread = {row["dialogue_id"]: unlearnt(row["texts"], languages) for row in rows}
    unread = {name: [s for s in seems if s] for name, seems in unread.items() if any(seems)}
    if unread:
        name, seems = next(iter(unread.items()))
        known = " or ".join(language_name(code) for code in languages)
        logger.warning(
            f"{len(unread)} of the first {len(rows)} conversations, such as {name!r}, have texts "
            f"that seem to be {seems[0]}: expected {known}, which text encoder {spec['name']} has "
            f"learnt. An encoder of other languages is {MULTILINGUAL}"
        )


def _copied(source: DatasetDict, name: str, split: Dataset) -> list[np.ndarray]:
    """Return (N, D) for each conversation of a split, copied from a feature set."""
    kept = source.get(name)
    if kept is None or "text_features" not in kept.column_names:
        raise ValueError(f"the feature set has no text features for the split {name!r}")
    rows = dict(zip(kept["dialogue_id"], range(len(kept)), strict=True))
    vectors = []
    for conversation, texts in zip(split["dialogue_id"], split["texts"], strict=True):
        row = kept[rows[conversation]] if conversation in rows else None
        if row is None or row["texts"] != texts:
            raise ValueError(
                f"{name} conversation {conversation!r}: expected the feature set to have it, with "
                "the same texts"
            )
        vectors.append(np.asarray(row["text_features"], dtype=np.float32))
    return vectors


def _encode_once(
    data: DatasetDict, encoder: Encoder, cache_dir: str | Path | None
) -> dict[str, list[np.ndarray]]:
    """Embed each distinct text once; return (N, D) for each conversation, by split.

    The rows of empty texts are 0.
    """
    texts = sorted({text for split in data.values() for row in split["texts"] for text in row})
    texts = [text for text in texts if text.strip()]
    vectors = _cached_embeddings(texts, encoder, cache_dir)
    vectors = np.concatenate([vectors, np.zeros((1, encoder.width), dtype=np.float32)])
    position = {text: index for index, text in enumerate(texts)}
    return {
        name: [vectors[[position.get(text, -1) for text in row]] for row in split["texts"]]
        for name, split in data.items()
    }


def encode_split(encoder: Any, split: Dataset) -> list[np.ndarray]:
    """Return (N, D) for each conversation of a split, by an encoder that reads context."""
    rows = split.select_columns(["texts", "speakers"])
    return encoder.encode_conversations([(row["texts"], row["speakers"]) for row in rows])


def with_text_features(data: Dataset, vectors: Sequence[np.ndarray]) -> Dataset:
    """Return a split with these `text_features`, in which empty texts are masked.

    Args:
        data: conversations with `texts` and `modality_mask`.
        vectors: (N, D) for each conversation.
    """
    column = List(List(Value("float32"), length=vectors[0].shape[1]))

    def add(row: dict[str, Any], index: int) -> dict[str, Any]:
        spoken = [bool(text.strip()) for text in row["texts"]]
        return {
            "text_features": np.where(np.array(spoken)[:, None], vectors[index], 0.0),
            "modality_mask": [
                [here, *mask[1:]] for here, mask in zip(spoken, row["modality_mask"], strict=True)
            ],
        }

    return data.map(
        add,
        with_indices=True,
        features=Features({**data.features, "text_features": column}),
        # Cheap to compute again, whereas a cache key would need a hash of all features.
        keep_in_memory=True,
        load_from_cache_file=False,
        desc="Text features",
    )


def add_text_tokens(data: DatasetDict, tokenizer: Any, config: SyncTVAConfig) -> DatasetDict:
    """Give every conversation the token columns that a text backbone reads.

    Args:
        data: splits with the columns `texts`, `speakers` and `modality_mask`.
        tokenizer: the backbone's.
        config: gives the turns of context and the number of tokens, see `contextual_tokens`.

    Raises:
        ValueError: there is no tokenizer, as in a processor that is not the model's.
    """
    if tokenizer is None:
        raise ValueError(
            f"tokenizer = None: expected that of {config.text_backbone}, which the model's "
            "processor holds"
        )

    def tokenise(row: dict[str, Any]) -> dict[str, Any]:
        arrays = contextual_tokens(
            row["texts"],
            row["speakers"],
            tokenizer,
            config.text_context_past,
            config.text_context_future,
            config.text_max_length,
        )
        mask = [
            [bool(text.strip()), *others[1:]]
            for text, others in zip(row["texts"], row["modality_mask"], strict=True)
        ]
        return {**dict(zip(TOKEN_FIELDS, arrays, strict=True)), "modality_mask": mask}

    return DatasetDict(
        {
            name: split.map(
                tokenise, keep_in_memory=True, load_from_cache_file=False, desc=f"Tokens ({name})"
            )
            for name, split in data.items()
        }
    )


def _cached_embeddings(
    texts: list[str], encoder: Encoder, cache_dir: str | Path | None
) -> np.ndarray:
    """Return (n, width) embeddings of distinct texts, from the cache if they are in it."""
    directory = Path(cache_dir or Path(datasets.config.HF_DATASETS_CACHE) / "synctva")
    key = json.dumps([READING, encoder.spec, [spoken(text) for text in texts]], sort_keys=True)
    path = directory / f"text-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"
    if path.is_file():
        vectors = np.load(path, allow_pickle=False)
        if vectors.shape == (len(texts), encoder.width):
            logger.info(f"Text features read from {path}")
            return vectors
    logger.warning(f"Embedding {len(texts)} distinct texts with {encoder.spec.get('name')}")
    vectors = np.zeros((0, encoder.width), dtype=np.float32)
    if texts:
        vectors = np.asarray(encoder.encode(texts), dtype=np.float32)
    with written_whole(directory) as unfinished:
        np.save(unfinished / path.name, vectors)
    return vectors


__all__ = ["add_text_features", "add_text_tokens", "encode_split", "with_text_features"]
