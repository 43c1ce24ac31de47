"""Answers for a corpus of conversations in Parquet, block by block, by any number of workers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from transformers import pipeline

from synctva.files import written_whole

ANSWER_SCHEMA = pa.schema(
    {
        "dialogue_id": pa.string(),
        "labels": pa.list_(pa.string()),
        "scores": pa.list_(pa.float32()),
        "error": pa.string(),
    }
)
"""A row a conversation: the emotion and its probability by utterance, or why there is no answer."""


class CorpusRecogniser:
    """Recognises blocks of a corpus, and keeps each block's answers in a file of its own.

    The model is loaded once, when the object is made. A block that is in `output` is not computed
    again, and a file is there whole or not at all, so that a run that was killed goes on where it
    was. A conversation that cannot be answered is kept with its reason, and costs the others
    nothing.

    Args:
        model: folder or Hub name of a checkpoint.
        output: folder of the answers, `<key>.parquet` a block (`ANSWER_SCHEMA`).
        batch_size: conversations a forward pass.
        parameters: of the pipeline, such as `abstain_below`.
    """

    def __init__(
        self,
        model: str,
        output: str | os.PathLike,
        batch_size: int = 16,
        parameters: Mapping[str, Any] | None = None,
    ):
        self.output = Path(output)
        self.output.mkdir(parents=True, exist_ok=True)
        self.batch_size = batch_size
        self.recognise = pipeline("emotion-recognition", model=model, **(parameters or {}))

    def __call__(self, block: Mapping[str, Any]) -> dict[str, Any]:
        """A block of `corpus_blocks` → itself, `answered` and `failed`."""
        path = answers_file(self.output, block)
        if path.is_file():
            answers = parquet.read_table(path, schema=ANSWER_SCHEMA)
        else:
            rows = _read_rows(block["file"], block["first"], block["count"])
            answers = pa.Table.from_pylist(list(self._answer(rows)), ANSWER_SCHEMA)
            with written_whole(self.output) as unfinished:
                parquet.write_table(answers, unfinished / path.name)
        failed = len(answers) - answers["error"].null_count
        return {**block, "answered": len(answers) - failed, "failed": failed}

    def _answer(self, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(rows), self.batch_size):
            part = rows[start : start + self.batch_size]
            try:
                answers = self.recognise(part, batch_size=len(part))
            except Exception:  # by one of them: each for itself tells which, and why
                answers = [self._alone(row) for row in part]
            for row, answer in zip(part, answers, strict=True):
                name = row["dialogue_id"]
                if isinstance(answer, Exception):
                    yield {"dialogue_id": name, "error": f"{type(answer).__name__}: {answer}"}
                else:
                    labels = [utterance["label"] for utterance in answer]
                    scores = [utterance["score"] for utterance in answer]
                    yield {"dialogue_id": name, "labels": labels, "scores": scores}

    def _alone(self, row: dict[str, Any]) -> Any:
        try:
            return self.recognise(row)
        except Exception as error:
            return error


def corpus_blocks(files: Sequence[str | os.PathLike], size: int) -> list[dict[str, Any]]:
    """A corpus in blocks of up to `size` conversations, the same for the same files.

    Returns:
        `file`, `first` and `count` of each block's rows, and its `key`, made of their names.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: no `dialogue_id`, one that is no string, or one that is there twice.
    """
    if not files:
        raise FileNotFoundError("the corpus has no .parquet file")
    seen: set[str] = set()
    blocks = []
    for file in map(str, files):
        if "dialogue_id" not in parquet.read_schema(file).names:
            raise ValueError(f"{file} has no column dialogue_id: expected a name a conversation")
        names = parquet.read_table(file, columns=["dialogue_id"])[0].to_pylist()
        for row, name in enumerate(names):
            if not isinstance(name, str) or name in seen:
                expected = "a string that no other row has"
                raise ValueError(f"{file}, row {row}, dialogue_id = {name!r}: expected {expected}")
            seen.add(name)
        for first in range(0, len(names), size):
            own = names[first : first + size]
            key = hashlib.sha256("\0".join(own).encode()).hexdigest()[:16]
            blocks.append({"file": file, "first": first, "count": len(own), "key": key})
    return blocks


def answers_file(output: Path, block: Mapping[str, Any]) -> Path:
    """Where a block's answers are kept."""
    return output / f"{block['key']}.parquet"


def read_answers(output: Path, blocks: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The answers to these blocks, `ANSWER_SCHEMA`, in the order of the corpus."""
    files = [answers_file(output, block) for block in blocks]
    return pa.concat_tables(parquet.read_table(file, schema=ANSWER_SCHEMA) for file in files)


def _read_rows(file: str, first: int, count: int) -> list[dict[str, Any]]:
    """Some rows of a Parquet file, from the row groups that hold them; labels are left out."""
    source = parquet.ParquetFile(file)
    columns = [name for name in source.schema_arrow.names if name != "labels"]
    groups: list[int] = []
    start = offset = 0
    for group in range(source.num_row_groups):
        end = start + source.metadata.row_group(group).num_rows
        if start < first + count and end > first:
            if not groups:
                offset = first - start
            groups.append(group)
        start = end
    return source.read_row_groups(groups, columns=columns).slice(offset, count).to_pylist()


__all__ = ["ANSWER_SCHEMA", "CorpusRecogniser", "answers_file", "corpus_blocks", "read_answers"]
