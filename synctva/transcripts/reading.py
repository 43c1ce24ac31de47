"""Recognise the form of a transcript, and read it from a file or a text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers.utils import logging

from .chats import is_chat, read_chat
from .checking import checked, nothing
from .diarization import assign_speakers, is_rttm, read_turns
from .json_forms import is_json, read_json, read_json_lines
from .line import FORMS, Line, Transcript, TranscriptError, quoted
from .lines import is_audacity, read_audacity, read_lines
from .subtitles import is_subtitles, read_subtitles
from .tables import is_table, read_table
from .tiers import is_textgrid, is_xml, read_elan, read_textgrid

logger = logging.get_logger(__name__)

LARGEST = 50_000_000
"""Bytes of the largest file that is read. JSON may be larger, because it may hold features."""


@dataclass(frozen=True)
class Form:
    """How to tell a form of transcripts, and how to read it."""

    suffixes: tuple[str, ...]
    matches: Callable[[str], bool]
    read: Callable[[str], Transcript]


def _never(text: str) -> bool:
    return False


_JSON = (".json", ".jsonl", ".ndjson")
_FORMS = (
    Form(_JSON[:1], is_json, read_json),
    Form(_JSON[1:], _never, read_json_lines),
    Form((".eaf",), is_xml, read_elan),
    Form((".textgrid",), is_textgrid, read_textgrid),
    Form((".srt", ".vtt"), is_subtitles, read_subtitles),
    Form((".csv", ".tsv"), is_table, read_table),
    Form((), is_chat, read_chat),
    Form((".aud",), is_audacity, read_audacity),
)
"""The forms that can be told from lines of text, in the order in which a text is tried. What the
text says comes before what its file is called."""

_TYPED = ("", ".txt", ".text", ".md", ".log")
"""Suffixes of files with lines of text."""

# SubStation Alpha, CHAT, RTF, PDF, HTML and other XML: their first line is not what someone said.
_FOREIGN = re.compile(
    r"\[Script Info\]|@(UTF8|Begin)|\{\\rtf|%PDF|<!DOCTYPE|</?\w+(\s+[\w:-]+=|>$)",
    re.IGNORECASE,
)


def read_transcript(
    path: str | os.PathLike, speakers: str | os.PathLike | None = None
) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
    """Read the transcript in a file, for `pipeline("emotion-recognition")`.

    Args:
        path: JSON of Whisper, WhisperX or whisper.cpp, JSON lines, SRT, WebVTT, CSV or TSV, a Praat
            TextGrid, an ELAN document, a chat from WhatsApp or Telegram, Audacity's labels, what
            whisper prints, or lines such as `Ann: Hi!`; in UTF-8, or UTF-16.
        speakers: an RTTM. Each utterance gets the speaker who speaks longest during it.

    Returns:
        The utterances, dictionaries with those of `text`, `speaker`, `start` and `end` (in s) that
        are known; or a list of such lists, if the file has several conversations.

    Raises:
        OSError: a file does not exist or cannot be read.
        TranscriptError: a file is not a transcript in one of these forms. A ValueError that names
            the file, the first lines that were not understood, and what was expected.
    """
    conversations, several = read_conversations(Path(path), speakers)
    return conversations if several else conversations[0]


def read_conversations(
    path: Path,
    speakers: str | os.PathLike | None = None,
    timed: bool = False,
    alignable: bool = False,
) -> tuple[list[list[dict[str, Any]]], bool]:
    """Do the same as `read_transcript`, for programs.

    Args:
        path, speakers: see there.
        timed: whether there is a recording: utterances need their times, and an RTTM by itself
            gives utterances without text.
        alignable: whether the times can be found, if no utterance has any. Then `speakers` are not
            read, because they need times.

    Returns:
        The conversations, and whether the file has several: False if it is one conversation, and
        not a list with one.
    """
    path = Path(path)
    text = _text_of(path)
    try:
        if is_rttm(text):
            if not timed:
                raise TranscriptError(
                    "is RTTM, which has speakers and times but no words: expected a transcript, "
                    "beside which it tells the speakers"
                )
            transcript = Transcript([read_turns(text, path.stem)])
        else:
            transcript = _read(text, path.suffix.lower())
            if alignable and not _has_times(transcript):
                timed, speakers = False, None
            transcript = checked(transcript, timed)
    except TranscriptError as error:
        raise _located(error, path) from None
    if speakers is not None:
        transcript = _with_speakers(transcript, Path(speakers), path)
    for note in transcript.notes:
        logger.warning(f"{path}: {note}")
    conversations = [[line.utterance() for line in lines] for lines in transcript.conversations]
    return conversations, transcript.several


def parse_transcript(transcript: str, timed: bool = False) -> list[Line]:
    """Read a conversation from a text, in any of the forms that `read_transcript` reads.

    In lines of text, the words before the first colon are the speaker if a space follows the colon
    and they are at most four, without a comma or the end of a sentence. A colon at the beginning of
    a line means that it has no speaker: `: Note: no speaker`. Empty lines are skipped.

    Args:
        transcript: the text.
        timed: whether there is a recording, so that each utterance needs its times. Otherwise times
            are read in lines of text only if every line begins with them, because "10-20 people
            came" is a sentence.

    Raises:
        TranscriptError: there is no utterance, or there are several conversations; or a line lacks
            times that it needs, has times that do not increase, has neither text nor times, or is
            not understood.

    Example:
        >>> [(line.speaker, line.text) for line in parse_transcript("Ann: Hi!\\n\\nSee: 10:30?")]
        [('Ann', 'Hi!'), ('See', '10:30?')]
    """
    read = read_text(transcript, timed)
    for note in read.notes:
        logger.warning(f"the transcript: {note}")
    return read.conversations[0]


def read_text(transcript: str, timed: bool = False) -> Transcript:
    """Do the same as `parse_transcript`, and return what it would warn of as notes."""
    text = _with_newlines(transcript)
    if is_rttm(text):
        raise TranscriptError(
            "the text is RTTM, which has speakers and times but no words: expected a transcript"
        )
    read = checked(_read(text, timed=timed), timed)
    if len(read.conversations) > 1:
        raise TranscriptError(
            f"there are {len(read.conversations)} conversations: expected one conversation"
        )
    return read


def _text_of(path: Path) -> str:
    """Return the text of a file.

    Raises:
        OSError: it does not exist or cannot be read.
        TranscriptError: it is too large, or not text in UTF-8 or UTF-16.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: expected a transcript")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: expected a transcript")
    size = path.stat().st_size
    if size > LARGEST and path.suffix.lower() not in _JSON:
        raise TranscriptError(
            f"{path} has {size / 1e6:,.0f} MB: expected a transcript of at most "
            f"{LARGEST / 1e6:.0f} MB"
        )
    data = path.read_bytes()
    encoding = "utf-8-sig"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif len(data) > 1 and (data[0] == 0) != (data[1] == 0):  # UTF-16 without its mark
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TranscriptError(
            f"{path}, line {line}: has the byte 0x{data[error.start]:02x}, which is not "
            f"{encoding[:6].rstrip('-').upper()}: expected text saved in UTF-8 or UTF-16"
        ) from None
    if "\0" in text:
        raise TranscriptError(f"{path} is not a text file: expected {FORMS}")
    return _with_newlines(text)


