"""Names and sizes of the corpora: labels in their order, splits, acoustic measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synctva.modeling_synctva.configuration_synctva import MELD_LABELS as MELD_LABELS
from synctva.modeling_synctva.configuration_synctva import counted

SPLITS = ("train", "dev", "test")
"""Names and order of the splits everywhere."""

# MELD's labels (neutral, surprise, fear, sadness, joy, disgust, anger) come from the config, whose
# default they are: the files of a saved model cannot import this one.
MELD_SENTIMENTS = ("neutral", "positive", "negative")
IEMOCAP6_LABELS = ("hap", "sad", "neu", "ang", "exc", "fru")
IEMOCAP4_LABELS = ("hap", "sad", "neu", "ang")

IEMOCAP_CODES = ("ang", "dis", "exc", "fea", "fru", "hap", "neu", "oth", "sad", "sur", "xxx")
"""Labels in IEMOCAP's release. xxx: no label that a majority of the annotators chose."""

PROSODY_MEASURES = (
    "duration",  # s
    "avg_intensity",  # dB
    "intensity_variation",  # dB
    "avg_pitch",  # Hz
    "pitch_std",  # Hz
    "pitch_range",  # Hz
    "articulation_rate",  # syllables per second
    "mean_hnr",  # dB, harmonics-to-noise ratio
)
"""The eight acoustic measures in the tables of MELD and IEMOCAP, which `synctva.audio` computes."""


@dataclass(frozen=True)
class SplitSize:
    """Size of a split."""

    utterances: int
    conversations: int


MELD_SIZES = {
    "train": SplitSize(9_989, 1_038),
    "dev": SplitSize(1_109, 114),
    "test": SplitSize(2_610, 280),
}
# The literature's: 7,433 utterances, of which 53 are "hap" here but "xxx" in the release.
IEMOCAP6_SIZES = {
    "train": SplitSize(5_163, 108),
    "dev": SplitSize(647, 12),
    "test": SplitSize(1_623, 31),
}


@dataclass(frozen=True)
class LabelProtocol:
    """Which of IEMOCAP's labels are classes, which are merged, and which are left out."""

    label_names: tuple[str, ...]
    merged: Mapping[str, str]
    """Label of the release -> the class that it counts as."""
    session_sizes: Mapping[int, SplitSize]
    """Size of each session of the official release."""

    def label_of(self, code: str) -> int | None:
        """Return the id of a label of the release, None if the protocol leaves it out."""
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
    """Return the position of `value` in `label_names`.

    Raises:
        ValueError: the label is not one of the names; the message starts with `where`.
    """
    try:
        return list(label_names).index(value)
    except ValueError:
        expected = ", ".join(label_names)
        raise ValueError(f"{where} = {value!r}: expected one of {expected}") from None


def size_differences(
    official: Mapping[str, SplitSize], found: Mapping[str, SplitSize]
) -> list[str]:
    """Return a sentence for each split whose size is not the official one."""
    return [
        f"{split} has {counted(found[split].utterances, 'utterance')} in "
        f"{counted(found[split].conversations, 'conversation')}: expected {size.utterances:,} in "
        f"{size.conversations:,}"
        for split, size in official.items()
        if found[split] != size
    ]
