"""Raw or pre-extracted conversations → the tensors that the model reads."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, BatchFeature
from transformers.processing_utils import ProcessorMixin

from .configuration_synctva import AUTO_MAP, MODALITIES
from .padding_synctva import TOKEN_FIELDS, pad_conversations
from .text_encoder_synctva import TextEncoder
from .text_tokens_synctva import contextual_tokens

UTTERANCE_FIELDS = ("text", "speaker", *(f"{name}_features" for name in MODALITIES))
"""What an utterance may carry when it is a dictionary."""

TOKENIZER_FOLDER = "text_tokenizer"
"""Subfolder of a checkpoint that holds the tokenizer of a text backbone, if it has one."""

_COLUMNS = ("texts", "speakers", "utterance_ids", "modality_mask", "labels", "dialogue_id")


class SyncTVAProcessor(ProcessorMixin):
    """Conversations in, padded tensors out; saved as one `processor_config.json`.

    Args:
        text_dim, visual_dim, audio_dim: width of each modality's features, as in the model's
            config; None where the checkpoint was not trained with that modality, which is then
            masked even if it is given.
        text_encoder: specification of the frozen encoder that embeds texts, see `TextEncoder`;
            None where text comes as `text_features` or as tokens.
        audio_features: names of the audio measures in order, so that an utterance may give them by
            name; None where they are only given as vectors.
        text_tokens: for a text backbone trained end to end, {"name": its tokenizer's Hub name or
            folder, "past": turns, "future": turns, "max_length": tokens}; None otherwise.

    Example:
        >>> processor = SyncTVAProcessor(text_dim=2, audio_dim=None, visual_dim=None)
        >>> batch = processor([[{"text_features": [0.0, 1.0], "speaker": "Ann"}]])
        >>> batch["text_features"].shape
        torch.Size([1, 1, 2])
    """

    def __init__(
        self,
        text_dim: int | None = 384,
        visual_dim: int | None = 263,
        audio_dim: int | None = 8,
        text_encoder: dict[str, Any] | None = None,
        audio_features: list[str] | None = None,
        text_tokens: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.text_dim = text_dim
        self.visual_dim = visual_dim
        self.audio_dim = audio_dim
        self.text_encoder = text_encoder
        self.audio_features = None if audio_features is None else list(audio_features)
        self.text_tokens = text_tokens
        self.auto_map = {"AutoProcessor": AUTO_MAP["AutoProcessor"]}
        self._text_tokenizer: Any = None
        self._check_fields()

    def _check_fields(self) -> None:
        for modality, width in self.widths.items():
            if width is not None and (not isinstance(width, int) or width < 1):
                raise ValueError(
                    f"SyncTVAProcessor.{modality}_dim = {width!r}: expected an integer of at "
                    "least 1, or None"
                )
        if self.audio_features is not None and len(self.audio_features) != self.audio_dim:
            raise ValueError(
                f"SyncTVAProcessor.audio_features has {len(self.audio_features)} names: expected "
                f"audio_dim = {self.audio_dim}"
            )
        encoder = self.text_encoder or {}
        if encoder.get("width") is not None and self.text_dim not in (None, encoder["width"]):
            raise ValueError(
                f"SyncTVAProcessor.text_dim = {self.text_dim}: expected {encoder['width']}, the "
                f"width of text_encoder {encoder.get('name')!r}"
            )
        expected = {"name", "past", "future", "max_length"}
        if self.text_tokens is not None and set(self.text_tokens) != expected:
            raise ValueError(
                f"SyncTVAProcessor.text_tokens = {self.text_tokens!r}: expected {sorted(expected)}"
            )

    @property
    def widths(self) -> dict[str, int | None]:
        """Feature width by modality, in the order text, visual, audio."""
        return {"text": self.text_dim, "visual": self.visual_dim, "audio": self.audio_dim}

    @property
    def model_input_names(self) -> list[str]:
        return [
            *(f"{name}_features" for name in MODALITIES),
            *TOKEN_FIELDS,
            "attention_mask",
            "modality_mask",
            "speaker_ids",
        ]

    def __call__(
        self,
        conversations: Sequence[Any],
        device: torch.device | str | None = None,
        first_index: int = 0,
    ) -> BatchFeature:
        """Embed texts, build masks and pad.

        Args:
            conversations: B conversations, each either a list of utterances (a string, or a
                dictionary with any of `text`, `speaker`, `text_features`, `visual_features`,
                `audio_features`), or a mapping of columns as a row of `datasets` gives it
                (`texts`, `speakers`, ...; see `pad_conversations`).
            device: where the frozen text encoder computes; default: where it is.
            first_index: number of the first conversation, in error messages.

        Returns:
            What `pad_conversations` returns, ready for the model's `forward`.

        Raises:
            ValueError: a bare string, an empty conversation, one with no modality at all, or what
                `pad_conversations` refuses. One utterance without any modality is fine: it is
                answered from its context.
        """
        if isinstance(conversations, str | Mapping):
            raise ValueError(
                f"conversations is one {type(conversations).__name__}: expected a list of "
                "conversations, each a list of utterances"
            )
        rows = [
            self._row(conversation, f"conversation {first_index + i}")
            for i, conversation in enumerate(conversations)
        ]
        if self.text_tokens is not None:
            for row in rows:
                self._add_tokens(row, self.text_tokens)
        elif self.text_encoder is not None:
            self._add_text_features(rows, self.text_encoder, device)
        widths = {name: width for name, width in self.widths.items() if width is not None}
        pad_token_id = 0
        if self.text_tokens is not None and self.text_tokenizer.pad_token_id is not None:
            pad_token_id = self.text_tokenizer.pad_token_id
        batch = pad_conversations(rows, widths, pad_token_id=pad_token_id, first_index=first_index)
        present = batch["modality_mask"].flatten(1).any(-1)  # (B,)
        if not present.all():
            index = first_index + int((~present).long().argmax())
            raise ValueError(
                f"conversation {index} has no modality at all: expected at least one utterance "
                f"with one of {self._readable()}"
            )
        return BatchFeature(batch)

    def _readable(self) -> list[str]:
        """What this processor can make use of, for error messages."""
        names = [f"{name}_features" for name, width in self.widths.items() if width is not None]
        reads_text = self.text_encoder is not None or self.text_tokens is not None
        return ["text", *names] if reads_text else names

    def _row(self, conversation: Any, name: str) -> dict[str, Any]:
        """One conversation as columns, without what the checkpoint cannot use."""
        if isinstance(conversation, str):
            raise ValueError(
                f"{name} = {conversation!r}: expected a list of utterances, such as "
                f"[{conversation!r}]"
            )
        if isinstance(conversation, Mapping):
            row = dict(conversation)
        elif isinstance(conversation, Sequence):
            row = self._columns(conversation, name)
        else:
            raise ValueError(
                f"{name} is {type(conversation).__name__}: expected a list of utterances"
            )
        if row.get("texts") is not None:
            row["texts"] = list(row["texts"])
            for t, text in enumerate(row["texts"]):
                if text is not None and not isinstance(text, str):
                    raise ValueError(f"{name}, utterance {t}, text = {text!r}: expected a string")
        for modality, width in self.widths.items():
            if width is None:
                row.pop(f"{modality}_features", None)
        if self.text_tokens is not None:
            row.pop("text_features", None)
        return row

    def _columns(self, utterances: Sequence[Any], name: str) -> dict[str, Any]:
        """A list of utterances as columns."""
        if not len(utterances):
            raise ValueError(f"{name} is empty: expected at least one utterance")
        items = []
        for t, utterance in enumerate(utterances):
            item = {"text": utterance} if isinstance(utterance, str) else utterance
            if not isinstance(item, Mapping) or not item or set(item) - set(UTTERANCE_FIELDS):
                raise ValueError(
                    f"{name}, utterance {t} = {utterance!r}: expected a string or a dictionary "
                    f"with any of {UTTERANCE_FIELDS}"
                )
            items.append(dict(item))
        for t, item in enumerate(items):
            if isinstance(item.get("audio_features"), Mapping):
                item["audio_features"] = self._measures(
                    item["audio_features"], f"{name}, utterance {t}, audio_features"
                )
        row: dict[str, Any] = {
            "texts": [item.get("text") for item in items],
            "speakers": [item.get("speaker") for item in items],
        }
        for modality in MODALITIES:
            field = f"{modality}_features"
            if any(item.get(field) is not None for item in items):
                row[field] = [item.get(field) for item in items]
        return row

    def _measures(self, values: Mapping[str, float], name: str) -> list[float]:
        """Audio measures by name → in order."""
        if self.audio_features is None:
            raise ValueError(f"{name} is given by name: expected a vector of {self.audio_dim}")
        if set(values) != set(self.audio_features):
            raise ValueError(
                f"{name} has {sorted(values)}: expected exactly {sorted(self.audio_features)}"
            )
        return [values[measure] for measure in self.audio_features]

    def _add_text_features(
        self,
        rows: list[dict[str, Any]],
        spec: Mapping[str, Any],
        device: torch.device | str | None,
    ) -> None:
        """Embed the texts that have no features yet, those of all conversations together."""
        waiting: list[tuple[list[Any], list[int], dict[str, Any]]] = []
        for row in rows:
            if row.get("texts") is None or self.text_dim is None:
                continue
            given = row.get("text_features")
            vectors = list(given) if given is not None else [None] * len(row["texts"])
            if len(vectors) != len(row["texts"]):
                continue  # left as it is: padding refuses lengths that disagree
            row["text_features"] = vectors
            missing = [
                t
                for t, text in enumerate(row["texts"])
                if vectors[t] is None and text is not None and text.strip()
            ]
            if missing:
                waiting.append((vectors, missing, row))
        if not waiting:
            return
        encoder = TextEncoder.from_spec(spec)
        whole = encoder.spec["context"] is not None  # else what is missing alone
        conversations = []
        for _, missing, row in waiting:
            chosen = range(len(row["texts"])) if whole else missing
            texts = [row["texts"][t] or "" for t in chosen]
            speakers = row.get("speakers") or [None] * len(row["texts"])
            conversations.append((texts, [speakers[t] for t in chosen]))
        embeddings = encoder.encode_conversations(conversations, device=device)
        for (vectors, missing, _), embedded in zip(waiting, embeddings, strict=True):
            for position, t in enumerate(missing):
                vectors[t] = embedded[t if whole else position]

    def _add_tokens(self, row: dict[str, Any], recipe: Mapping[str, Any]) -> None:
        """Tokenise the conversation's texts; an empty text is masked."""
        if row.get("texts") is None:
            return
        texts = [text if text is not None else "" for text in row["texts"]]
        settings = {name: recipe[name] for name in ("past", "future", "max_length")}
        ids, attention, own = contextual_tokens(
            texts, row.get("speakers"), self.text_tokenizer, **settings
        )
        given = np.array([bool(text.strip()) for text in texts])
        row["input_ids"] = ids
        row["text_attention_mask"] = attention & given[:, None]
        row["utterance_token_mask"] = own & given[:, None]

    @property
    def text_tokenizer(self) -> Any:
        """The text backbone's tokenizer, None where there is no text backbone."""
        if self._text_tokenizer is None and self.text_tokens is not None:
            self._text_tokenizer = AutoTokenizer.from_pretrained(self.text_tokens["name"])
        return self._text_tokenizer

    @text_tokenizer.setter
    def text_tokenizer(self, tokenizer: Any) -> None:
        self._text_tokenizer = tokenizer

    @classmethod
    def from_pretrained(  # type: ignore[override]  # what transformers names goes through kwargs
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> SyncTVAProcessor:
        """Load `processor_config.json`, and the text backbone's tokenizer if there is one."""
        processor = super().from_pretrained(pretrained_model_name_or_path, **copy.copy(kwargs))
        if processor.text_tokens is not None:
            hub = ("cache_dir", "force_download", "local_files_only", "token", "revision")
            processor.text_tokenizer = AutoTokenizer.from_pretrained(
                pretrained_model_name_or_path,
                subfolder=TOKENIZER_FOLDER,
                **{name: kwargs[name] for name in hub if name in kwargs},
            )
        return processor

    def save_pretrained(  # type: ignore[override]  # the same
        self, save_directory: str | os.PathLike, **kwargs: Any
    ) -> list[str]:
        """Write `processor_config.json`, and the text backbone's tokenizer if there is one."""
        # First, so that an upload that super() makes finds it in the folder.
        if self.text_tokens is not None:
            self.text_tokenizer.save_pretrained(os.path.join(save_directory, TOKENIZER_FOLDER))
        return super().save_pretrained(save_directory, **kwargs)


def is_columns(conversation: Any) -> bool:
    """Whether this is a conversation as a mapping of columns, not one utterance."""
    if not isinstance(conversation, Mapping):
        return False
    if any(name in conversation for name in _COLUMNS):
        return True
    for modality in MODALITIES:
        rows = conversation.get(f"{modality}_features")
        if rows is not None and not isinstance(rows, Mapping) and len(rows):
            return rows[0] is None or np.ndim(rows[0]) > 0
    return False


__all__ = ["SyncTVAProcessor"]