def _with_newlines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _read(text: str, suffix: str = "", timed: bool = False) -> Transcript:
    if not text.strip():
        raise nothing(timed)
    first = text.lstrip().split("\n")[0].strip()
    for form in _FORMS:
        if form.matches(text):
            return form.read(text)
    for form in _FORMS:
        if suffix in form.suffixes:
            return form.read(text)
    if suffix not in _TYPED or _FOREIGN.match(first):
        raise TranscriptError(f"line 1, {quoted(first)}: is not understood: expected {FORMS}")
    return read_lines(text, timed)


def _has_times(transcript: Transcript) -> bool:
    return any(line.start is not None for lines in transcript.conversations for line in lines)


def _with_speakers(transcript: Transcript, rttm: Path, path: Path) -> Transcript:
    """Return the transcript with the speakers of an RTTM."""
    if len(transcript.conversations) > 1:
        raise TranscriptError(
            f"{path} has {len(transcript.conversations)} conversations: expected one, beside an "
            "RTTM"
        )
    turns = read_rttm(rttm, path.stem)
    try:
        lines, notes = assign_speakers(transcript.conversations[0], turns, transcript.counted)
    except TranscriptError as error:
        raise _located(error, path) from None
    return replace(transcript, conversations=[lines], notes=[*transcript.notes, *notes])


def read_rttm(path: Path, recording: str) -> list[Line]:
    """Read who speaks when in a recording, from the RTTM in a file, see `read_turns`.

    Raises:
        OSError: the file does not exist or cannot be read.
        TranscriptError: it is not an RTTM of this recording.
    """
    try:
        return read_turns(_text_of(path), recording)
    except TranscriptError as error:
        raise _located(error, path) from None


def _located(error: TranscriptError, path: Path) -> TranscriptError:
    """Return the error with the file's name before each line of its message."""
    mistakes = str(error).split("\n")
    places = [
        "" if m[:3] == "..." else f"{path}, " if m[:5] == "line " else f"{path}: " for m in mistakes
    ]
    return TranscriptError("\n".join(map("".join, zip(places, mistakes, strict=True))))


__all__ = ["parse_transcript", "read_conversations", "read_rttm", "read_transcript"]
