"""The base of all data sets' builders: configuration, checks, cache and log.

`datasets` keeps a built data set in its cache (HF_DATASETS_CACHE), never beside the data files. The
cache key contains a checksum of these files and of this package's code: a change to either causes a
new build.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
from datasets import DatasetDict

from synctva.modeling_synctva.text_weights import file_sha256

from .labels import SplitSize, size_differences
from .schema import Conversation, conversation_features, validate_conversation

logger = logging.getLogger(__name__)


@dataclass
class ConversationConfig(datasets.BuilderConfig):
    """What a build depends on: label names, columns and a checksum of the data files."""

    label_names: tuple[str, ...] = ()
    text_dim: int | None = None
    visual_dim: int | None = None
    audio_dim: int | None = None
    channels: bool = False
    fingerprint: str = ""


@dataclass
class Reading:
    """The conversations that a builder read, by split, and notes on what was repaired or masked."""

    conversations: dict[str, list[Conversation]]
    notes: list[str]


class ConversationBuilder(datasets.GeneratorBasedBuilder):
    """Base of the builders. A subclass implements `read`, which returns its conversations."""

    BUILDER_CONFIG_CLASS = ConversationConfig
    config: ConversationConfig

    def read(self) -> Reading:
        """Read all splits."""
        raise NotImplementedError

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            features=conversation_features(
                self.config.label_names, **self._widths(), channels=self.config.channels
            )
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # Everything is read and checked here, because `datasets` replaces the errors that
        # `_generate_examples` raises by one of its own.
        reading = self.read()
        for conversations in reading.conversations.values():
            for conversation in conversations:
                validate_conversation(conversation, self.config.label_names, **self._widths())
        # Stored with the cache, so that the notes can be logged when it is used again.
        self.info.description = "\n".join(reading.notes)
        return [
            # A tuple, because `datasets` would treat a list as a list of shards.
            datasets.SplitGenerator(name=split, gen_kwargs={"conversations": tuple(conversations)})
            for split, conversations in reading.conversations.items()
        ]

    def _generate_examples(
        self, conversations: Iterable[Conversation]
    ) -> Iterator[tuple[int, Conversation]]:
        yield from enumerate(conversations)

    def _widths(self) -> dict[str, int | None]:
        return {
            "text_dim": self.config.text_dim,
            "visual_dim": self.config.visual_dim,
            "audio_dim": self.config.audio_dim,
        }


def build(builder: ConversationBuilder, official: Mapping[str, SplitSize] | None) -> DatasetDict:
    """Build all splits or take them from the cache, and log the builder's notes.

    Args:
        builder: of the data set.
        official: sizes of the official release. Differences are logged as warnings. None skips the
            check.
    """
    builder.download_and_prepare()
    splits = builder.as_dataset()
    assert isinstance(splits, DatasetDict)
    for note in (builder.info.description or "").splitlines():
        logger.info("%s: %s", builder.name, note)
    if official is not None:
        found = {
            split: SplitSize(sum(map(len, rows["utterance_ids"])), len(rows))
            for split, rows in splits.items()
        }
        for difference in size_differences(official, found):
            logger.warning("%s is not the official release: %s", builder.name, difference)
    return splits


def fingerprint(files: Iterable[Path], names: Iterable[str] = ()) -> str:
    """Return a checksum of the files' contents, of `names`, and of the code that reads them."""
    digest = hashlib.sha256()
    for file in [*files, *sorted(Path(__file__).parent.rglob("*.py"))]:
        digest.update(file_sha256(file).encode())
    for name in names:
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()


def data_folder(data_dir: str | Path, name: str = "data_dir") -> Path:
    """Return `data_dir` as an absolute path.

    Args:
        name: of the argument, for the message.

    Raises:
        FileNotFoundError: there is nothing at that path.
    """
    folder = Path(data_dir).expanduser().resolve()
    if not folder.exists():
        raise FileNotFoundError(f"{name} = {folder}: expected an existing file or folder")
    return folder


def required_file(folder: Path, name: str, what: str) -> Path:
    """Return the file of that name in `folder`.

    Raises:
        FileNotFoundError: the folder has no such file; the message says `what` was expected.
    """
    file = folder / name
    if not file.is_file():
        raise FileNotFoundError(f"data_dir = {folder} has no {name}: expected {what}")
    return file
