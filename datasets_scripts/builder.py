"""What the builders of all data sets share: configuration, checks, cache and log.

`datasets` keeps what was built in its cache (HF_DATASETS_CACHE), never beside the data. The key of
the cache holds a checksum of the data files and of this code, so a change of either rebuilds.
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

from .labels import SplitSize, size_differences
from .schema import Conversation, conversation_features, validate_conversation

logger = logging.getLogger(__name__)


@dataclass
class ConversationConfig(datasets.BuilderConfig):
    """What decides a build besides the data: label names, feature widths, checksum of the files."""

    label_names: tuple[str, ...] = ()
    text_dim: int | None = None
    visual_dim: int | None = None
    audio_dim: int | None = None
    fingerprint: str = ""


@dataclass
class Reading:
    """What a builder read: conversations by split, and notes on what was repaired or masked."""

    conversations: dict[str, list[Conversation]]
    notes: list[str]


class ConversationBuilder(datasets.GeneratorBasedBuilder):
    """Base of the builders. A subclass says in `read` how its files become conversations."""

    BUILDER_CONFIG_CLASS = ConversationConfig
    config: ConversationConfig

    def read(self) -> Reading:
        """Reads all splits."""
        raise NotImplementedError

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            features=conversation_features(self.config.label_names, **self._widths())
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # All reading and checking happens here: `datasets` hides errors raised by
        # `_generate_examples` behind one of its own.
        reading = self.read()
        for conversations in reading.conversations.values():
            for conversation in conversations:
                validate_conversation(conversation, self.config.label_names, **self._widths())
        # The notes are kept with the cache, so that they can be logged when it is reused.
        self.info.description = "\n".join(reading.notes)
        return [
            # A tuple, because `datasets` takes a list for a list of shards.
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
    """Builds, or takes from the cache, all splits, and logs the builder's notes.

    Args:
        builder: of the data set.
        official: sizes of the official release; a difference is logged as a warning. None: no
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
    """Checksum of the files' contents, of `names`, and of the code that reads them."""
    digest = hashlib.sha256()
    for file in [*files, *sorted(Path(__file__).parent.rglob("*.py"))]:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for name in names:
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()


def data_folder(data_dir: str | Path) -> Path:
    """`data_dir` as an absolute path.

    Raises:
        FileNotFoundError: there is nothing at that path.
    """
    folder = Path(data_dir).expanduser().resolve()
    if not folder.exists():
        raise FileNotFoundError(f"data_dir: there is no file or folder {folder}.")
    return folder


def required_file(folder: Path, name: str, what: str) -> Path:
    """The file of that name in `folder`.

    Raises:
        FileNotFoundError: the folder lacks it; the message says `what` was expected.
    """
    file = folder / name
    if not file.is_file():
        raise FileNotFoundError(f"data_dir {folder} lacks {name}; expected {what}.")
    return file
