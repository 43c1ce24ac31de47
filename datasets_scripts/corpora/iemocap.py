"""IEMOCAP (Busso et al. 2008) with six emotions, from one CSV.

Columns: split, dialogue_id, utterance_index, utterance_id, speaker, text, emotion, and the acoustic
measures of `labels.PROSODY_MEASURES`. The splits are the literature's: session 5 is the test set.
IEMOCAP's texts and clips are licensed by its authors and are not part of this package.
`iemocap_release` reads the folders of the official release.
"""

from __future__ import annotations

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
    IEMOCAP6_LABELS,
    IEMOCAP6_SIZES,
    PROSODY_MEASURES,
    SPLITS,
    label_id,
)
from synctva.datasets_scripts.missing_features import attach_features
from synctva.datasets_scripts.schema import Conversation, new_conversation
from synctva.datasets_scripts.table.csv_rows import CsvTable, read_csv
from synctva.datasets_scripts.text_repair import repair_text

from .iemocap_release import load_iemocap_release
from .iemocap_release_files import release_root

FILE_NAME = "iemocap6.csv"
COLUMNS = (
    "split",
    "dialogue_id",
    "utterance_index",
    "utterance_id",
    "speaker",
    "text",
    "emotion",
)


@dataclass
class IemocapConfig(ConversationConfig):
    """Configuration of `Iemocap`; data_dir is the CSV."""

    prosody: bool = True


class Iemocap(ConversationBuilder):
    """Builder of IEMOCAP-6; use it through `load_iemocap`."""

    BUILDER_CONFIG_CLASS = IemocapConfig
    config: IemocapConfig

    def read(self) -> Reading:
        required = COLUMNS + (PROSODY_MEASURES if self.config.prosody else ())
        table = read_csv(Path(self.config.data_dir or ""), required)
        conversations: dict[str, list[Conversation]] = {split: [] for split in SPLITS}
        rows_of: dict[str, list[list[int]]] = {split: [] for split in SPLITS}
        columns = {name: table.column(name) for name in COLUMNS}
        for rows in _rows_by_conversation(table):
            split, conversation = _conversation(table, columns, rows)
            conversations[split].append(conversation)
            rows_of[split].append(rows)
        notes = []
        if self.config.prosody:
            numbers = table.numbers(PROSODY_MEASURES)
            values = {split: [numbers[r] for r in rows] for split, rows in rows_of.items()}
            notes = attach_features(conversations, values, PROSODY_MEASURES, "audio")
        return Reading(conversations, notes)


def load_iemocap(
    data_dir: str | Path,
    prosody: bool = True,
    *,
    check_counts: bool = True,
    cache_dir: str | Path | None = None,
) -> DatasetDict:
    """Load the splits train, dev and test of IEMOCAP-6.

    Args:
        data_dir: the CSV, or the folder that contains iemocap6.csv. If it is the official release's
            folder, `load_iemocap_release` reads it with its default arguments.
        prosody: use the CSV's eight acoustic measures as audio features. The release has none.
        check_counts: warn if the splits do not have the literature's sizes or, for the release, if
            the sessions do not have the official sizes.
        cache_dir: where `datasets` keeps the built data set; by default its own cache.

    Returns:
        Splits with the columns of `synctva.datasets_scripts.schema`.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: the file is unreadable, lacks a column or a split, or has a duplicate utterance,
            an unknown label, a conversation in two splits, or a cell that is not a number; or as
            `load_iemocap_release`.
    """
    path = data_folder(data_dir)
    if path.is_dir():
        if not (path / FILE_NAME).is_file() and release_root(path) is not None:
            return load_iemocap_release(path, check_counts=check_counts, cache_dir=cache_dir)
        columns = ", ".join(COLUMNS)
        expected = f"a CSV with the columns {columns}, or the official release's Session1 to 5"
        path = required_file(path, FILE_NAME, expected)
    builder = Iemocap(
        cache_dir=cache_dir and str(cache_dir),
        data_dir=str(path),
        label_names=IEMOCAP6_LABELS,
        audio_dim=len(PROSODY_MEASURES) if prosody else None,
        prosody=prosody,
        fingerprint=fingerprint([path]),
    )
    return build(builder, IEMOCAP6_SIZES if check_counts else None)


def _rows_by_conversation(table: CsvTable) -> list[list[int]]:
    """Return the row numbers of each conversation's utterances, in order.

    The conversations are in the order in which they appear in the table.
    """
    order = table.integers("utterance_index")
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(table.column("dialogue_id")):
        rows_of.setdefault(name, []).append(row)
    return [sorted(rows, key=order.__getitem__) for rows in rows_of.values()]


def _conversation(
    table: CsvTable, columns: dict[str, list[str]], rows: list[int]
) -> tuple[str, Conversation]:
    """Return the conversation in these rows, and its split."""
    cells = {name: [column[row] for row in rows] for name, column in columns.items()}
    split = cells["split"][0]
    for row, name in zip(rows, cells["split"], strict=True):
        if name not in SPLITS:
            raise ValueError(
                f"{table.where(row, 'split')} = {name!r}: expected one of {', '.join(SPLITS)}"
            )
        if name != split:
            raise ValueError(
                f"{table.where(row, 'split')} = {name!r}: expected {split!r}, as in the other rows "
                f"of conversation {cells['dialogue_id'][0]!r}"
            )
    labels = [
        label_id(name, IEMOCAP6_LABELS, table.where(row, "emotion"))
        for row, name in zip(rows, cells["emotion"], strict=True)
    ]
    return split, new_conversation(
        cells["dialogue_id"][0],
        cells["utterance_id"],
        cells["speaker"],
        [repair_text(text) for text in cells["text"]],
        labels,
    )
