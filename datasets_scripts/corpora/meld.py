"""MELD (Poria et al. 2019): conversations of several speakers with seven emotions.

The official release has {train,dev,test}_sent_emo.csv, in the variant of two speakers at a time
{train,dev,test}_sent_emo_dya.csv, and folders of clips. Tables of features,
{train,dev,test}_prosody.csv, are read if they are there. Each of these is in the folder itself or
where the release's archives put it: in MELD.Raw, or in a folder train, dev or test of either.
Reading clips was tested on generated folders in this format, not on the real release's clips.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from datasets import DatasetDict

from synctva.datasets_scripts.builder import (
    ConversationBuilder,
    ConversationConfig,
    Reading,
    build,
    data_folder,
    fingerprint,
    required_file,
)
from synctva.datasets_scripts.labels import (
    MELD_LABELS,
    MELD_SENTIMENTS,
    MELD_SIZES,
    SPLITS,
    label_id,
)
from synctva.datasets_scripts.schema import Conversation, new_conversation
from synctva.datasets_scripts.table.csv_rows import CsvTable, read_csv
from synctva.datasets_scripts.text_repair import repair_text

from .feature_csv import feature_names, join_tables, meld_utterance_id, read_feature_table

logger = logging.getLogger(__name__)

COLUMNS = ("Utterance", "Speaker", "Dialogue_ID", "Utterance_ID", "StartTime", "EndTime")
CLIP_COLUMNS = {
    False: ("Dialogue_ID", "Utterance_ID"),
    True: ("Old_Dialogue_ID", "Old_Utterance_ID"),
}
"""Columns that name an utterance's clip, in the release and in its dyadic variant."""

LABELS = {"emotion": MELD_LABELS, "sentiment": MELD_SENTIMENTS}

CLIP_FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}

# 132 test clips were cut a second time and have this prefix. People who listened report that these
# contain the utterances, and that the clips of the same names without the prefix do not.
RECUT_PREFIX = "final_videos_test"

# Clips that the release lacks or that cannot be decoded. Features that a table has for them cannot
# have been measured on the utterance.
UNUSABLE_CLIPS = {
    "train": frozenset({"dia125_utt3"}),
    "dev": frozenset({"dia110_utt7"}),
    "test": frozenset[str](),
}

_TIME = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})")


@dataclass
class MeldConfig(ConversationConfig):
    """Configuration of `Meld`."""

    prosody: bool | None = None
    label: str = "emotion"
    dyadic: bool = False


class Meld(ConversationBuilder):
    """Builder of MELD; use it through `load_meld`."""

    BUILDER_CONFIG_CLASS = MeldConfig
    config: MeldConfig

    def read(self) -> Reading:
        folder = Path(self.config.data_dir or "")
        conversations: dict[str, list[Conversation]] = {}
        notes = []
        for split in SPLITS:
            label, dyadic = self.config.label, self.config.dyadic
            required = dict.fromkeys((label.capitalize(), *COLUMNS, *CLIP_COLUMNS[dyadic]))
            table = read_csv(_sentences(folder, split, dyadic), tuple(required))
            conversations[split], repaired = _conversations(table, label, dyadic)
            if repaired:
                notes.append(f"{split}: {repaired} texts or names with damaged characters repaired")
            notes += _attach_clips(conversations[split], folder, split)
        paths = _prosody(folder, self.config.prosody)
        if paths:
            tables = {split: read_feature_table(path) for split, path in paths.items()}
            for split, clips in UNUSABLE_CLIPS.items():
                for clip in clips:
                    tables[split].index.pop(clip, None)
            notes += join_tables(conversations, tables, "audio")
        return Reading(conversations, notes)


def load_meld(
    data_dir: str | Path,
    prosody: bool | None = None,
    *,
    label: str = "emotion",
    dyadic: bool | None = None,
    check_counts: bool = True,
    cache_dir: str | Path | None = None,
) -> DatasetDict:
    """Load MELD's splits train, dev and test.

    Args:
        data_dir: folder with the official CSVs, or the release's MELD.Raw, or the parent of that.
        prosody: join {train,dev,test}_prosody.csv as audio features. By default they are joined if
            all three exist; otherwise a warning says so.
        label: "emotion" (seven) or "sentiment" (neutral, positive, negative).
        dyadic: read the variant of two speakers at a time, in which an utterance may be in several
            conversations. By default if the folder has only this variant.
        check_counts: warn if the splits do not have the official sizes. Of the dyadic variant they
            are not known.
        cache_dir: where `datasets` keeps the built data set; by default its own cache.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`. Utterances have the names of
        the clips, "dia0_utt0", whose numbers start at 0 in each split. media_paths are the clips.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the label is unknown; a file is unreadable, lacks a column, or has a duplicate
            utterance, an unknown label, or a cell that is not a number.
    """
    if label not in LABELS:
        raise ValueError(f"label = {label!r}: expected one of {', '.join(LABELS)}")
    folder = data_folder(data_dir)
    if dyadic is None:
        names = (_sentences_name("train", variant) for variant in (False, True))
        whole, pairs = (_find(folder, "train", name) for name in names)
        dyadic = whole is None and pairs is not None
        if dyadic:
            logger.warning("meld: %s has the dyadic variant: it is loaded", folder)
    tables = _prosody(folder, prosody)
    if prosody is None and not tables:
        lacking = ", ".join(f"{split}_prosody.csv" for split in _without_prosody(folder))
        logger.warning("meld: %s has no %s: only text is loaded", folder, lacking)
    builder = Meld(
        cache_dir=cache_dir and str(cache_dir),
        data_dir=str(folder),
        label_names=LABELS[label],
        audio_dim=len(feature_names(tables["train"])) if tables else None,
        prosody=prosody,
        label=label,
        dyadic=dyadic,
        fingerprint=fingerprint(
            [*(_sentences(folder, split, dyadic) for split in SPLITS), *tables.values()],
            [str(clip) for split in SPLITS for clip in sorted(_clips(folder, split).values())],
        ),
    )
    return build(builder, MELD_SIZES if check_counts and not dyadic else None)


