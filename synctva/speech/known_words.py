"""A recording whose words are known → its conversation, with times that are read or found."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers.utils import logging

from synctva.modeling_synctva.conversation_input import SOURCES, is_turn
from synctva.recordings.clips import recording_field
from synctva.speech.alignment import align
from synctva.speech.recognition import Word
from synctva.transcripts.diarization import assign_speakers
from synctva.transcripts.line import Line, numbers
from synctva.transcripts.reading import read_conversations, read_rttm

logger = logging.get_logger(__name__)

Transcript = str | os.PathLike | Sequence[str | tuple[str | None, str] | Mapping[str, Any]]
"""A path, or utterances: texts, (speaker, text), or dictionaries as the pipeline takes them."""


def with_transcript(
    recording: str,
    transcript: Transcript,
    rttm: Path | None,
    recognise: Callable[[], Sequence[Word]],
) -> list[dict[str, Any]]:
    """Return the utterances of a transcript, each with its part of the recording.

    Args:
        recording: path of the sound or video file.
        transcript: its words, maybe with times.
        rttm: who speaks when, in place of the transcript's speakers.
        recognise: returns the words that are recognised. It is called if no utterance has times.

    Returns:
        The utterances. Those without times have no recording.

    Raises:
        OSError, ValueError: the transcript or the RTTM cannot be read, or an utterance names a
            recording.
        ValueError: too few of the transcript's words were recognised.
    """
    file = None
    if isinstance(transcript, str | os.PathLike):
        file = Path(transcript)
        given = _read(file, rttm)
    else:
        given = [*map(_utterance, transcript)]
    for number, utterance in enumerate(given):
        if any(utterance.get(source) is not None for source in SOURCES):
            raise ValueError(
                f"utterance {number} of the transcript names a recording of its own: expected none "
                f"beside {recording}"
            )
    timed = any(map(_has_times, given))
    name = "the transcript" if file is None else str(file)
    if not timed:
        given, share = align(given, recognise())
        warning = (
            f"{name} has no times: they come from the words recognised in {recording}, among which "
            f"{share:.0%} of its words were found"
        )
        missing = [number for number, utterance in enumerate(given) if not _has_times(utterance)]
        if missing:
            warning += f"; only the text is read of {numbers(missing, 'utterance')}, not found"
        logger.warning(warning)
    if rttm is not None and not (timed and file is not None):  # otherwise the reader did it
        given = _with_speakers(given, rttm, recording, name)
    origin = {recording_field(recording): recording}
    # What is said in no time at all has no sound.
    return [utterance | origin if _has_times(utterance) else utterance for utterance in given]


def _read(file: Path, rttm: Path | None) -> list[dict[str, Any]]:
    """Return the utterances of a file, all with times or none."""
    read, _ = read_conversations(file, rttm, timed=True, alignable=True)
    if len(read) > 1:
        raise ValueError(
            f"{file} has {len(read)} conversations: expected one, that of the recording"
        )
    return read[0]


def _has_times(utterance: Mapping[str, Any]) -> bool:
    return utterance.get("start") is not None


def _utterance(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        return {"text": given}
    return dict(zip(("speaker", "text"), given, strict=True)) if is_turn(given) else dict(given)


def _with_speakers(
    given: Sequence[dict[str, Any]], rttm: Path, recording: str, name: str
) -> list[dict[str, Any]]:
    """Return the utterances, those with times with the speakers of an RTTM."""
    lines = [
        Line(number, "", None, utterance["start"], utterance["end"])
        for number, utterance in enumerate(given)
        if _has_times(utterance)
    ]
    found, notes = assign_speakers(lines, read_rttm(rttm, Path(recording).stem), "utterance")
    for note in notes:
        logger.warning(f"{name}: {note}")
    speakers = {line.number: line.speaker for line in found}
    return [
        {**utterance, "speaker": speakers.get(number, utterance.get("speaker"))}
        for number, utterance in enumerate(given)
    ]


__all__ = ["Transcript", "with_transcript"]
