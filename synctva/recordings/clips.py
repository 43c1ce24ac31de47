"""Clips for recognition, as a user names them: files, folders, patterns, parts of a recording."""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from synctva.features.extraction.sources import load_clips, name_order
from synctva.modeling_synctva.conversation_input import SOURCES
from synctva.transcripts.reading import read_conversations

_SOUND = re.compile(r"\.(aac|aiff?|amr|au|caf|flac|m4a|mka|mp3|og[ag]|opus|wav|wma)", re.IGNORECASE)
"""Endings of recordings without pictures."""


def recording_field(path: str | Path) -> str:
    """Return the field of an utterance for a recording: "audio", or "video" if it has pictures."""
    return "audio" if _SOUND.fullmatch(Path(path).suffix) else "video"


def cut_clips(
    recording: str | Path, transcript: str | Path, rttm: str | Path | None = None
) -> list[dict[str, Any]]:
    """Return the utterances of a transcript, each with its part of the recording.

    Args:
        recording: a sound or video file.
        transcript: in any form that `synctva.read_transcript` reads, with times.
        rttm: who speaks when.

    Raises:
        OSError: a file cannot be read.
        ValueError: the transcript is not understood, has no times or several conversations, or
            names recordings.
    """
    if not Path(recording).is_file():
        raise FileNotFoundError(f"recording = {recording}: there is no such file")
    read, _ = read_conversations(Path(transcript), rttm, timed=True)
    if len(read) > 1:
        raise ValueError(
            f"{transcript} has {len(read)} conversations: expected one, that of the recording"
        )
    for t, utterance in enumerate(read[0]):
        if any(utterance.get(name) is not None for name in SOURCES):
            raise ValueError(
                f"{transcript}, utterance {t} names a recording of its own: expected none beside "
                "--recording"
            )
    field = recording_field(recording)
    # What is said in no time at all has no sound.
    return [{**u, field: str(recording)} if "start" in u else u for u in read[0]]


def find_clips(names: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Return conversations of the clips that the names stand for.

    All files are one conversation, in the order of their names, and so are those of a pattern such
    as `clips/*.wav`. A folder is a conversation of its own, or each of its folders is one, with
    the texts in .txt files, see `load_clips`. Numbers in names of files count as numbers: 2.wav
    comes before 10.wav.

    Args:
        names: paths and patterns. A path that does not exist is kept, for its reader to refuse it.

    Raises:
        FileNotFoundError: nothing matches a pattern, or a folder has no clip.
        ValueError: see `load_clips`.
    """
    files: list[Path] = []
    conversations: list[list[dict[str, Any]]] = []
    for name in names:
        found = [Path(name)]
        if has_magic(name) and not found[0].exists():
            found = sorted(map(Path, glob(name, recursive=True)), key=_path_order)
            if not found:
                raise FileNotFoundError(f"clips = {name}: nothing matches: expected recordings")
        for path in found:
            if path.is_dir():
                conversations += _of_folder(path)
            else:
                files.append(path)
    own = [{recording_field(file): str(file)} for file in files]
    return [own, *conversations] if own else conversations


def _of_folder(folder: Path) -> list[list[dict[str, Any]]]:
    """Return the conversations of a folder, with paths as the user wrote them."""
    found = []
    for row in load_clips(folder)["train"]:
        utterances = []
        for text, path in zip(row["texts"], row["media_paths"], strict=True):
            clip = folder / Path(path).relative_to(folder.resolve())
            words = {"text": text} if text else {}
            utterances.append({**words, recording_field(clip): str(clip)})
        found.append(utterances)
    return found


def _path_order(path: Path) -> list[list[tuple[int, str]]]:
    return [name_order(Path(part)) for part in path.parts]


__all__ = ["cut_clips", "find_clips", "recording_field"]
