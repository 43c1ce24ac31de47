"""Check a table of your own before you train on it.

    synctva check examples/data/conversations.csv
    synctva check <folder with train, dev and test> --label_names calm glad sad

Prints all mistakes and exits with 1, or prints what the table contains if there are none, with
warnings of what is probably not meant.
`synctva/datasets_scripts/table/__init__.py` lists the columns.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence

from synctva import MODALITIES
from synctva.commands import table_options
from synctva.datasets_scripts.schema import UNLABELLED, Conversation
from synctva.datasets_scripts.table.checking import TableError
from synctva.datasets_scripts.table.findings import repetitions
from synctva.datasets_scripts.table.loading import TableReading, read_table
from synctva.modeling_synctva.configuration_synctva import counted
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("check"), arguments)


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    try:
        table = read_table(
            options.data,
            options.label_names,
            options.seed,
            **table_options(options),
        )
    except TableError as error:
        print(*error.mistakes, f"mistakes: {len(error.mistakes)}", sep="\n")
        return 1
    except (FileNotFoundError, ValueError) as error:
        print(error)
        return 1
    print(summary(table))
    return 0


def summary(table: TableReading) -> str:
    """Return what a table contains, by split."""
    present = [m for m in MODALITIES if m == "text" or m in table.widths]
    header = ["split", "conversations", "utterances", *(f"without {m}" for m in present)]
    sizes: list[Sequence[object]] = [header]
    counts = {}
    for split, conversations in table.conversations.items():
        masks = [mask for c in conversations for mask in c["modality_mask"]]
        masked = [sum(not mask[MODALITIES.index(m)] for mask in masks) for m in present]
        sizes.append([split, len(conversations), len(masks), *masked])
        counts[split] = Counter(label for c in conversations for label in c["labels"])
    labels: list[Sequence[object]] = [["label", *counts]]
    for index, name in enumerate(table.label_names):
        labels.append([name, *(count[index] for count in counts.values())])
    if any(count[UNLABELLED] for count in counts.values()):
        labels.append(["(none)", *(count[UNLABELLED] for count in counts.values())])
    widths = [f"{m}: {table.widths[m]} features" for m in present if m in table.widths]
    lines = [*aligned(sizes), "", *aligned(labels), "", *widths, *table.notes]
    warnings = [*table.warnings, *repetitions(table.conversations)]
    if "train" in counts and "dev" not in counts:
        warnings.append("there is no dev, which `synctva train` needs")
    clips = sum(path is not None for c in all_of(table) for path in c["media_paths"])
    if clips:
        warnings.append(
            f"{counted(clips, 'file')} in media_path, which `synctva extract` reads and `synctva "
            "train` does not"
        )
    lines += [f"warning: {warning}" for warning in warnings]
    return "\n".join([*lines, "no mistakes"])


def all_of(table: TableReading) -> list[Conversation]:
    """Return the conversations of all splits."""
    return [c for conversations in table.conversations.values() for c in conversations]


def aligned(rows: Sequence[Sequence[object]]) -> Iterable[str]:
    """Yield the rows as lines with aligned columns."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *cells])
