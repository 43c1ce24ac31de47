"""Extraction by worker processes, with a file per conversation, so that a killed run continues."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import torch
from tqdm import tqdm

from synctva.features.extraction.media import MediaExtractor, Spec
from synctva.files import written_whole


class ConversationExtractor:
    """A `MediaExtractor` that keeps the result of each conversation in a file of its own.

    A file is complete or absent, so that any number of extractors can share a folder, and whoever
    continues after a kill only does what is missing.

    Args:
        folder: where `<key>.parquet` is written for each conversation.
        audio_encoder, visual_encoder: specs; None: that modality is not extracted.
    """

    def __init__(self, folder: str | Path, audio_encoder: Spec | None, visual_encoder: Spec | None):
        self.folder = Path(folder)
        self.extract = MediaExtractor(audio_encoder, visual_encoder)

    def __call__(self, work: pa.Table) -> pa.Table:
        """Extract rows of `WORK_SCHEMA`; return their keys.

        Raises:
            WriteError: a result could not be written.
        """
        for index, key in enumerate(work["key"].to_pylist()):
            result = self.extract(work.slice(index, 1))
            path = result_file(self.folder, key)
            with written_whole(self.folder) as unfinished:
                parquet.write_table(result, unfinished / path.name)
        return work.select(["key"])


def result_file(folder: Path, key: str) -> Path:
    """Return the path of a key's result."""
    return folder / f"{key}.parquet"


def unfinished_rows(work: pa.Table, folder: Path) -> list[int]:
    """Return the first row of each key that has no result in the folder yet."""
    first = {key: row for row, key in reversed(list(enumerate(work["key"].to_pylist())))}
    return sorted(row for key, row in first.items() if not result_file(folder, key).is_file())


def extract_all(work: pa.Table, extractor: Mapping[str, Any], workers: int = 1) -> int:
    """Extract every conversation that has no result yet.

    Args:
        work: rows of `WORK_SCHEMA`.
        extractor: arguments of `ConversationExtractor`; its folder may hold other files.
        workers: processes; 1 uses this one.

    Returns:
        The number of conversations extracted.

    Raises:
        RuntimeError: a worker process died.
        WriteError: a result could not be written.
    """
    extractor["folder"].mkdir(parents=True, exist_ok=True)
    waiting = unfinished_rows(work, extractor["folder"])
    sizes = dict(
        zip(
            work["key"].to_pylist(),
            compute.list_value_length(work["media_paths"]).to_pylist(),
            strict=True,
        )
    )
    rows = work.take(pa.array(waiting, pa.int64()))
    keys = rows["key"].to_pylist()
    with tqdm(
        desc="Audio and visual features",
        unit=" utterances",
        total=sum(sizes.values()),
        initial=sum(sizes.values()) - sum(sizes[key] for key in keys),
    ) as bar:
        if workers == 1 or len(keys) < 2:
            finished = _here(rows, extractor)
        else:
            finished = _in_processes(rows, extractor, min(workers, len(keys)))
        for row in finished:
            bar.update(sizes[keys[row]])
    return len(keys)


def _here(work: pa.Table, extractor: Mapping[str, Any]) -> Iterator[int]:
    """Extract in this process; yield the number of each row when it is done."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker: another order of summation rounds differently
    try:
        extract = ConversationExtractor(**extractor)
        for row in range(work.num_rows):
            extract(work.slice(row, 1))
            yield row
    finally:
        torch.set_num_threads(threads)


def _in_processes(work: pa.Table, extractor: Mapping[str, Any], workers: int) -> Iterator[int]:
    """Extract in worker processes; yield the number of each row when it is done."""
    remaining = iter(range(work.num_rows))
    running: dict[Future, int] = {}
    with _one_thread_per_process():
        pool = ProcessPoolExecutor(
            workers,
            # A fork of a process that has used torch's threads may hang.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(dict(extractor),),
        )
        try:
            while True:
                for row in remaining:
                    # `take` copies the row; a slice would be pickled with the whole table.
                    running[pool.submit(_work, work.take([row]))] = row
                    if len(running) == 2 * workers:  # one in work and one waiting for each
                        break
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    future.result()
                    yield running.pop(future)
        except BrokenProcessPool as error:
            names = [work["dialogue_id"][row].as_py() for row in sorted(running.values())]
            raise RuntimeError(
                f"a worker process died while these conversations were in work or next: {names}. "
                "It was killed, perhaps for memory, or a decoder crashed. Run it again: finished "
                f"conversations are in {extractor['folder']} and are not extracted twice"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_per_process() -> Iterator[None]:
    """Let each process that is started inside use one thread: there is one process per core."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


_worker: ConversationExtractor | None = None  # set in worker processes only


def _start_worker(extractor: Mapping[str, Any]) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _worker = ConversationExtractor(**extractor)


def _end_with_parent() -> None:
    """End this worker when its parent is gone, which a killed parent cannot do."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(work: pa.Table) -> None:
    assert _worker is not None
    _worker(work)


__all__ = ["ConversationExtractor", "extract_all", "result_file", "unfinished_rows"]
