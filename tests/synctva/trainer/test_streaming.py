import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset

from synctva.modeling_synctva.objective import IGNORE_INDEX
from synctva.trainer.collator import SyncTVACollator
from synctva.trainer.streaming import ConversationRows, ConversationStream, blocks, table_rows
from tests.support.toy import toy_config, toy_dataset


def written(tmp_path, dataset, files=3, row_group=4):
    names = []
    for number in range(files):
        names.append(str(tmp_path / f"{number}.parquet"))
        dataset.shard(files, number, contiguous=True).to_parquet(names[-1], batch_size=row_group)
    return names


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(other[name]), err_msg=name)


def test_rows_equal_those_of_the_numpy_format():
    dataset = toy_dataset(30)
    rows = ConversationRows(dataset)
    reference = dataset.with_format("numpy")
    assert len(rows) == 30
    for row, index in zip(rows.__getitems__([7, 3, 29]), [7, 3, 29], strict=True):
        same(row, {name: reference[index][name] for name in row})
        same(row, rows[index])
    assert rows[0]["text_features"].dtype == np.float32


def test_rows_of_a_selection_and_of_several_chunks():
    dataset = toy_dataset(12)
    reference = ConversationRows(dataset)
    dataset = dataset.select_columns(list(reference[0])).with_format("arrow")
    for row, index in zip(table_rows(dataset.select([5, 1, 8])[1:3]), [1, 8], strict=True):
        same(row, reference[index])
    parts = [dataset[[4]], dataset[[9]]]
    for row, index in zip(table_rows(pa.concat_tables(parts)), [4, 9], strict=True):
        same(row, reference[index])


def test_nulls_become_none():
    table = Dataset.from_dict({"a": [[1.0, None], [], [2.0]], "b": [None, [1], [2]]}).data.table
    assert [row["a"] for row in table_rows(table)] == [[1.0, None], [], [2.0]]
    assert [row["b"] for row in table_rows(table)] == [None, [1], [2]]
    assert table_rows(table.slice(0, 0)) == []


def test_a_stream_has_every_conversation_once_and_then_blanks(tmp_path):
    dataset = toy_dataset(22)
    stream = ConversationStream(written(tmp_path, dataset), buffer_size=5)
    stream.set_step(seed=3, step_size=8)
    assert len(stream) == 24
    orders = []
    for epoch in (0, 0, 1):
        stream.set_epoch(epoch)
        rows = list(stream)
        orders.append([row["dialogue_id"] for row in rows[:22]])
        assert sorted(orders[-1]) == sorted(dataset["dialogue_id"])
        assert len(rows) == 24
        batch = SyncTVACollator(toy_config())(rows[20:])  # two real, two blank
        assert (batch["labels"][2:] == IGNORE_INDEX).all()
        assert not batch["modality_mask"][2:].any()
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != dataset["dialogue_id"]


def test_a_streamed_row_is_the_row(tmp_path):
    dataset = toy_dataset(10)
    rows = {row["dialogue_id"]: row for row in ConversationStream(written(tmp_path, dataset))}
    for index, expected in enumerate(ConversationRows(dataset)):
        same(rows[dataset[index]["dialogue_id"]], expected)


def test_without_shuffling_the_order_is_that_of_the_files(tmp_path):
    dataset = toy_dataset(10)
    stream = ConversationStream(written(tmp_path, dataset), shuffle=False)
    assert [row["dialogue_id"] for row in stream] == list(dataset["dialogue_id"])
    ids = [row["dialogue_id"] for row in itertools.chain(*blocks(stream, ["dialogue_id"]))]
    assert ids == [row["dialogue_id"] for row in itertools.chain(*blocks(dataset, ["dialogue_id"]))]


def test_several_workers_are_refused(tmp_path):
    stream = ConversationStream(written(tmp_path, toy_dataset(6)))
    loader = torch.utils.data.DataLoader(stream, num_workers=2, collate_fn=list)
    with pytest.raises(ValueError, match="dataloader_num_workers = 2"):
        list(loader)


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="files is empty"):
        ConversationStream([])
    with pytest.raises(FileNotFoundError):
        ConversationStream([str(tmp_path / "absent.parquet")])
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(ValueError, match=r"text\.parquet is not readable as Parquet"):
        ConversationStream([str(tmp_path / "text.parquet")])
    Dataset.from_dict({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match=r"other\.parquet has the columns \['a'\]"):
        ConversationStream([str(tmp_path / "other.parquet")])
