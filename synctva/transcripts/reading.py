"""Read a transcript in any form that is known."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers.utils import logging

from .json_forms import is_json, read_json, read_json_lines
from .line import EXAMPLE, TIMED_EXAMPLE, Line, Transcript, TranscriptError, numbers
from .lines import is_audacity, read_audacity, read_lines
from .subtitles import is_subtitles, read_subtitles

logger = logging.get_logger(__name__)


@dataclass(frozen=True)
class Form:
    """A form of transcripts: how to tell it, and how to read it."""

    name: str
    suffixes: tuple[str, ...]
    matches: Callable[[str], bool]
    read: Callable[[str], Transcript]


FORMS = (
    Form("JSON", (".json",), is_json, read_json),
    Form("JSON lines", (".jsonl", ".ndjson"), lambda text: False, read_json_lines),
    Form("SRT or WebVTT", (".srt", ".vtt"), is_subtitles, read_subtitles),
    Form("Audacity's labels", (), is_audacity, read_audacity),
)
"""Every form but lines of text, in the order in which a text is tried."""


def read_conversations(path: Path) -> tuple[list[list[dict[str, Any]]], bool]:
    """Read the conversations of a file.

    Returns:
        The conversations, as lists of utterances for the pipeline, and whether the file has
        several: False if it is one conversation, and not a list with one.

    Raises:
        OSError: there is no such file, or it cannot be read.
        TranscriptError: the file is not a transcript in a form that is known.
    """
    path = Path(path)
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    transcript = _read(text, path.suffix.lower())
    return (
        [[line.utterance() for line in lines] for lines in transcript.conversations],
        transcript.several,
    )


def _read(text: str, suffix: str = "", timed: bool = False) -> Transcript:
    for form in FORMS:
        if form.matches(text):
            return form.read(text)
    for form in FORMS:
        if suffix in form.suffixes:
            return form.read(text)
    return read_lines(text, timed)