def _find(folder: Path, split: str, name: str) -> Path | None:
    """Find a split's file or folder of that name, however the release was extracted."""
    raw = folder / "MELD.Raw"
    places = (place / name for place in (folder, folder / split, raw, raw / split))
    return next((place for place in places if place.exists()), None)


def _sentences_name(split: str, dyadic: bool) -> str:
    return f"{split}_sent_emo{'_dya' * dyadic}.csv"


def _sentences(folder: Path, split: str, dyadic: bool) -> Path:
    name = _sentences_name(split, dyadic)
    archive = _find(folder, split, f"{split}.tar.gz")
    expected = f"{archive.name} unpacked" if archive else "the CSVs of MELD's official release"
    return _find(folder, split, name) or required_file(folder, name, expected)


def _without_prosody(folder: Path) -> list[str]:
    return [split for split in SPLITS if _find(folder, split, f"{split}_prosody.csv") is None]


def _prosody(folder: Path, wanted: bool | None) -> dict[str, Path]:
    """Return the path of each split's acoustic measures; none if not wanted or not complete."""
    if wanted is False or (wanted is None and _without_prosody(folder)):
        return {}
    expected = "a table of acoustic measures by Dialogue_ID and Utterance_ID, or prosody=False"
    names = {split: f"{split}_prosody.csv" for split in SPLITS}
    return {
        split: _find(folder, split, name) or required_file(folder, name, expected)
        for split, name in names.items()
    }


def _conversations(table: CsvTable, label: str, dyadic: bool) -> tuple[list[Conversation], int]:
    """Return a split's conversations in order, and the number of repaired texts and names."""
    numbers, utterances = table.integers("Dialogue_ID"), table.integers("Utterance_ID")
    speakers = [repair_text(name) for name in table.column("Speaker")]
    texts = [repair_text(text) for text in table.column("Utterance")]
    repaired = sum(
        new != old.strip()
        for new, old in zip(
            texts + speakers, table.column("Utterance") + table.column("Speaker"), strict=True
        )
    )
    labels = [
        label_id(name.strip().lower(), LABELS[label], table.where(row, label.capitalize()))
        for row, name in enumerate(table.column(label.capitalize()))
    ]
    clips = [
        meld_utterance_id(*pair)
        for pair in zip(*map(table.integers, CLIP_COLUMNS[dyadic]), strict=True)
    ]
    starts, ends = _seconds(table, "StartTime"), _seconds(table, "EndTime")

    rows_of: dict[int, list[int]] = {}
    for row in sorted(range(len(texts)), key=lambda row: (numbers[row], utterances[row])):
        rows_of.setdefault(numbers[row], []).append(row)
    conversations = []
    for number, rows in rows_of.items():
        conversation = new_conversation(
            f"dia{number}",
            [clips[row] for row in rows],
            [speakers[row] for row in rows],
            [texts[row] for row in rows],
            [labels[row] for row in rows],
        )
        conversation["starts"] = [starts[row] for row in rows]
        conversation["ends"] = [ends[row] for row in rows]
        conversations.append(conversation)
    return conversations, repaired


def _seconds(table: CsvTable, column: str) -> list[float]:
    """Return a column of times "hours:minutes:seconds,milliseconds" in seconds."""
    seconds = []
    for row, cell in enumerate(table.column(column)):
        match = _TIME.fullmatch(cell.strip())
        if match is None:
            raise ValueError(
                f"{table.where(row, column)} = {cell!r}: expected a time such as 00:16:21,731"
            )
        hours, minutes, whole, fraction = match.groups()
        seconds.append(int(hours) * 3600 + int(minutes) * 60 + int(whole) + float(f"0.{fraction}"))
    return seconds


def _clips(folder: Path, split: str) -> dict[str, Path]:
    """Return the clips of a split by utterance, without the hidden files that macOS adds."""
    clips = _find(folder, split, CLIP_FOLDERS[split])
    if clips is None:
        return {}
    paths = {path.stem: path for path in clips.glob("[!.]*.mp4")}
    recut = {name for name in paths if name.startswith(RECUT_PREFIX)}
    paths.update({name.removeprefix(RECUT_PREFIX): paths.pop(name) for name in recut})
    for name in UNUSABLE_CLIPS[split]:
        paths.pop(name, None)
    return paths


def _attach_clips(conversations: list[Conversation], folder: Path, split: str) -> list[str]:
    """Give the utterances their clips; return notes on missing and unused clips."""
    clips = _clips(folder, split)
    for conversation in conversations:
        conversation["media_paths"] = [
            str(clips[name]) if name in clips else None for name in conversation["utterance_ids"]
        ]
    if not clips:
        return []
    names = {name for conversation in conversations for name in conversation["utterance_ids"]}
    recut = {name for name in names & clips.keys() if clips[name].stem != name}
    counts = {
        "utterances without a clip": len(names - clips.keys()),
        "clips belong to no utterance": len(clips.keys() - names),
        f"utterances have a clip that was cut again, {RECUT_PREFIX}*.mp4": len(recut),
    }
    return [f"{split}: {number} {what}" for what, number in counts.items() if number]
