"""Read the members of a feature pickle, conversation by conversation, and check each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synctva.datasets_scripts.text_repair import repair_text

from .forms import LABELS, TEXT_LAYERS, FeatureForm, identify_form, is_sequence, short
from .safe_globals import PickleRefused
from .safe_unpickling import load_pickle


@dataclass(frozen=True)
class FeatureMembers:
    """A feature pickle with its members by name."""

    path: Path
    form: FeatureForm
    members: dict[str, Any] = field(repr=False)
    widths: dict[str, int] = field(default_factory=dict)
    """Number of features of each modality, from the first vector that was read."""

    def utterance_ids(self, conversation: Any) -> list[str]:
        """Return the names of the utterances: the file's if text, else <conversation>_<number>."""
        count = len(self._entries("labels", conversation))
        if "utterance_ids" not in self.members:
            return [f"{conversation}_{number}" for number in range(count)]
        names = []
        for row, name in enumerate(self._entries("utterance_ids", conversation, count)):
            if not isinstance(name, str) and not _is_whole(name):
                raise ValueError(
                    f"{self.path}, conversation {conversation!r}, utterance_ids[{row}] = "
                    f"{short(name)}: expected text or a whole number"
                )
            names.append(str(name) if isinstance(name, str) else f"{conversation}_{name}")
        return names

    def labels(self, conversation: Any, ids: Sequence[str]) -> list[int]:
        """Return the labels as positions in the corpus's label names."""
        names = LABELS[self.form.corpus]
        labels = []
        for label, utterance in zip(self._entries("labels", conversation), ids, strict=True):
            if not _is_whole(label) or not 0 <= label < len(names):
                numbered = ", ".join(f"{number} {name}" for number, name in enumerate(names))
                raise ValueError(
                    f"{self._where(conversation, utterance)}, label = {short(label)}: expected one "
                    f"of {numbered}"
                )
            labels.append(int(label))
        return labels

    def speakers(self, conversation: Any, ids: Sequence[str]) -> list[str]:
        """Return the speakers: "M" and "F" in IEMOCAP, in MELD the position in a one-hot vector."""
        speakers = []
        entries = self._entries("speakers", conversation, len(ids))
        for speaker, utterance in zip(entries, ids, strict=True):
            where = self._where(conversation, utterance)
            if self.form.corpus == "iemocap":
                if not isinstance(speaker, str) or speaker not in ("M", "F"):
                    raise ValueError(f"{where}, speaker = {short(speaker)}: expected 'M' or 'F'")
                speakers.append(str(speaker))
                continue
            vector = _vector(speaker, where, "speakers")
            if sorted(vector.tolist()) != [0.0] * (len(vector) - 1) + [1.0]:
                raise ValueError(
                    f"{where}, speaker = {np.array2string(vector, threshold=20)}: expected a "
                    "one-hot vector"
                )
            speakers.append(str(vector.argmax()))
        return speakers

    def texts(self, conversation: Any, ids: Sequence[str]) -> list[str]:
        """Return the texts, repaired."""
        entries = self._entries("sentences", conversation, len(ids))
        for text, utterance in zip(entries, ids, strict=True):
            if not isinstance(text, str):
                where = self._where(conversation, utterance)
                raise ValueError(f"{where}, sentence = {short(text)}: expected text")
        return [repair_text(text) for text in entries]

    def features(self, modality: str, conversation: Any, ids: Sequence[str]) -> np.ndarray:
        """Return the (N, D) float32 features of a modality; several layers of text are averaged."""
        layers = [name for name in TEXT_LAYERS if name in self.members]
        if modality != "text" or not layers:
            return self._matrix(modality, modality, conversation, ids)
        matrices = [self._matrix(layer, "text", conversation, ids) for layer in layers]
        return np.stack(matrices).mean(axis=0)

    def _matrix(
        self, member: str, modality: str, conversation: Any, ids: Sequence[str]
    ) -> np.ndarray:
        rows = []
        entries = self._entries(member, conversation, len(ids))
        for entry, utterance in zip(entries, ids, strict=True):
            where = self._where(conversation, utterance)
            row = _vector(entry, where, member)
            width = self.widths.setdefault(modality, len(row))
            if len(row) != width:
                raise ValueError(
                    f"{where}, {member} has {len(row)} numbers: expected {width}, as many as the "
                    "first utterance"
                )
            rows.append(row)
        return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)

    def _entries(self, member: str, conversation: Any, count: int | None = None) -> Sequence[Any]:
        """Return a conversation's entries in a member, one per utterance, `count` in all."""
        where = f"{self.path}, conversation {conversation!r}"
        if conversation not in self.members[member]:
            raise ValueError(f"{where} is missing from {member}: expected it in all members")
        entries = self.members[member][conversation]
        if not is_sequence(entries):
            raise ValueError(f"{where}, {member} = {short(entries)}: expected a list")
        if count is not None and len(entries) != count:
            raise ValueError(
                f"{where}, {member} has {len(entries)} entries: expected {count}, one per label"
            )
        return entries

    def _where(self, conversation: Any, utterance: str) -> str:
        return f"{self.path}, conversation {conversation!r}, utterance {utterance!r}"


def open_feature_pickle(path: str | Path, form: str | None = None) -> FeatureMembers:
    """Read a pickle without executing it, and name its members.

    Args:
        path: the pickle.
        form: name of the form that it must have; None: recognised by the content.

    Raises:
        FileNotFoundError: there is no such file.
        PickleRefused: the file is not a pickle, is damaged, or contains more than data.
        ValueError: the file does not have that form, or any known form.
    """
    path = Path(path).expanduser()
    try:
        data = load_pickle(path)
    except PickleRefused as error:
        # COGMEN, and the code that it is based on, save objects of their own classes.
        if (error.name or "").split(".")[0] in ("cogmen", "dgcn"):
            raise PickleRefused(
                f"{error} Import IEMOCAP_features.pkl, from which this file was made.",
                error.name,
            ) from None
        raise
    try:
        found = identify_form(data, form)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return FeatureMembers(path, found, dict(zip(found.members, data, strict=True)))


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _vector(value: Any, where: str, member: str) -> np.ndarray:
    """Return an array or a list of finite numbers as (D,) float32."""
    flat = isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        numbers = True
    else:
        numbers = flat and all(isinstance(x, (int, float, np.number)) for x in value)
    if not flat or not numbers or not len(value):
        shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
        raise ValueError(f"{where}, {member} = {short(value)}{shape}: expected a list of numbers")
    with np.errstate(over="ignore"):  # too large numbers are found below
        vector = np.asarray(value, dtype=np.float32)
    wrong = np.flatnonzero(~np.isfinite(vector))
    if len(wrong):
        raise ValueError(
            f"{where}, {member}[{wrong[0]}] = {short(value[wrong[0]])}: expected a finite number"
        )
    return vector
