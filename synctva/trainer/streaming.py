"""Conversations from Arrow tables and Parquet files to the collator, as numpy arrays.

`datasets`' own numpy format converts row by row and list by list. A column of conversations is one
contiguous block of numbers with offsets, so that the rows of a whole batch can be views of it: some
twenty times faster, which for a model of this size is a tenth of a training step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import datasets
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch

from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.trainer.collator import MODEL_COLUMNS

Row = dict[str, Any]


def table_rows(table: pa.Table | pa.RecordBatch) -> list[Row]:
    """Rows of a table; lists of numbers as numpy arrays, (N,) or (N, D).

    The arrays are views of the table's memory where Arrow's layout allows it, and read-only then.
    What is not a list of numbers, or has a null in it, comes as a Python object.
    """
    columns = {name: _column_rows(table.column(name)) for name in table.column_names}
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _column_rows(column: pa.Array | pa.ChunkedArray) -> Sequence[Any]:
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    if not pa.types.is_list(column.type) or column.null_count or not len(column):
        return column.to_pylist()
    values = column.flatten()  # of these rows alone
    width = 0
    if pa.types.is_fixed_size_list(values.type) and not values.null_count:
        width = values.type.list_size
        values = values.flatten()
    kind = values.type
    numbers = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if not numbers or values.null_count:
        return column.to_pylist()
    array = values.to_numpy(zero_copy_only=False)
    if width:
        array = array.reshape(-1, width)
    offsets = column.offsets.to_numpy()
    return np.split(array, offsets[1:-1] - offsets[0])


class ConversationRows(torch.utils.data.Dataset):
    """A `datasets.Dataset` of conversations, read by `table_rows`."""

    def __init__(self, dataset: datasets.Dataset):
        columns = [name for name in MODEL_COLUMNS if name in dataset.column_names]
        self.dataset = dataset.select_columns(columns).with_format("arrow")

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Row:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Row]:
        """All rows of a batch at once; torch's loader asks for this."""
        return table_rows(self.dataset[list(indices)])


class ConversationStream(torch.utils.data.IterableDataset):
    """Conversations from Parquet files that need not fit into memory.

    An epoch reads the row groups in a random order and passes their rows through a buffer out of
    which they come in a random order; both depend on the seed and the epoch alone, so that any
    number of processes sees the same steps and a resumed epoch goes on where it was.

    Every conversation comes exactly once an epoch. Where their number does not fill the last step,
    blank conversations without label and modality do, which add nothing to loss or gradient:
    Accelerate would repeat conversations instead.

    Args:
        files: Parquet files of one split: paths, or URLs that `fsspec` opens (`hf://...`).
        columns: which to read, of those that are there.
        shuffle: False: the order of the files.
        buffer_size: conversations in the buffer.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: no file is given, or one is no Parquet file of conversations.
    """

    def __init__(
        self,
        files: Sequence[str],
        columns: Sequence[str] = MODEL_COLUMNS,
        shuffle: bool = True,
        buffer_size: int = 2_048,
    ):
        if not files:
            raise ValueError("files is empty: expected at least one Parquet file")
        self.files = [str(file) for file in files]
        self.shuffle = shuffle
        self.buffer_size = buffer_size
        self.seed = 0
        self.step_size = 1
        # In shared memory, because a persistent worker keeps the stream of the first epoch.
        self._epoch = torch.zeros((), dtype=torch.long).share_memory_()
        self._groups: list[tuple[int, int]] = []  # (file, row group)
        self.num_conversations = 0
        for number, file in enumerate(self.files):
            with fsspec.open(file, "rb") as handle:
                try:
                    metadata = parquet.ParquetFile(handle).metadata
                except pa.ArrowInvalid as error:
                    raise ValueError(f"{file} is not readable as Parquet: {error}") from None
            names = {
                metadata.schema.column(i).path.split(".")[0] for i in range(metadata.num_columns)
            }
            if "labels" not in names or "modality_mask" not in names:
                raise ValueError(
                    f"{file} has the columns {sorted(names)}: expected those of a conversation, "
                    "labels and modality_mask among them"
                )
            self._groups += [(number, group) for group in range(metadata.num_row_groups)]
            self.num_conversations += metadata.num_rows
            self.column_names = [name for name in columns if name in names]

    def set_step(self, seed: int, step_size: int) -> None:
        """Choose the seed, and of how many conversations an epoch's length is a multiple."""
        self.seed, self.step_size = seed, step_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return -(-self.num_conversations // self.step_size) * self.step_size

    def __iter__(self) -> Iterator[Row]:
        worker = torch.utils.data.get_worker_info()
        if worker is not None and worker.num_workers > 1:
            raise ValueError(
                f"dataloader_num_workers = {worker.num_workers}: expected 0 or 1 for a stream, of "
                "which every worker would read the whole"
            )
        if self.shuffle:
            yield from self._shuffled()
        else:
            for block in self.blocks(self.column_names):
                yield from block
        for _ in range(len(self) - self.num_conversations):
            yield {
                "labels": np.array([IGNORE_INDEX]),
                "modality_mask": np.zeros((1, len(MODALITIES)), dtype=bool),
            }

    def blocks(
        self, columns: Sequence[str], order: Sequence[int] | None = None
    ) -> Iterator[list[Row]]:
        """The rows of one row group after the other, with these columns.

        Args:
            columns: names.
            order: of the row groups; default: that of the files.
        """
        with contextlib.ExitStack() as stack:
            last = None
            for index in range(len(self._groups)) if order is None else order:
                number, group = self._groups[index]
                if number != last:
                    stack.close()
                    last = number
                    handle = stack.enter_context(fsspec.open(self.files[number], "rb"))
                    file = parquet.ParquetFile(handle)
                yield table_rows(file.read_row_group(group, list(columns), use_threads=False))

    def _shuffled(self) -> Iterator[Row]:
        generator = np.random.default_rng([self.seed, int(self._epoch)])
        order = generator.permutation(len(self._groups)).tolist()
        buffer: list[Row] = []
        for block in self.blocks(self.column_names, order):
            for row in map(_owned, block):
                if len(buffer) < self.buffer_size:
                    buffer.append(row)
                    continue
                place = int(generator.integers(len(buffer)))
                yield buffer[place]
                buffer[place] = row
        for place in generator.permutation(len(buffer)):
            yield buffer[place]


def _owned(row: Row) -> Row:
    """A copy: a view would keep its whole row group alive while it waits in the buffer."""
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in row.items()}


Conversations: TypeAlias = datasets.Dataset | ConversationStream
"""What can be trained on."""


def blocks(dataset: Conversations, columns: Sequence[str], size: int = 256) -> Iterator[list[Row]]:
    """All rows of a data set in its order, some at a time, with those of these columns it has."""
    columns = [name for name in columns if name in dataset.column_names]
    if isinstance(dataset, ConversationStream):
        yield from dataset.blocks(columns)
        return
    tables = dataset.select_columns(columns).with_format("arrow")
    for start in range(0, len(tables), size):
        yield table_rows(tables[start : start + size])


__all__ = ["ConversationRows", "ConversationStream", "Conversations", "Row", "blocks", "table_rows"]
