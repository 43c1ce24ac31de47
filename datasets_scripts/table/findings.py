"""Find what is not a mistake in a table, but probably not meant: order, spelling, repetition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from synctva.datasets_scripts.schema import Conversation
from synctva.modeling_synctva.configuration_synctva import counted

from .checking import TableFile
from .labels import MISSING, alike, decimals
from .splits import SPLIT_OF, SplitTable

EXAMPLES = 3
"""Examples in a finding at most."""

LONG = 5
"""Words from which on the same sentence in two splits is hardly a coincidence."""


def findings(table: SplitTable, label_names: Sequence[str]) -> list[str]:
    """Return sentences on order, labels and columns of a table, with counts and examples."""
    found = list(dict.fromkeys(sentence for file in table.files for sentence in file.said))
    for file in table.files:
        found += _order(file)
        if file.ignored:
            columns = ", ".join(map(repr, file.ignored))
            found.append(f"{file.path.name}: columns that are not read: {columns}")
        if file.channels is not None and not any(file.media):
            found.append(f"{file.path.name}: 'channel' is not read: there is no media_path")
    found += _other_splits(table)
    return found + _labels(table, label_names)


def _order(file: TableFile) -> list[str]:
    """Return sentences on conversations whose times or numbers run backwards."""
    found = []
    numbers = [_numbers([file.cells["utterance_id"][r] for r in rows]) for rows in _rows(file)]
    starts = [file.times[rows, 0] for rows in _rows(file)]  # NaN where unknown
    for what, column in (("start times", starts), ("numbers in utterance_id", numbers)):
        backwards = []
        for rows, values in zip(_rows(file), column, strict=True):
            known = np.flatnonzero(~np.isnan(values))
            steps = np.flatnonzero(np.diff(values[known]) < 0)
            if len(steps):
                before, after = values[known[steps[0]]], values[known[steps[0] + 1]]
                backwards.append((rows[known[steps[0] + 1]], after, before))
        if backwards:
            row, after, before = backwards[0]
            found.append(
                f"{file.path.name}: in {len(backwards)} of {len(column)} conversations the {what} "
                f"run backwards, such as conversation {file.cells['dialogue_id'][row]!r}, line "
                f"{file.lines[row]}: {after:g} after {before:g}; rows are read in the order of the "
                "file"
            )
    return found


def _rows(file: TableFile) -> list[list[int]]:
    return list(file.conversations.values())


def _numbers(names: Sequence[str]) -> np.ndarray:
    """Return the numbers at the end of the names; all NaN unless the rest of them is the same."""
    parts = [re.fullmatch(r"(.*?)(\d{1,15})", name) for name in names]
    same = len({part and part[1] for part in parts}) == 1 and parts[0] is not None
    return np.array([float(part[2]) if same and part else np.nan for part in parts])


def _other_splits(table: SplitTable) -> list[str]:
    """Return a sentence for each file of a split whose column split says something else."""
    found = []
    for split, part in table.parts.items():
        if len(table.parts) > 1 and all(other.file is part.file for other in table.parts.values()):
            continue  # one file, divided by the column
        named = [SPLIT_OF.get(cell.lower(), cell) for cell in part.file.cells.get("split", [])]
        others = sum(name not in ("", split) for name in named)
        if others:
            found.append(
                f"{part.file.path.name}: {counted(others, 'row')} of another split, but 'split' is "
                f"not read here: the file is {split}"
            )
    return found


def _labels(table: SplitTable, label_names: Sequence[str]) -> list[str]:
    """Return sentences on labels that are spelt alike, numbers, rare or not in train."""
    counts = Counter(label for file in table.files for label in file.cells["emotion"] if label)
    found = [
        "labels that differ only in case, space or digits are classes of their own: "
        + _examples([f"{label!r} ({counts[label]})" for label in group])
        for group in alike(Counter({name: counts[name] for name in label_names}))
    ]
    numbers = decimals(counts)
    if numbers:
        found.append(
            f"labels are decimal numbers ({_examples(numbers)}): each is read as a class, because "
            "regression is not supported"
        )
    missing = [f"{name!r} ({counts[name]})" for name in label_names if name.lower() in MISSING]
    if missing:
        found.append(
            f"labels that look like missing ones are classes: {_examples(missing)}; an empty cell "
            "is an utterance without a label"
        )
    if len(label_names) == 1:
        found.append(f"there is one label, {label_names[0]!r}, and nothing to tell apart")
    once = [name for name in label_names if counts[name] == 1]
    if once:
        found.append(f"labels that occur once: {_examples(map(repr, once))}")
    if "train" in table.parts:
        train = table.parts["train"]
        learnt = {train.file.cells["emotion"][row] for row in train.rows}
        unseen = [repr(name) for name in label_names if name not in learnt]
        if unseen:
            found.append(f"labels of no training utterance: {_examples(unseen)}")
    return found


def repetitions(conversations: Mapping[str, Sequence[Conversation]]) -> list[str]:
    """Return sentences on what dev and test share with train: sentences, then speakers.

    Two sentences are the same if they have the same words, in whatever case and punctuation.
    """
    if "train" not in conversations:
        return []
    found = []
    texts = {split: _texts(rows) for split, rows in conversations.items()}
    for split in [split for split in texts if split != "train"]:
        known = {words for words, _ in texts["train"]}
        shared = [(words, text) for words, text in texts[split] if words in known]
        if shared:
            long = sum(len(words) >= LONG for words, _ in shared)
            shared.sort(key=lambda pair: -len(pair[0]))
            shown = dict.fromkeys(repr(text) for _, text in shared)
            found.append(
                f"{len(shared)} of {len(texts[split])} utterances of {split} also stand in "
                f"train, {long} of them with at least {LONG} words: {_examples(shown)}"
            )
    speakers = {
        split: {name for row in rows for name in row["speakers"] if name}
        for split, rows in conversations.items()
    }
    for split in [split for split in speakers if split != "train"]:
        shared_names = sorted(speakers[split] & speakers["train"])
        if shared_names:
            found.append(
                f"{len(shared_names)} of {len(speakers[split])} speakers of {split} are in train "
                f"too: {_examples(map(repr, shared_names))}"
            )
    return found


def _texts(rows: Sequence[Conversation]) -> list[tuple[tuple[str, ...], str]]:
    """Return the words and the text of each utterance that has words."""
    pairs = [(tuple(re.findall(r"\w+", t.casefold())), t) for row in rows for t in row["texts"]]
    return [pair for pair in pairs if pair[0]]


def _examples(items: Iterable[str]) -> str:
    """Return some of the items, and how many more there are."""
    items = list(items)
    more = len(items) - EXAMPLES
    return ", ".join(items[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


__all__ = ["findings", "repetitions"]
