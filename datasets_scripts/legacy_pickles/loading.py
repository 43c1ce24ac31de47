"""Conversations from the literature's feature pickles, which are read without being executed.

`feature_forms` lists the forms. What holds for all of them:
- Splits are the file's own. Where it has no dev, dev is taken from its training dialogues: in MELD
  those numbered 1039 to 1152, which are MELD's own dev (such files number train, dev and test
  on end); elsewhere a tenth of them, chosen by a checksum of their ids.
- Labels are numbered as in `labels`.
- IEMOCAP's speakers are "M" and "F"; MELD's are numbered anew in each dialogue.
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
from synctva.modeling_synctva.configuration_synctva import MODALITIES

from .forms import LABELS, FeatureForm, split_ids
from .members import FeatureMembers, open_feature_pickle

logger = logging.getLogger(__name__)

DEV_SHARE = 0.1
MELD_DEV = range(1039, 1153)
"""Numbers of MELD's dev dialogues in these files: after the 1039 of train, before those of test."""


@dataclass(frozen=True)
class FeaturePickle:
    """What a feature pickle holds."""

    form: FeatureForm
    conversations: dict[str, list[Conversation]]
    """By split: train, dev, test."""
    widths: dict[str, int]
    """Width of the features of each modality that there is."""
    encoders: dict[str, str]
    """What made the features of each of these modalities, as documented."""
    source: str
    """The corpus, and the repositories whose code reads such files."""
    notes: list[str]
    """What was masked or left out."""

    def to_datasets(self) -> DatasetDict:
        """The splits, with the columns of `synctva.datasets_scripts.schema`, in memory."""
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
    """The conversations of a feature pickle as `datasets`.

    Arguments and errors are those of `read_feature_pickle`, which also tells the encoders.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`, in memory.
    """
    return read_feature_pickle(path, form=form, text_path=text_path).to_datasets()


def read_feature_pickle(
    path: str | Path, *, form: str | None = None, text_path: str | Path | None = None
) -> FeaturePickle:
    """Reads a feature pickle of a published form, without executing anything in it.

    Args:
        path: the pickle.
        form: name of the form that it must have, one of `feature_forms.FORMS`; by default its
            content tells.
        text_path: a pickle of COSMIC's form with the same dialogues. Its RoBERTa features take the
            place of the text features, as in M3Net, and its dev dialogues are the dev.

    Returns:
        The conversations by split, the widths and encoders of their features, and notes of what was
        masked or left out; `to_datasets()` makes splits of it.

    Raises:
        FileNotFoundError: there is no such file.
        PickleRefused: a file is no pickle, is damaged, or holds more than data.
        ValueError: a file has no known form; a dialogue is missing from a member, or in two splits;
            numbers of utterances differ; a label or speaker is unknown; features are not finite
            numbers, or of another width. The message names file, dialogue, utterance and value.
    """
    file = open_feature_pickle(path, form)
    text = file
    if text_path is not None:
        text = open_feature_pickle(text_path, f"cosmic-{file.form.corpus}")
    conversations = {
        split: [_conversation(file, text, dialogue) for dialogue in dialogues]
        for split, dialogues in _splits(file, text).items()
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


def _conversation(file: FeatureMembers, text: FeatureMembers, dialogue: Any) -> Conversation:
    ids = file.utterance_ids(dialogue)
    conversation = new_conversation(
        str(dialogue),
        ids,
        file.speakers(dialogue, ids),
        file.texts(dialogue, ids),
        file.labels(dialogue, ids),
    )
    for column, modality in enumerate(MODALITIES):
        source = text if modality == "text" else file
        if modality in source.form.encoders:
            features = source.features(modality, dialogue, ids)  # (N, D)
            conversation[f"{modality}_features"] = features
            conversation["modality_mask"][:, column] = features.any(axis=1)
    return conversation


def _splits(file: FeatureMembers, text: FeatureMembers) -> dict[str, list[Any]]:
    """Dialogues of train, dev and test, each in order of their ids."""
    train, test = (split_ids(file.members[split]) for split in ("train", "test"))
    if "dev" in file.members:
        dev = split_ids(file.members["dev"])
    elif "dev" in text.members:
        dev = split_ids(text.members["dev"])
        strangers = sorted(set(dev) - set(train))
        if strangers:
            raise ValueError(
                f"{text.path}, dialogue {strangers[0]!r} is in dev; expected a training dialogue "
                f"of {file.path}."
            )
    else:
        dev = _held_out(train, test, file.form.corpus)
    if "dev" not in file.members:
        train = sorted(set(train) - set(dev))
    splits = dict(zip(SPLITS, (train, dev, test), strict=True))
    split_of: dict[Any, str] = {}
    for split, dialogues in splits.items():
        if not dialogues:
            raise ValueError(f"{file.path}: no dialogue for {split}; expected at least one.")
        for dialogue in dialogues:
            if dialogue in split_of:
                raise ValueError(
                    f"{file.path}, dialogue {dialogue!r} is in {split_of[dialogue]} and in "
                    f"{split}; expected it once."
                )
            split_of[dialogue] = split
    return splits


def _held_out(train: list[Any], test: list[Any], corpus: str) -> list[Any]:
    """Training dialogues to take for dev, see the module."""
    if corpus == "meld" and train and test:
        own = [dialogue for dialogue in train if dialogue in MELD_DEV]
        if own and train[0] < MELD_DEV.start and train[-1] < MELD_DEV.stop <= test[0]:
            return own
    # By a checksum, so that neither the order of the file nor the seed of a hash decides.
    shuffled = sorted(train, key=lambda dialogue: hashlib.sha256(str(dialogue).encode()).digest())
    return shuffled[: max(1, round(DEV_SHARE * len(train)))] if len(train) > 1 else []


def _notes(file: FeatureMembers, conversations: dict[str, list[Conversation]]) -> list[str]:
    notes = []
    for split, rows in conversations.items():
        for column, modality in enumerate(MODALITIES):
            if f"{modality}_features" in rows[0]:
                masked = sum(int((~row["modality_mask"][:, column]).sum()) for row in rows)
                if masked:
                    notes.append(
                        f"{split}: {masked} utterances whose {modality} features are all zero are "
                        "masked"
                    )
    unused = len(file.members["labels"]) - sum(map(len, conversations.values()))
    if unused:
        notes.append(f"{unused} dialogues belong to no split")
    return notes


def _warn_of_absent_labels(file: FeatureMembers, train: list[Conversation]) -> None:
    present = {label for row in train for label in row["labels"]}
    absent = [name for number, name in enumerate(LABELS[file.form.corpus]) if number not in present]
    if absent:
        logger.warning(
            "%s: no training utterance is labelled %s; files with fewer classes than the corpus's "
            "standard may number or merge them otherwise",
            file.path,
            ", ".join(absent),
        )
