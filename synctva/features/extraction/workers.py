"""Extraction by worker processes, a file a conversation, so that a run that was killed goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import torch
from tqdm import tqdm

from synctva.features.extraction.media import MediaExtractor, Spec
from synctva.files import written_whole


def extract_all(
    work: pa.Table,
    folder: Path,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
    workers: int = 1,
) -> int:
    """Extract what the folder does not hold yet; each conversation's result is there whole or not.

    Args:
        work: rows of `WORK_SCHEMA`.
        folder: where `<key>.parquet` is written; it may hold others.
        audio_encoder, visual_encoder: specs, None for none.
        workers: processes; 1: this one.

    Returns:
        How many conversations were extracted now.

    Raises:
        RuntimeError: a worker process died.
        WriteError: a result could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    first = {key: row for row, key in reversed(list(enumerate(work["key"].to_pylist())))}
    waiting = sorted(row for key, row in first.items() if not result_file(folder, key).is_file())
    sizes = compute.list_value_length(work["media_paths"]).to_pylist()
    done = sum(sizes[row] for row in first.values()) - sum(sizes[row] for row in waiting)
    with tqdm(
        desc="Audio and visual features",
        unit=" utterances",
        total=done + sum(sizes[row] for row in waiting),
        initial=done,
    ) as bar:
        if workers == 1 or len(waiting) < 2:
            finished = _here(work, waiting, folder, audio_encoder, visual_encoder)
        else:
            count = min(workers, len(waiting))
            finished = _in_processes(work, waiting, folder, audio_encoder, visual_encoder, count)
        for row in finished:
            bar.update(sizes[row])
    return len(waiting)


def result_file(folder: Path, key: str) -> Path:
    """Where the result of a key lies."""
    return folder / f"{key}.parquet"


def _extract(extractor: MediaExtractor, work: pa.Table, folder: Path) -> None:
    """Extract one conversation."""
    path = result_file(folder, work["key"][0].as_py())
    result = extractor(work)
    with written_whole(folder) as unfinished:
        parquet.write_table(result, unfinished / path.name)


def _here(
    work: pa.Table,
    waiting: list[int],
    folder: Path,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
) -> Iterator[int]:
    """Extract in this process; yields each row when it is done."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker: sums in another order round otherwise
    try:
        extractor = MediaExtractor(audio_encoder, visual_encoder)
        for row in waiting:
            _extract(extractor, work.take([row]), folder)
            yield row
    finally:
        torch.set_num_threads(threads)


def _in_processes(
    work: pa.Table,
    waiting: list[int],
    folder: Path,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
    workers: int,
) -> Iterator[int]:
    """Extract in worker processes; yields each row when it is done."""
    remaining = iter(waiting)
    running: dict[Future, int] = {}
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            workers,
            # A fork of a process that has used torch's threads may hang.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(folder, audio_encoder, visual_encoder),
        )
        try:
            while True:
                for row in remaining:
                    running[pool.submit(_work, work.take([row]))] = row
                    if len(running) == 2 * workers:  # one in hand and one in store for each
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
                f"conversations are in {folder} and are not extracted twice"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """What is started meanwhile computes with one thread: a process a core is what is wanted."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


_worker: tuple[MediaExtractor, Path] | None = None  # of this process, where it is a worker


def _start_worker(folder: Path, audio_encoder: Spec | None, visual_encoder: Spec | None) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _worker = MediaExtractor(audio_encoder, visual_encoder), folder


def _end_with_parent() -> None:
    """End this worker when its parent is gone, which a killed parent cannot do."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(work: pa.Table) -> None:
    assert _worker is not None
    extractor, folder = _worker
    _extract(extractor, work, folder)


__all__ = ["extract_all", "result_file"]
