"""Label names, their order, and the official sizes of the corpora: the one place that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synctva.audio.prosody import PROSODY_MEASURES as PROSODY_MEASURES

SPLITS = ("train", "dev", "test")
"""Names and order of the splits everywhere."""

MELD_LABELS = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
IEMOCAP6_LABELS = ("hap", "sad", "neu", "ang", "exc", "fru")
IEMOCAP4_LABELS = ("hap", "sad", "neu", "ang")

IEMOCAP_CODES = ("ang", "dis", "exc", "fea", "fru", "hap", "neu", "oth", "sad", "sur", "xxx")
"""Labels of IEMOCAP's release; xxx: no majority of the annotators."""


@dataclass(frozen=True)
class SplitSize:
    """Size of one split."""

    utterances: int
    conversations: int


MELD_SIZES = {
    "train": SplitSize(9_989, 1_038),
    "dev": SplitSize(1_109, 114),
    "test": SplitSize(2_610, 280),
}
# The literature's: 7,433 utterances, among them 53 as "hap" that the release labels "xxx".
IEMOCAP6_SIZES = {
    "train": SplitSize(5_163, 108),
    "dev": SplitSize(647, 12),
    "test": SplitSize(1_623, 31),
}


@dataclass(frozen=True)
class LabelProtocol:
    """Which of IEMOCAP's labels are told apart, merged or left out."""

    label_names: tuple[str, ...]
    merged: Mapping[str, str]
    """Label of the release -> the name that it counts as."""
    session_sizes: Mapping[int, SplitSize]
    """Of the official release, by session."""

    def label_of(self, code: str) -> int | None:
        """Id of a label of the release; None where the protocol leaves it out."""
        name = self.merged.get(code, code)
        return self.label_names.index(name) if name in self.label_names else None


IEMOCAP_PROTOCOLS = {
    "6-class": LabelProtocol(  # 7,380 utterances
        IEMOCAP6_LABELS,
        {},
        {
            1: SplitSize(1_365, 28),
            2: SplitSize(1_348, 30),
            3: SplitSize(1_533, 32),
            4: SplitSize(1_512, 30),
            5: SplitSize(1_622, 31),
        },
    ),
    "4-class": LabelProtocol(  # 5,531 utterances
        IEMOCAP4_LABELS,
        {"exc": "hap"},
        {
            1: SplitSize(1_085, 28),
            2: SplitSize(1_023, 30),
            3: SplitSize(1_151, 32),
            4: SplitSize(1_031, 30),
            5: SplitSize(1_241, 31),
        },
    ),
}


def label_id(value: str, label_names: Sequence[str], where: str) -> int:
    """Position of `value` in `label_names`.

    Raises:
        ValueError: the label is not among the names; the message starts with `where`.
    """
    try:
        return list(label_names).index(value)
    except ValueError:
        allowed = ", ".join(label_names)
        raise ValueError(f"{where}: unknown label {value!r}; expected one of: {allowed}.") from None


def size_differences(
    official: Mapping[str, SplitSize], found: Mapping[str, SplitSize]
) -> list[str]:
    """One sentence for each split whose size is not the official one."""
    return [
        f"{split}: {found[split].utterances:,} utterances in {found[split].conversations:,} conversations, "
        f"the official release has {size.utterances:,} in {size.conversations:,}"
        for split, size in official.items()
        if found[split] != size
    ]
