"""The published forms of feature pickles, and how the form of a file is recognised.

All are tuples (or lists). Their members are dicts by conversation, with one entry per utterance,
and collections of the conversations of a split, in the order in which the authors' code unpacks
them:
    declare-lab/conv-emotion   DialogueRNN/dataloader.py, bc-LSTM-pytorch/dataloader.py,
                               COSMIC/erc-training/dataloader.py
    hujingwen6666/MMGCN        dataloader.py (zerohd4869/MM-DFN reads the same files)
    butterfliesss/SDT          dataloader.py
    feiyuchen7/M3NET           dataloader.py: a file of MMGCN's form and one of COSMIC's
    Exploration-Lab/COGMEN     preprocess.py: a file of DialogueRNN's form
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synctva.datasets_scripts.labels import IEMOCAP6_LABELS, MELD_LABELS, SPLITS

LABELS = {"iemocap": IEMOCAP6_LABELS, "meld": MELD_LABELS}
"""Label names by corpus; the files number them in this order."""

TEXT_LAYERS = ("text1", "text2", "text3", "text4")

# Members that this package does not use: sentiments, and those that the authors' code drops.
UNUSED = "unused"


@dataclass(frozen=True)
class FeatureForm:
    """A published form: its members, and the encoders that made them."""

    name: str
    corpus: str
    """iemocap or meld."""
    source: str
    """The repository and the file in it that reads the form."""
    members: tuple[str, ...]
    """Names of the members in order; those of the splits are train, test and dev."""
    encoders: Mapping[str, Mapping[int, str]]
    """Documented encoder of each modality, by its number of features."""

    def encoder(self, modality: str, width: int) -> str:
        """Return the documented encoder of a modality, "undocumented" for an unknown width."""
        return self.encoders[modality].get(width, "undocumented")


_IDS = ("utterance_ids", "speakers", "labels")
_ROBERTA = "RoBERTa-large fine-tuned on the corpus, first token"
_LAST_LAYER = {1024: f"{_ROBERTA}, last layer"}
_FOUR_LAYERS = {1024: f"{_ROBERTA}, mean of the last four layers"}
_IS10 = {1582: "openSMILE IS10"}
_MELD_TEXT = {600: "TextCNN"}
_MELD_AUDIO = {300: "openSMILE, reduced"}
_FACES = {342: "DenseNet trained on FER+"}

FORMS = {
    form.name: form
    for form in (
        FeatureForm(
            "dialoguernn-iemocap",
            "iemocap",
            "declare-lab/conv-emotion, DialogueRNN/dataloader.py",
            (*_IDS, "text", "audio", "visual", "sentences", "train", "test"),
            # 1582 and 342 are the widths in MMGCN's file, which also has this form.
            {
                "text": {100: "TextCNN"},
                "audio": {100: "openSMILE IS13 ComParE, reduced", **_IS10},
                "visual": {512: "3D-CNN", **_FACES},
            },
        ),
        FeatureForm(
            "dialoguernn-meld",
            "meld",
            "declare-lab/conv-emotion, bc-LSTM-pytorch/dataloader.py",
            (*_IDS, "text", "audio", "sentences", "train", "test", UNUSED),
            {"text": _MELD_TEXT, "audio": _MELD_AUDIO},
        ),
        FeatureForm(
            "mmgcn-meld",
            "meld",
            "hujingwen6666/MMGCN, dataloader.py",
            (*_IDS, "text", "audio", "visual", "sentences", "train", "test", UNUSED),
            {"text": _MELD_TEXT, "audio": _MELD_AUDIO, "visual": _FACES},
        ),
        # Like SDT's code, we use only the first of the file's four text members.
        FeatureForm(
            "sdt-iemocap",
            "iemocap",
            "butterfliesss/SDT, dataloader.py",
            (*_IDS, "text", *[UNUSED] * 3, "audio", "visual", "sentences", "train", "test"),
            {"text": _LAST_LAYER, "audio": _IS10, "visual": _FACES},
        ),
        FeatureForm(
            "sdt-meld",
            "meld",
            "butterfliesss/SDT, dataloader.py",
            (*_IDS, "text", *[UNUSED] * 3, "audio", "visual", "sentences", "train", "test", UNUSED),
            {"text": _LAST_LAYER, "audio": _MELD_AUDIO, "visual": _FACES},
        ),
        # As in M3Net's model, we use the mean of the four layers, but without the normalisation
        # that its model learns for each layer.
        FeatureForm(
            "cosmic-iemocap",
            "iemocap",
            "declare-lab/conv-emotion, COSMIC/erc-training/dataloader.py",
            ("speakers", "labels", *TEXT_LAYERS, "sentences", "train", "test", "dev"),
            {"text": _FOUR_LAYERS},
        ),
        FeatureForm(
            "cosmic-meld",
            "meld",
            "declare-lab/conv-emotion, COSMIC/erc-training/dataloader.py",
            ("speakers", "labels", UNUSED, *TEXT_LAYERS, "sentences", "train", "test", "dev"),
            {"text": _FOUR_LAYERS},
        ),
    )
}


def identify_form(data: Any, name: str | None = None) -> FeatureForm:
    """Recognise the form of a file by its content.

    Args:
        data: the object in the pickle.
        name: of the form that it must have; None: any form.

    Raises:
        ValueError: the name is unknown, or the content does not fit. The message gives a reason for
            each form that has as many members.
    """
    if name is not None and name not in FORMS:
        raise ValueError(f"form = {name!r}: expected one of {', '.join(FORMS)}")
    known = "; ".join(f"{form.name} ({len(form.members)})" for form in FORMS.values())
    if not isinstance(data, (tuple, list)):
        raise ValueError(
            f"content = {kind(data)}: expected the tuple of one of the forms (with members) {known}"
        )
    candidates = [FORMS[name]] if name else [*FORMS.values()]
    reasons = []
    for form in candidates:
        if len(form.members) != len(data):
            continue
        reason = _misfit(form, data)
        if reason is None:
            return form
        reasons.append(f"{form.name}: {reason}")
    if not reasons:
        wanted = f"{name} ({len(FORMS[name].members)})" if name else known
        raise ValueError(f"content has {len(data)} members: expected the form (members) {wanted}")
    raise ValueError(f"content has no known form: {'; '.join(reasons)}")


def split_ids(value: Any) -> list[Any]:
    """Return the conversations of a split, ordered by id, because sets have no order."""
    return sorted(id_.item() if isinstance(id_, np.generic) else id_ for id_ in value)


def _misfit(form: FeatureForm, data: Sequence[Any]) -> str | None:
    """Return why the members cannot be those of the form; None if they can.

    The names of conversations and speakers distinguish the two corpora. They also exclude files of
    other corpora with the same members but other labels (EmoryNLP, DailyDialog, CMU-MOSEI).
    """
    members = dict(zip(form.members, data, strict=True))
    for name, value in members.items():
        if name == UNUSED:
            continue
        if name in SPLITS:
            if not is_sequence(value) and not isinstance(value, (set, frozenset)):
                return f"{name} = {kind(value)}, expected a collection of conversations"
            ids: Iterable[Any] = value
        else:
            if not isinstance(value, dict) or not value:
                what = "an empty dict" if isinstance(value, dict) else kind(value)
                return f"{name} = {what}, expected a dict by conversation"
            ids = value
        for id_ in ids:
            if not _is_conversation_id(id_, form.corpus):
                expected = (
                    "a name like 'Ses01F_impro01'" if form.corpus == "iemocap" else "a number"
                )
                return f"conversation in {name} = {short(id_)}, expected {expected}"
    speakers = next(iter(members["speakers"].values()))
    speaker = next(iter(speakers), None) if is_sequence(speakers) else None
    if form.corpus == "iemocap" and not isinstance(speaker, str):
        return f"speaker = {short(speaker)}, expected 'M' or 'F'"
    if form.corpus == "meld" and not is_sequence(speaker):
        return f"speaker = {short(speaker)}, expected a one-hot vector"
    return None


def _is_conversation_id(id_: Any, corpus: str) -> bool:
    if corpus == "iemocap":
        return isinstance(id_, str) and id_.startswith("Ses")
    return isinstance(id_, (int, np.integer)) and not isinstance(id_, bool)


def is_sequence(value: Any) -> bool:
    """Return whether the value is a list, a tuple or an array with at least one axis."""
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)


def short(value: Any) -> str:
    """Return a value for a message: itself if that is short, else its type."""
    if isinstance(value, (str, int, float, np.generic, type(None))) and len(repr(value)) < 80:
        return repr(value.item() if isinstance(value, np.generic) else value)
    return kind(value)


def kind(value: Any) -> str:
    """Return the type of a value for a message."""
    name = type(value).__name__
    return {"ndarray": "an array", "int": "an integer"}.get(name, f"a {name}")
