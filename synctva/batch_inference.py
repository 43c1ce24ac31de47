"""Recognise a corpus of conversations in Parquet, block by block, with any number of workers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from transformers import pipeline

from synctva.csv_output import write_csv
from synctva.files import written_whole
from synctva.modeling_synctva.conversation_input import MEDIA_FIELDS

ANSWER_SCHEMA = pa.schema(
    {
        "dialogue_id": pa.string(),
        "labels": pa.list_(pa.string()),
        "scores": pa.list_(pa.float32()),
        "error": pa.string(),
    }
)
"""One row per conversation: each utterance's emotion and its probability, or an error."""


class CorpusRecogniser:
    """Recognises blocks of a corpus and keeps each block's answers in a file of its own.

    The model is loaded once, when the object is created. Blocks that are already in `output` are
    not computed again, and a file is complete or absent, so that a run that was killed continues
    where it stopped. A conversation that fails is kept with its error; the others of its block are
    answered all the same.

    Args:
        model: folder or Hub name of a checkpoint.
        output: folder of the answers, one `<key>.parquet` per block (`ANSWER_SCHEMA`).
        batch_size: conversations per forward pass.
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
        """Recognise a block of `corpus_blocks`; return it with `answered` and `failed` added."""
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
            except Exception:  # one of them is at fault: one by one shows which, and why
                answers = [self._answer_or_error(row) for row in part]
            for row, answer in zip(part, answers, strict=True):
                name = row["dialogue_id"]
                if isinstance(answer, Exception):
                    yield {"dialogue_id": name, "error": f"{type(answer).__name__}: {answer}"}
                else:
                    labels = [utterance["label"] for utterance in answer]
                    scores = [utterance["score"] for utterance in answer]
                    yield {"dialogue_id": name, "labels": labels, "scores": scores}

    def _answer_or_error(self, row: dict[str, Any]) -> Any:
        try:
            return self.recognise(row)
        except Exception as error:
            return error


def corpus_blocks(files: Sequence[str | os.PathLike], size: int) -> list[dict[str, Any]]:
    """Divide a corpus into blocks of up to `size` conversations, the same for the same files.

    Returns:
        For each block, `file`, `first` and `count` of its rows, and a `key` made of their names.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: a file has a row per utterance, or a `dialogue_id` is missing, is not a string
            or occurs twice.
    """
    if not files:
        raise FileNotFoundError("the corpus has no .parquet file")
    seen: set[str] = set()
    blocks = []
    for file in map(str, files):
        columns = parquet.read_schema(file).names
        if "dialogue_id" not in columns:
            raise ValueError(f"{file} has no column dialogue_id: expected a name per conversation")
        if "texts" not in columns and set(columns) & {"text", *MEDIA_FIELDS}:
            raise ValueError(
                f"{file} has the columns {columns}, an utterance per row: expected a conversation "
                "per row, with texts, speakers or features, each a list"
            )
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
    """Return the path of a block's answers."""
    return output / f"{block['key']}.parquet"


def read_answers(output: Path, blocks: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Read the answers to these blocks, `ANSWER_SCHEMA`, in the order of the corpus."""
    files = [answers_file(output, block) for block in blocks]
    return pa.concat_tables(parquet.read_table(file, schema=ANSWER_SCHEMA) for file in files)


def write_failures(output: Path, blocks: Iterable[Mapping[str, Any]]) -> int:
    """List the conversations that failed, with their errors, in `failed.csv` in the output.

    Returns:
        Their number.
    """
    columns = ["dialogue_id", "error"]
    rows = read_answers(output, blocks).select(columns).to_pylist()
    failures = [row for row in rows if row["error"]]
    with (
        written_whole(output) as unfinished,
        (unfinished / "failed.csv").open("w", encoding="utf-8", newline="") as file,
    ):
        write_csv(file, columns, failures)
    return len(failures)


def _read_rows(file: str, first: int, count: int) -> list[dict[str, Any]]:
    """Read rows of a Parquet file from the row groups that hold them, without labels."""
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


__all__ = [
    "ANSWER_SCHEMA",
    "CorpusRecogniser",
    "answers_file",
    "corpus_blocks",
    "read_answers",
    "write_failures",
]
