"""Turn conversations, raw or as pre-extracted features, into the tensors that the model reads."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, BatchFeature
from transformers.processing_utils import ProcessorMixin
from transformers.utils import cached_file, logging

from .configuration_synctva import AUTO_MAP, MODALITIES, how_to_install
from .conversation_input import (
    SOURCES,
    columns_of,
    is_recording,
    origins,
    read_columns,
    read_recording,
    read_utterances,
)
from .conversation_padding import TOKEN_FIELDS, pad_conversations
from .text_encoder import TextEncoder
from .text_reading import MULTILINGUAL, language_name, languages_of, unlearnt, unsure_words
from .text_windows import contextual_tokens

logger = logging.get_logger(__name__)

TOKENIZER_FOLDER = "text_tokenizer"
"""Subfolder of a checkpoint for the tokenizer of its text backbone, if it has one."""

FACE_WEIGHTS_FILE = "face_synctva.safetensors"
"""File with the face networks' weights. A checkpoint that reads faces carries it, so that its
features do not depend on the version of the installed package."""


class SyncTVAProcessor(ProcessorMixin):
    """Turn conversations into padded tensors. It is saved as one `processor_config.json`.

    Args:
        text_dim, visual_dim, audio_dim: width of each modality's features, as in the model's
            config; None if the checkpoint was trained without that modality, which is then always
            masked.
        text_encoder: spec of the frozen encoder that embeds texts, see `TextEncoder`; None if text
            is read as `text_features` or as tokens.
        text_features, visual_features, audio_features: names of each modality's features in order,
            so that utterances can pass them by name; None if they are only passed as vectors.
        audio_encoder, visual_encoder: specs of the encoders that compute features from recordings,
            see `AudioEncoder` and `VisualEncoder`; None if only features are read.
        text_tokens: for a text backbone trained end to end, {"name": Hub name or folder of its
            tokenizer, "past": turns, "future": turns, "max_length": tokens}; None otherwise.

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
        audio_encoder: dict[str, Any] | None = None,
        visual_encoder: dict[str, Any] | None = None,
        text_features: list[str] | None = None,
        visual_features: list[str] | None = None,
    ):
        super().__init__()
        self.text_dim = text_dim
        self.visual_dim = visual_dim
        self.audio_dim = audio_dim
        self.text_encoder = text_encoder
        self.text_features = None if text_features is None else list(text_features)
        self.visual_features = None if visual_features is None else list(visual_features)
        self.audio_features = None if audio_features is None else list(audio_features)
        self.text_tokens = text_tokens
        self.audio_encoder = audio_encoder
        self.visual_encoder = visual_encoder
        self._folder: str | None = None  # the checkpoint's, if it holds the face weights
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
        for modality, names in self.feature_names.items():
            if len(names) != self.widths[modality]:
                raise ValueError(
                    f"SyncTVAProcessor.{modality}_features has {len(names)} names: expected "
                    f"{modality}_dim = {self.widths[modality]}"
                )
        encoders = (self.text_encoder, self.visual_encoder, self.audio_encoder)
        for encoder, (modality, width) in zip(encoders, self.widths.items(), strict=True):
            encoder = encoder or {}
            encoder_width = encoder.get("width")
            if encoder_width is not None and width not in (None, encoder_width):
                raise ValueError(
                    f"SyncTVAProcessor.{modality}_dim = {width}: expected {encoder_width}, the "
                    f"width of {modality}_encoder {encoder.get('name')!r}"
                )
        expected = {"name", "past", "future", "max_length"}
        if self.text_tokens is not None and set(self.text_tokens) != expected:
            raise ValueError(
                f"SyncTVAProcessor.text_tokens = {self.text_tokens!r}: expected {sorted(expected)}"
            )

    @property
    def widths(self) -> dict[str, int | None]:
        """The feature width per modality, in the order text, visual, audio."""
        return {"text": self.text_dim, "visual": self.visual_dim, "audio": self.audio_dim}

    @property
    def feature_names(self) -> dict[str, list[str]]:
        """Names of the features per modality, in order, where they are known."""
        names = {
            "text": self.text_features,
            "visual": self.visual_features,
            "audio": self.audio_features,
        }
        return {modality: own for modality, own in names.items() if own is not None}

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
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """Embed texts, compute features of recordings, build masks and pad.

        Args:
            conversations: B conversations. Each is either a list of utterances (strings, tuples
                (speaker, text), or dictionaries with any of `text`, `speaker`, `audio`, `video`,
                `channel`, `start` and `end` in a longer recording, `text_features`,
                `audio_features`, `visual_features`), a table of them (see `read_table`), or a
                mapping of columns such as a row of `datasets` (`texts`, `speakers`, ...; see
                `pad_conversations`).
            device: where the frozen encoders compute; default: where they are.
            first_index: number of the first conversation, in error messages.
            return_tensors: "pt" or None, which mean the same.

        Returns:
            The arguments of the model's `forward`, see `pad_conversations`.

        Raises:
            ValueError: a conversation is a bare string, is empty, has no modality in any utterance
                or fails a check of `pad_conversations`; or return_tensors names another library.
                Single utterances without any modality are allowed: they are recognised from their
                context.
            ImportError: a conversation has recordings, and the package is not installed.
        """
        return self.read(conversations, device, first_index, return_tensors)[0]

    def read(
        self,
        conversations: Sequence[Any],
        device: torch.device | str | None = None,
        first_index: int = 0,
        return_tensors: str | None = None,
        precision: str = "float32",
    ) -> tuple[BatchFeature, list[list[dict[str, Any]]], list[dict[int, str]], str]:
        """Do the same as `__call__`, and say what was read and what cannot be read of the texts.

        Args:
            precision: "float32", or "auto" for bfloat16 in the frozen text encoder where that is
                faster and its embeddings agree, see `TextEncoder.fast_precision`.

        Returns:
            The arguments of the model's `forward`; for each conversation `speaker`, `text`, `start`
            and `end` of its utterances, as far as they are given; and its cautions by utterance: a
            sentence for each text in a language that the text encoder has not learnt, or of whose
            words a speech recogniser is unsure; and the precision in which the texts were embedded.
        """
        if return_tensors not in (None, "pt"):
            raise ValueError(
                f'return_tensors = {return_tensors!r}: expected "pt" or None, because the model '
                "needs PyTorch tensors"
            )
        if isinstance(conversations, str | Mapping):
            raise ValueError(
                f"conversations is of type {type(conversations).__name__}: expected a list of "
                "conversations, each a list of utterances"
            )
        rows = [
            self._row(conversation, f"conversation {first_index + i}", device)
            for i, conversation in enumerate(conversations)
        ]
        used = "float32"
        cautions = [
            unsure_words(row.pop("confidences", ())) | own
            for row, own in zip(rows, self._text_cautions(rows, first_index), strict=True)
        ]
        if self.text_tokens is not None:
            for row in rows:
                self._add_tokens(row, self.text_tokens)
        elif self.text_encoder is not None:
            used = self._add_text_features(rows, self.text_encoder, device, precision)
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
                f"with one of {self._readable()}; silence, a picture without a face and a text of "
                "spaces have nothing to read"
            )
        lengths = batch["attention_mask"].sum(-1).tolist()
        said = [origins(row, length) for row, length in zip(rows, lengths, strict=True)]
        return BatchFeature(batch), said, cautions, used

    def utterance_features(
        self, utterance: Any, device: torch.device | str | None = None
    ) -> dict[str, Any]:
        """Return one utterance of a live conversation as `SyncTVAStream.push` expects it.

        Args:
            utterance: as in `__call__`.
            device: where the frozen encoders compute; default: where they are.

        Returns:
            The features and the speaker; only the speaker if there is nothing else to read.

        Raises:
            ValueError: the text encoder needs the other texts of a conversation, or the utterance
                fails a check of `__call__`.
        """
        if self.text_tokens is not None or (self.text_encoder or {}).get("context") is not None:
            raise ValueError(
                "the checkpoint's text encoder reads whole conversations: expected an encoder of "
                "single texts, to read utterances one by one"
            )
        row = self._row([utterance], "conversation", device)
        self._text_cautions([row], 0)
        if self.text_encoder is not None:
            self._add_text_features([row], self.text_encoder, device)
        fields = [f"{modality}_features" for modality in MODALITIES]
        features = {field: row[field][0] for field in fields if row.get(field) is not None}
        return {"speaker": row["speakers"][0], **features}

    def inputs(self) -> dict[str, str]:
        """Return for each modality what the checkpoint reads of it, in words."""
        specs = (self.text_encoder, self.visual_encoder, self.audio_encoder)
        found = {}
        for (modality, width), spec in zip(self.widths.items(), specs, strict=True):
            by = f"by {spec['name']}" if spec else "as numbers"
            found[modality] = "not read" if width is None else f"{width} features {by}"
        if self.text_tokens is not None:
            found["text"] = f"tokens of {self.text_tokens['name']}"
        return found

    def __repr__(self) -> str:
        lines = [type(self).__name__, *(f"{name}: {text}" for name, text in self.inputs().items())]
        return "\n  ".join(lines)

    def _readable(self) -> list[str]:
        """Return the fields that this processor can use, for error messages."""
        names = [f"{name}_features" for name, width in self.widths.items() if width is not None]
        reads_text = self.text_encoder is not None or self.text_tokens is not None
        raw = {"text": reads_text, "audio": self.audio_encoder, "video": self.visual_encoder}
        return [*(name for name, known in raw.items() if known), *names]

    def _row(
        self, conversation: Any, name: str, device: torch.device | str | None
    ) -> dict[str, Any]:
        """Return a conversation as columns, without those that the checkpoint cannot use."""
        conversation = transcribed(conversation, name)
        if isinstance(conversation, Mapping):
            row = read_columns(conversation, name)
            given = {column for column, values in row.items() if values is not None}
            for column in {"texts", "media_paths"} & given:
                if not any(row[column]):  # empty, as where a data set has none
                    given.remove(column)
        else:
            utterances = read_utterances(conversation, name, self.feature_names, self.widths)
            given = {field for item in utterances for field in item if item[field] is not None}
            if not any(item.get("text") for item in utterances):
                given.discard("text")
            self._add_media_features(utterances, name, device)
            row = columns_of(utterances)
        self._warn_unread(given)
        for modality, width in self.widths.items():
            if width is None:
                row.pop(f"{modality}_features", None)
        if self.text_tokens is not None:
            row.pop("text_features", None)
        return row

    def _warn_unread(self, given: set[str]) -> None:
        """Say once which fields of a conversation the checkpoint cannot use."""
        reads_text = self.text_dim is not None and self.text_encoder is not None
        reads_text = reads_text or self.text_tokens is not None or "text_features" in given
        reads_sound, reads_faces = self.audio_dim is not None, self.visual_dim is not None
        unread = {
            "text": not reads_text,
            "texts": not reads_text,
            "audio": not reads_sound,
            "video": not reads_sound and not reads_faces,
            "media_paths": not {"audio_features", "visual_features"} & given,
            **{f"{name}_features": width is None for name, width in self.widths.items()},
        }
        names = [name for name in unread if unread[name] and name in given]
        if "video" in given and reads_sound and not reads_faces:
            names.append("the frames of video")
        if names:
            logger.warning_once(
                f"not read: {', '.join(names)}; expected some of {self._readable()}, which the "
                "checkpoint reads"
            )

    def _add_media_features(
        self, utterances: list[dict[str, Any]], name: str, device: torch.device | str | None
    ) -> None:
        """Compute features of recordings with the encoders that were used for training."""
        specs = {"audio": self.audio_encoder, "visual": self.visual_encoder}
        for modality, source in (("audio", "audio"), ("visual", "video")):
            with_media = [t for t, item in enumerate(utterances) if item.get(source) is not None]
            missing = [t for t in with_media if utterances[t].get(f"{modality}_features") is None]
            if missing and self.widths[modality] is not None and specs[modality] is None:
                raise ValueError(
                    f"{name}, utterance {missing[0]}, {source}: the checkpoint does not say which "
                    f"encoder computed its {modality} features: expected {modality}_features, "
                    f"{self.widths[modality]} numbers"
                )
        media = any(item.get(source) is not None for item in utterances for source in SOURCES)
        if media and (self.audio_encoder or self.visual_encoder):
            _package(f"{name} has audio or video").add_media_features(
                utterances, name, self.audio_encoder, self.visual_encoder, self._folder, device
            )

    def _text_cautions(
        self, rows: Sequence[dict[str, Any]], first_index: int
    ) -> list[dict[int, str]]:
        """Return a caution for each text that is to be encoded and cannot be read, and warn once.

        See `read`. The languages of an encoder that does not say them are not judged.
        """
        spec = self.text_tokens or self.text_encoder
        languages = None if spec is None or self.text_dim is None else languages_of(spec)
        if spec is None or languages is None:
            return [{} for _ in rows]
        found: list[dict[int, str]] = []
        for row in rows:
            texts = row.get("texts") or []
            given = row.get("text_features")
            given = [None] * len(texts) if given is None else given
            found.append(
                {
                    t: seems
                    for t, (seems, vector) in enumerate(
                        zip(unlearnt(texts, languages), given, strict=False)
                    )
                    if seems is not None and vector is None
                }
            )
        unread = [index for index, seems in enumerate(found) if seems]
        if unread:
            first = found[unread[0]]
            more = f" and {len(unread) - 1} more conversations" if unread[1:] else ""
            known = " or ".join(language_name(code) for code in languages)
            logger.warning(
                f"conversation {first_index + unread[0]}, utterances {', '.join(map(str, first))}"
                f"{more}: the text seems to be {next(iter(first.values()))}: expected {known}, "
                f"which text encoder {spec['name']} has learnt. Such answers say little, and get "
                f"no prediction set; train with an encoder of the language, such as {MULTILINGUAL}"
            )
        return [
            {
                t: f"the text seems to be {seems}, which the text encoder has not learnt"
                for t, seems in own.items()
            }
            for own in found
        ]

    def _add_text_features(
        self,
        rows: list[dict[str, Any]],
        spec: Mapping[str, Any],
        device: torch.device | str | None,
        precision: str = "float32",
    ) -> str:
        """Embed the texts that have no features yet, all conversations in one call.

        Returns:
            The precision, which is "float32" if there was nothing to embed.
        """
        waiting: list[tuple[list[Any], list[int], dict[str, Any]]] = []
        for row in rows:
            if row.get("texts") is None or self.text_dim is None:
                continue
            features = row.get("text_features")
            vectors = list(features) if features is not None else [None] * len(row["texts"])
            if len(vectors) != len(row["texts"]):
                continue  # pad_conversations will report that the lengths disagree
            row["text_features"] = vectors
            missing = [
                t
                for t, text in enumerate(row["texts"])
                if vectors[t] is None and text is not None and text.strip()
            ]
            if missing:
                waiting.append((vectors, missing, row))
        if not waiting:
            return "float32"
        encoder = TextEncoder.from_spec(spec)
        whole = encoder.spec["context"] is not None  # otherwise only the missing texts
        conversations = []
        for _, missing, row in waiting:
            chosen = range(len(row["texts"])) if whole else missing
            texts = [row["texts"][t] or "" for t in chosen]
            speakers = row.get("speakers") or [None] * len(row["texts"])
            conversations.append((texts, [speakers[t] for t in chosen]))
        if device is not None:
            encoder.model.to(device)
        if precision == "auto":
            precision = encoder.fast_precision
        embeddings = encoder.encode_conversations(conversations, precision=precision)
        for (vectors, missing, _), embedded in zip(waiting, embeddings, strict=True):
            for position, t in enumerate(missing):
                vectors[t] = embedded[t if whole else position]
        return precision

    def _add_tokens(self, row: dict[str, Any], spec: Mapping[str, Any]) -> None:
        """Tokenise the conversation's texts and mask empty ones."""
        if row.get("texts") is None:
            return
        texts = [text if text is not None else "" for text in row["texts"]]
        settings = {name: spec[name] for name in ("past", "future", "max_length")}
        ids, attention, own = contextual_tokens(
            texts, row.get("speakers"), self.text_tokenizer, **settings
        )
        not_empty = np.array([bool(text.strip()) for text in texts])
        row["input_ids"] = ids
        row["text_attention_mask"] = attention & not_empty[:, None]
        row["utterance_token_mask"] = own & not_empty[:, None]

    @property
    def text_tokenizer(self) -> Any:
        """The text backbone's tokenizer; None without a text backbone."""
        if self._text_tokenizer is None and self.text_tokens is not None:
            self._text_tokenizer = AutoTokenizer.from_pretrained(self.text_tokens["name"])
        return self._text_tokenizer

    @text_tokenizer.setter
    def text_tokenizer(self, tokenizer: Any) -> None:
        self._text_tokenizer = tokenizer

    @classmethod
    def from_pretrained(  # type: ignore[override]  # transformers' other parameters are in kwargs
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> SyncTVAProcessor:
        """Load `processor_config.json`, and the tokenizer and the face weights if there are any."""
        processor = super().from_pretrained(pretrained_model_name_or_path, **copy.copy(kwargs))
        names = ("cache_dir", "force_download", "local_files_only", "token", "revision")
        hub = {name: kwargs[name] for name in names if name in kwargs}
        if processor.text_tokens is not None:
            processor.text_tokenizer = AutoTokenizer.from_pretrained(
                pretrained_model_name_or_path, subfolder=TOKENIZER_FOLDER, **hub
            )
        if processor.visual_encoder is not None:
            weights = cached_file(
                pretrained_model_name_or_path,
                FACE_WEIGHTS_FILE,
                _raise_exceptions_for_missing_entries=False,  # the package has them too
                **hub,
            )
            processor._folder = None if weights is None else os.path.dirname(weights)
        return processor

    @classmethod
    def get_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read `processor_config.json`.

        Raises:
            OSError: there is none; transformers would make a processor with our defaults.
        """
        name = pretrained_model_name_or_path
        fields, others = super().get_processor_dict(name, **kwargs)
        if not fields:
            raise OSError(
                f"processor = {name}: expected a model with processor_config.json beside its "
                "weights, which says how its features are made"
            )
        return fields, others

    def save_pretrained(  # type: ignore[override]  # the same
        self, save_directory: str | os.PathLike, **kwargs: Any
    ) -> list[str]:
        """Save `processor_config.json`, and the tokenizer and the face weights if there are any."""
        # Before super(), which may upload the folder.
        if self.visual_encoder is not None:
            self._save_face_weights(save_directory)
        if self.text_tokens is not None:
            self.text_tokenizer.save_pretrained(os.path.join(save_directory, TOKENIZER_FOLDER))
        return super().save_pretrained(save_directory, **kwargs)

    def _save_face_weights(self, save_directory: str | os.PathLike) -> None:
        """Copy the face networks' weights from the checkpoint, or else from the package."""
        folder = self._folder
        if folder is None:
            folder = _package("SyncTVAProcessor.visual_encoder is set").FACE_WEIGHTS_FOLDER
        source = os.path.join(folder, FACE_WEIGHTS_FILE)
        target = os.path.join(save_directory, FACE_WEIGHTS_FILE)
        os.makedirs(save_directory, exist_ok=True)
        if not (os.path.exists(target) and os.path.samefile(source, target)):
            shutil.copyfile(source, target)


def transcribed(conversation: Any, name: str) -> Any:
    """Return the utterances that are recognised in a recording; anything else as it is.

    Args:
        conversation: a path or a mapping, see `RECORDING_FIELDS`.
        name: of the conversation, for messages.

    Raises:
        ImportError: the package is not installed, or without speech recognition.
        OSError: the recogniser's weights are neither here nor can they be downloaded.
        ValueError: the file cannot be read, nobody speaks in it, or a field is wrong.
    """
    if not is_recording(conversation):
        return conversation
    arguments = read_recording(conversation, name)
    utterances = _package(f"{name} is a recording", "speech").transcribe(**arguments)
    if not utterances:
        raise ValueError(
            f"{name}, recording = {str(arguments['recording'])!r}: no speech was recognised, and "
            "nothing can be answered"
        )
    return utterances


def _package(need: str, extra: str = "media") -> Any:
    """Import the module of the package that decodes recordings, or that recognises their words.

    These are the only imports from outside this folder: everything but reading recordings works
    without the package.

    Args:
        need: what the package is needed for, for the error message.
        extra: the package's extra: "media" for features of recordings, "speech" for their words.

    Raises:
        ImportError: the package is not installed.
    """
    try:
        if extra == "speech":
            from synctva.speech import transcription

            return transcription
        from synctva.recordings import features

        return features
    except ImportError as error:
        raise ImportError(
            f"{need}: expected the package synctva, which decodes recordings: "
            + how_to_install(extra)
        ) from error


__all__ = ["SyncTVAProcessor", "transcribed"]
