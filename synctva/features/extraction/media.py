"""Audio and visual vectors of the media of conversations, as Arrow tables in and out.

Worker processes and Ray's actors run the same `MediaExtractor`: a table of work in, a table of
results out, with one row per conversation, matched by `key`. The key is a checksum of everything
that determines the result: the encoders, and for each file its path, size, modification time and
the part that is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from datasets import DatasetDict

from synctva.audio.encoder import AudioEncoder
from synctva.recordings.features import audio_vector, visual_vector
from synctva.video.encoder import VisualEncoder

Spec = Mapping[str, Any]

VERSION = 1
"""Increased when the same media and encoders would give another result."""

WORK_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("split", pa.string()),
        ("dialogue_id", pa.string()),
        ("media_paths", pa.list_(pa.string())),
        ("starts", pa.list_(pa.float64())),
        ("ends", pa.list_(pa.float64())),
        ("channels", pa.list_(pa.int32())),
    ]
)
"""One row per conversation. Times are in seconds, and null where the whole file is read; so are
channels, which count from 0."""

_PARTS = ("media_paths", "starts", "ends", "channels")

_VECTORS = pa.list_(pa.list_(pa.float32()))
_SKIPPED = pa.struct(
    [("utterance", pa.int32()), ("modality", pa.string()), ("reason", pa.string())]
)
RESULT_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("audio", _VECTORS),
        ("visual", _VECTORS),
        ("skipped", pa.list_(_SKIPPED)),
    ]
)
"""One vector per utterance, null if it lacks the modality, NaN where a measure is undefined."""


@dataclass(frozen=True)
class Extracted:
    """The result of one conversation of N utterances.

    Attributes:
        vectors: by modality, N arrays (D,) float32, or None where the modality is missing.
        skipped: {"utterance": position, "modality", "reason"} for each file that could not be read.
    """

    vectors: dict[str, list[np.ndarray | None]]
    skipped: list[dict[str, Any]]


class MediaExtractor:
    """Turns a table of work into a table of results.

    Args:
        audio_encoder, visual_encoder: specs; None: that modality is not extracted.

    Raises:
        ValueError, ImportError, OSError: see `from_spec` of the encoders.
    """

    def __init__(self, audio_encoder: Spec | None, visual_encoder: Spec | None):
        self._encode: dict[str, Callable[[Mapping[str, Any]], np.ndarray | None]] = {}
        if audio_encoder is not None:
            # Undefined measures are filled later, with means over all conversations.
            audio = AudioEncoder.from_spec({**audio_encoder, "fill": None})
            self._encode["audio"] = partial(audio_vector, encoder=audio)
        if visual_encoder is not None:
            visual = VisualEncoder.from_spec(visual_encoder)
            self._encode["visual"] = partial(visual_vector, encoder=visual)

    def __call__(self, work: pa.Table) -> pa.Table:
        """Extract rows of `WORK_SCHEMA`; return rows of `RESULT_SCHEMA` in the same order."""
        results = [self._conversation(row) for row in work.to_pylist()]
        return pa.Table.from_pylist(results, RESULT_SCHEMA)

    def _conversation(self, row: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {"key": row["key"], "skipped": []}
        for modality in self._encode:
            result[modality] = []
        parts = zip(*(row[name] for name in _PARTS), strict=True)
        for position, (path, start, end, channel) in enumerate(parts):
            # Always as `video`: it includes the sound track, and a sound file has no frames.
            utterance = {"video": path, "start": start, "end": end, "channel": channel}
            for modality, encode in self._encode.items():
                vector = None
                try:
                    vector = encode(utterance)
                except ImportError:  # the file is not at fault
                    raise
                except Exception as error:  # one bad clip must not end a run of hours
                    reason = str(error) or type(error).__name__
                    skipped = {"utterance": position, "modality": modality, "reason": reason}
                    result["skipped"].append(skipped)
                result[modality].append(vector)
        return result


def work_table(
    data: DatasetDict,
    audio_encoder: Spec | None,
    visual_encoder: Spec | None,
    cut_by_time: bool = False,
) -> pa.Table:
    """Return what there is to extract: a row of `WORK_SCHEMA` per conversation, split by split.

    Args:
        data: splits with the columns of `synctva.datasets_scripts.schema`.
        audio_encoder, visual_encoder: specs; None: that modality is not extracted.
        cut_by_time: see `extract_features`.

    Raises:
        ValueError: no utterance has a file; or utterances share a file and are not cut by time or
            lack a start or an end.
    """
    encoders = json.dumps([audio_encoder, visual_encoder], sort_keys=True)
    rows = []
    for split, conversations in data.items():
        columns = ["dialogue_id", "utterance_ids", "media_paths", "starts", "ends"]
        columns += [name for name in ("channels",) if name in conversations.column_names]
        for conversation in conversations.select_columns(columns):
            count = len(conversation["media_paths"])
            conversation.setdefault("channels", [None] * count)
            _check_sharing(conversation, cut_by_time)
            row = {
                "split": split,
                "dialogue_id": conversation["dialogue_id"],
                "media_paths": conversation["media_paths"],
                "starts": [None] * count,
                "ends": [None] * count,
                "channels": conversation["channels"],
            }
            if cut_by_time:
                row |= {
                    name: list(map(_seconds, conversation[name])) for name in ("starts", "ends")
                }
            rows.append({"key": _key(row, encoders), **row})
    if not any(path is not None for row in rows for path in row["media_paths"]):
        raise ValueError("media_paths has no file in any split: expected utterances with media")
    return pa.Table.from_pylist(rows, WORK_SCHEMA)


def _check_sharing(conversation: Mapping[str, Any], cut_by_time: bool) -> None:
    """Refuse utterances that share a channel of a file unless each is a part of it."""
    paths = list(zip(conversation["media_paths"], conversation["channels"], strict=True))
    counts = Counter((path, channel) for path, channel in paths if path is not None)
    if not counts or max(counts.values()) == 1:
        return
    shared = max(counts, key=counts.__getitem__)
    name = f"conversation {conversation['dialogue_id']!r}"
    if not cut_by_time:
        raise ValueError(
            f"{name}: {counts[shared]} utterances share {shared[0]}: expected one file per "
            "utterance, or cut_by_time, if files are recordings and the utterances' times count "
            "from their beginning"
        )
    for position, path in enumerate(paths):
        start, end = conversation["starts"][position], conversation["ends"][position]
        if counts[path] > 1 and (start is None or end is None):
            raise ValueError(
                f"{name}, utterance {conversation['utterance_ids'][position]!r}: start = {start}, "
                f"end = {end}: expected seconds, because other utterances share {path[0]}"
            )


def _seconds(time: float | None) -> float | None:
    """Return the shortest decimal with the same float32 value: 12.3 instead of 12.30000019.

    A table's times, stored as float32, then equal those that a user gives for the same recording.
    """
    return None if time is None else float(str(np.float32(time)))


def _key(row: Mapping[str, Any], encoders: str) -> str:
    parts = zip(*(row[name] for name in _PARTS), strict=True)
    files = [(path, _state(path), *part) for path, *part in parts]
    return hashlib.sha256(json.dumps([VERSION, encoders, files]).encode()).hexdigest()


def _state(path: str | None) -> tuple[int, int] | None:
    """Return size and modification time of a file, None if there is none."""
    try:
        status = os.stat(path or "")
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def read_extracted(files: Iterable[str | os.PathLike]) -> dict[str, Extracted]:
    """Read Parquet files of `RESULT_SCHEMA`; return their results by key."""
    results = {}
    for file in files:
        for batch in parquet.ParquetFile(Path(file)).iter_batches(batch_size=16):
            for row in batch.to_pylist():
                vectors = {
                    modality: [
                        None if vector is None else np.array(vector, dtype=np.float32)
                        for vector in row[modality]
                    ]
                    for modality in ("audio", "visual")
                    if row[modality] is not None
                }
                results[row["key"]] = Extracted(vectors, row["skipped"])
    return results


__all__ = [
    "RESULT_SCHEMA",
    "WORK_SCHEMA",
    "Extracted",
    "MediaExtractor",
    "Spec",
    "read_extracted",
    "work_table",
]
