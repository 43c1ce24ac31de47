"""Load conversations from the literature's feature pickles without executing these.

`forms` lists the published forms. For all of them:
- Splits are those of the file. If it has no dev, dev is taken from its training conversations. In
  MELD these are numbers 1039 to 1152, MELD's own dev, because such files number train, dev and test
  consecutively. Elsewhere it is a tenth, chosen by a checksum of the ids.
- Labels are numbered as in `labels`.
- IEMOCAP's speakers are "M" and "F"; MELD's are numbers that start at 0 in each conversation.
- An utterance whose features of a modality are all zero lacks that modality: it is masked.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict

from synctva.datasets_scripts.labels import SPLITS
from synctva.datasets_scripts.schema import (
    Conversation,
    conversation_features,
    new_conversation,
    validate_conversation,
)
from synctva.modeling_synctva.configuration_synctva import MODALITIES, counted

from .forms import LABELS, FeatureForm, split_ids
from .members import FeatureMembers, open_feature_pickle

logger = logging.getLogger(__name__)

DEV_SHARE = 0.1
MELD_DEV = range(1039, 1153)
"""Numbers of MELD's dev conversations in these files: after the 1039 of train, before test's."""


@dataclass(frozen=True)
class FeaturePickle:
    """The contents of a feature pickle."""

    form: FeatureForm
    conversations: dict[str, list[Conversation]]
    """By split: train, dev, test."""
    widths: dict[str, int]
    """Number of features of each modality that the file has."""
    encoders: dict[str, str]
    """Encoder of each of these modalities, as documented by the authors."""
    source: str
    """The corpus, and the repositories whose code reads such files."""
    notes: list[str]
    """Notes on what was masked or left out."""

    def to_datasets(self) -> DatasetDict:
        """Return the splits, with the columns of `synctva.datasets_scripts.schema`, in memory."""
        features = conversation_features(LABELS[self.form.corpus], **_dims(self.widths))
        return DatasetDict(
            {
                split: Dataset.from_list(rows, features=features)
                for split, rows in self.conversations.items()
            }
        )


def import_feature_pickle(
    path: str | Path, *, form: str | None = None, text_path: str | Path | None = None
) -> DatasetDict:
    """Load the conversations of a feature pickle.

    Arguments and errors are those of `read_feature_pickle`, which also returns the encoders.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`, in memory.
    """
    return read_feature_pickle(path, form=form, text_path=text_path).to_datasets()


def read_feature_pickle(
    path: str | Path, *, form: str | None = None, text_path: str | Path | None = None
) -> FeaturePickle:
    """Read a feature pickle of a published form, without executing anything in it.

    Args:
        path: the pickle.
        form: name of the form that it must have, one of `legacy_pickles.forms.FORMS`; by default
            the form is recognised by the content.
        text_path: a pickle of COSMIC's form with the same conversations. Its RoBERTa features
            replace the text features, as in M3Net, and its dev conversations are the dev split.

    Returns:
        The conversations by split, the widths and encoders of their features, and notes on what was
        masked or left out; its `to_datasets()` returns `datasets` splits.

    Raises:
        FileNotFoundError: there is no such file.
        PickleRefused: a file is not a pickle, is damaged, or contains more than data.
        ValueError: a file has no known form; a conversation is missing from a member, or in two
            splits; numbers of utterances differ; a label or speaker is unknown; features are not
            finite numbers, or have another width. The message names the file, conversation,
            utterance and value.
    """
    file = open_feature_pickle(path, form)
    text = file
    if text_path is not None:
        text = open_feature_pickle(text_path, f"cosmic-{file.form.corpus}")
    conversations = {
        split: [_conversation(file, text, id_) for id_ in ids]
        for split, ids in _splits(file, text).items()
    }
    sources = {modality: text if modality == "text" else file for modality in MODALITIES}
    widths = {m: source.widths[m] for m, source in sources.items() if m in source.widths}
    encoders = {m: sources[m].form.encoder(m, width) for m, width in widths.items()}
    for rows in conversations.values():
        for row in rows:
            try:
                validate_conversation(row, LABELS[file.form.corpus], **_dims(widths))
            except ValueError as error:
                raise ValueError(f"{file.path}: {error}") from None
    origins = dict.fromkeys(source.form.source for source in (file, text))
    source = f"{file.form.corpus.upper()}, pickle in the form of {' and '.join(origins)}"
    notes = _notes(file, conversations)
    for note in notes:
        logger.info("%s: %s", file.path, note)
    _warn_of_absent_labels(file, conversations["train"])
    return FeaturePickle(file.form, conversations, widths, encoders, source, notes)


def _dims(widths: dict[str, int]) -> dict[str, int]:
    return {f"{modality}_dim": width for modality, width in widths.items()}


def _conversation(file: FeatureMembers, text: FeatureMembers, id_: Any) -> Conversation:
    utterances = file.utterance_ids(id_)
    conversation = new_conversation(
        str(id_),
        utterances,
        file.speakers(id_, utterances),
        file.texts(id_, utterances),
        file.labels(id_, utterances),
    )
    for column, modality in enumerate(MODALITIES):
        source = text if modality == "text" else file
        if modality in source.form.encoders:
            features = source.features(modality, id_, utterances)  # (N, D)
            conversation[f"{modality}_features"] = features
            conversation["modality_mask"][:, column] = features.any(axis=1)
    return conversation


def _splits(file: FeatureMembers, text: FeatureMembers) -> dict[str, list[Any]]:
    """Return the ids of the conversations of train, dev and test, each in order."""
    train, test = (split_ids(file.members[split]) for split in ("train", "test"))
    if "dev" in file.members:
        dev = split_ids(file.members["dev"])
    elif "dev" in text.members:
        dev = split_ids(text.members["dev"])
        strangers = sorted(set(dev) - set(train))
        if strangers:
            raise ValueError(
                f"{text.path}, dev has the conversation {strangers[0]!r}: expected one that is in "
                f"train in {file.path}"
            )
    else:
        dev = _held_out(train, test, file.form.corpus)
    if "dev" not in file.members:
        train = sorted(set(train) - set(dev))
    splits = dict(zip(SPLITS, (train, dev, test), strict=True))
    split_of: dict[Any, str] = {}
    for split, ids in splits.items():
        if not ids:
            raise ValueError(f"{file.path}, {split} has no conversation: expected at least one")
        for id_ in ids:
            if id_ in split_of:
                raise ValueError(
                    f"{file.path}, conversation {id_!r} is in {split_of[id_]} and in {split}: "
                    "expected it in one split"
                )
            split_of[id_] = split
    return splits


def _held_out(train: list[Any], test: list[Any], corpus: str) -> list[Any]:
    """Return the training conversations to use as dev, as the module describes."""
    if corpus == "meld" and train and test:
        own = [id_ for id_ in train if id_ in MELD_DEV]
        if own and train[0] < MELD_DEV.start and train[-1] < MELD_DEV.stop <= test[0]:
            return own
    # By a checksum, which depends neither on the file's order nor on the seed of Python's hash.
    shuffled = sorted(train, key=lambda id_: hashlib.sha256(str(id_).encode()).digest())
    return shuffled[: max(1, round(DEV_SHARE * len(train)))] if len(train) > 1 else []


def _notes(file: FeatureMembers, conversations: dict[str, list[Conversation]]) -> list[str]:
    notes = []
    for split, rows in conversations.items():
        for column, modality in enumerate(MODALITIES):
            if f"{modality}_features" in rows[0]:
                masked = sum(int((~row["modality_mask"][:, column]).sum()) for row in rows)
                if masked:
                    notes.append(
                        f"{split}: {counted(masked, 'utterance')} with {modality} features that "
                        "are all zero, masked"
                    )
    unused = len(file.members["labels"]) - sum(map(len, conversations.values()))
    if unused:
        notes.append(f"{counted(unused, 'conversation')} in no split")
    return notes


def _warn_of_absent_labels(file: FeatureMembers, train: list[Conversation]) -> None:
    present = {label for row in train for label in row["labels"]}
    absent = [name for number, name in enumerate(LABELS[file.form.corpus]) if number not in present]
    if absent:
        logger.warning(
            "%s: no training utterance is labelled %s; files with fewer classes than usual for the "
            "corpus may number or merge them differently",
            file.path,
            ", ".join(absent),
        )
