"""JSON and JSON lines: conversations as the pipeline takes them, and what transcribers write.

    ["I got the job!", {"text": "Really?", "speaker": "Bo"}]        a list of these: several
    {"segments": [{"start": 0.0, "end": 1.8, "text": "..."}]}       whisper, WhisperX
    {"chunks": [{"timestamp": [0.0, 1.8], "text": "..."}]}          transformers' pipeline
    {"transcription": [{"offsets": {"from": 0, "to": 1800}, ...}]}  whisper.cpp
    {"messages": [{"from": "Ann", "text": "..."}]}                  Telegram

In JSON lines, a line is an utterance or a list of utterances. Utterances with `dialogue_id` belong
to the conversation of that name.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synctva.answered import ANSWER
from synctva.modeling_synctva.configuration_synctva import MODALITIES
from synctva.modeling_synctva.conversation_input import SOURCES, UTTERANCE_FIELDS, is_columns

from .line import Line, Transcript, TranscriptError, numbers, split_diarized, times

_LISTS = ("segments", "chunks", "transcription", "messages")
"""Where the utterances of an object are."""

_NEEDLESS = {
    *("id", "seek", "words", "tokens", "temperature", "avg_logprob", "compression_ratio"),
    *("no_speech_prob", "score", "chars", "language", "speaker_turn_next"),
}
"""What transcribers write beside the words, and nobody needs."""

_TIMES = {"timestamp", "timestamps", "offsets"}
IDS = ("dialogue_id", "utterance_id")
"""What names a row of a table."""


def is_json(text: str) -> bool:
    """Return whether a text begins like JSON, and not like `[SPEAKER_00]: Hi!`."""
    return re.match(r"\{\s*[\"}]|\[\s*\]|\[[\s\[]*[\"{]|\[\s*\[\s*\]", text.lstrip()) is not None


def read_json(text: str) -> Transcript:
    """Read JSON, or JSON lines if there is a value per line.

    Raises:
        TranscriptError: it is neither, or not a transcript.
    """
    try:
        value = _load(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return read_json_lines(text)
        raise _broken(error, error.lineno) from None
    if isinstance(value, Mapping):
        return _from_object(value)
    if not isinstance(value, list) or not value:
        raise TranscriptError(f"the JSON is {_shown(value)}: expected a list of utterances")
    if any(isinstance(item, list) or _is_conversation(item) for item in value):
        lists = [_conversation(item, f"conversation {i}") for i, item in enumerate(value)]
        return Transcript(lists, several=True, counted="utterance")
    rows = list(enumerate(value, 1))
    if all(isinstance(item, Mapping) and "dialogue_id" in item for item in value):
        return read_rows(rows, place="utterance {}".format)
    return _grouped(rows, "utterance {}".format)


def read_rows(
    rows: Sequence[tuple[int, Mapping[str, Any]]],
    known: Iterable[str] = (*UTTERANCE_FIELDS, *IDS),
    place: Callable[[int], str] = "line {}".format,
) -> Transcript:
    """Read the rows of a table.

    Args:
        rows: the line and the values by column.
        known: columns that are read. Others are noted, unless nobody needs them.
        place: where the row of a number is, for messages.

    Raises:
        TranscriptError: a row is not an utterance.
    """
    columns = {name for _, row in rows for name in row}
    unread = sorted(columns - _NEEDLESS - _TIMES - set(known))
    kept = [(n, {k: v for k, v in row.items() if k not in unread}) for n, row in rows]
    transcript = _grouped(kept, place)
    # What the pipeline has answered, nobody expects to be read.
    needed = unread and "informative" not in columns
    notes = [f"these columns are not read: {', '.join(unread)}"] if needed else []
    return replace(transcript, notes=notes)


def read_json_lines(text: str) -> Transcript:
    """Read a value per line.

    Raises:
        TranscriptError: a line is not JSON, or neither an utterance nor a conversation.
    """
    values: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                values.append((number, _load(line)))
            except json.JSONDecodeError as error:
                raise _broken(error, number) from None
    if any(isinstance(value, list) or _is_conversation(value) for _, value in values):
        lists = [_conversation(value, f"line {number}") for number, value in values]
        return Transcript(lists, several=True)
    if all(isinstance(value, Mapping) for _, value in values):
        return read_rows(values)
    return _grouped(values, "line {}".format)


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise TranscriptError("the JSON is nested too deeply: expected utterances") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise TranscriptError(f"is not JSON ({error}): expected utterances") from None


def _broken(error: json.JSONDecodeError, line: int) -> TranscriptError:
    return TranscriptError(f"line {line}: is not JSON ({error.msg}): expected JSON")


def _is_conversation(item: Any) -> bool:
    return isinstance(item, Mapping) and (is_columns(item) or "segments" in item)


def _conversation(item: Any, place: str) -> list[Line]:
    """Read one of several conversations."""
    if isinstance(item, Mapping) and is_columns(item):
        return _from_columns(item, place)
    if isinstance(item, Mapping) and isinstance(item.get("segments"), list):
        item = item["segments"]
    if not isinstance(item, list) or not item:
        raise TranscriptError(
            f"{place} = {_shown(item)}: expected a list of utterances, as the others are"
        )
    return [_line(n, value, f"{place}, utterance {n}") for n, value in enumerate(item, 1)]


def _grouped(values: Sequence[tuple[int, Any]], place: Callable[[int], str]) -> Transcript:
    """Read utterances, of one conversation or of several by their `dialogue_id`."""
    groups: dict[Any, list[Line]] = {}
    for number, value in values:
        name = value.get("dialogue_id") if isinstance(value, Mapping) else None
        name = name if isinstance(name, str | int | None) else _shown(name)
        groups.setdefault(name, []).append(_line(number, value, place(number)))
    if len(groups) > 1 and None in groups:
        raise TranscriptError(
            f"{place(groups[None][0].number)}: has no dialogue_id, and others have one: expected "
            "it on all utterances, or on none"
        )
    return Transcript(
        list(groups.values()),
        several=len(groups) > 1,
        counted="line" if place(1).startswith("line") else "utterance",
    )


def _from_object(value: Mapping[str, Any]) -> Transcript:
    name = next((name for name in _LISTS if isinstance(value.get(name), list)), None)
    if name is None and is_columns(value):
        return Transcript([_from_columns(value, "the conversation")], counted="utterance")
    # With a list of its utterances, the text is that of the whole recording.
    lists = any(
        isinstance(part, list) and any(isinstance(item, Mapping) for item in part)
        for key, part in value.items()
        if key not in _NEEDLESS
    )
    if name is None and not lists and set(value) & {"text", *SOURCES}:
        return read_rows([(1, value)])
    if name is None:
        raise TranscriptError(
            f"the JSON is an object with {_shown(sorted(value))}: expected a list of utterances, "
            f"or an object with one of {', '.join(_LISTS)}"
        )
    # insanely-fast-whisper repeats its chunks with their speakers.
    items = (name == "chunks" and value.get("speakers")) or value[name]
    if name == "messages":
        return _messages(items)
    lines = [_line(n, value, f"{name} {n}") for n, value in enumerate(items, 1)]
    return Transcript([lines], counted="utterance")


def _messages(items: Iterable[Any]) -> Transcript:
    """Read the messages of a chat that Telegram has exported as JSON."""
    lines, skipped = [], []
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            raise TranscriptError(f"message {number} = {_shown(item)}: expected an object")
        parts = item.get("text") or ""
        parts = parts if isinstance(parts, list) else [parts]
        text = "".join(p if isinstance(p, str) else str(p.get("text", "")) for p in parts)
        if item.get("type", "message") != "message" or not text.strip():
            skipped.append(number)
            continue
        lines.append(Line(number, " ".join(text.split()), item.get("from")))
    notes = []
    if skipped:
        notes = [f"{numbers(skipped, 'message')}: notices and media are not read"]
    return Transcript([lines], counted="message", notes=notes)


def _line(number: int, value: Any, place: str) -> Line:
    """Read an utterance: a string, a dictionary as the pipeline takes it, or a segment."""
    if isinstance(value, str):
        return Line(number, value)
    if not isinstance(value, Mapping):
        raise TranscriptError(f"{place} = {_shown(value)}: expected a string or an object")
    fields = set(value) - _NEEDLESS - _TIMES - set(IDS)
    if {"informative", "error"} & fields:
        fields -= {"file", *ANSWER}  # one of our own files
    unknown = sorted(fields - set(UTTERANCE_FIELDS))
    if unknown:
        raise TranscriptError(
            f"{place} has the fields {', '.join(map(repr, unknown))}: expected any of "
            f"{', '.join(UTTERANCE_FIELDS)}"
        )
    text, speaker = value.get("text"), value.get("speaker")
    for name, content in (("text", text), ("speaker", speaker)):
        if content is not None and not isinstance(content, str | int):
            raise TranscriptError(f"{place}, {name} = {_shown(content)}: expected a string")
    text = "" if text is None else str(text).strip()
    if speaker is None:
        speaker, text = split_diarized(text)
    start, end = times(place, *_times(value, place), instants=True)
    other = {
        name: value[name]
        for name in UTTERANCE_FIELDS
        if name not in ("text", "speaker", "start", "end") and value.get(name) is not None
    }
    if not _is_probability(other.get("confidence", 0)):
        del other["confidence"]  # percent, or another transcriber's own scale
    return Line(number, text, None if speaker is None else str(speaker), start, end, other)


def _is_probability(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _times(value: Mapping[str, Any], place: str) -> tuple[Any, Any]:
    """Return start and end as a transcriber writes them, in seconds or as text."""
    if isinstance(stamp := value.get("timestamp"), list | tuple) and len(stamp) == 2:
        return stamp[0], stamp[1]
    if isinstance(stamps := value.get("timestamps"), Mapping):
        return stamps.get("from"), stamps.get("to")
    return value.get("start"), value.get("end")


def _from_columns(columns: Mapping[str, Any], place: str) -> list[Line]:
    """Read a conversation as a mapping of columns, such as a row of `datasets`.

    Labels and ids are not read, as in the pipeline.
    """
    fields = {"texts": "text", "speakers": "speaker"}
    fields |= {f"{name}_features": f"{name}_features" for name in MODALITIES}
    lists = {fields[name]: columns[name] for name in fields if columns.get(name) is not None}
    lengths = {len(values) if isinstance(values, list) else 0 for values in lists.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise TranscriptError(
            f"{place} has the columns {', '.join(map(repr, columns))}: expected any of "
            f"{', '.join(fields)}, lists with an entry per utterance"
        )
    mask = columns.get("modality_mask") or [[True] * len(MODALITIES)] * max(lengths)
    if not isinstance(mask, list) or len(mask) != max(lengths):
        raise TranscriptError(f"{place}, modality_mask: expected an entry per utterance")
    lines = []
    for i in range(lengths.pop()):
        item = {name: values[i] for name, values in lists.items()}
        for modality, present in zip(MODALITIES, mask[i], strict=False):
            if not present:
                item.pop(f"{modality}_features", None)
                item.pop(modality, None)
        lines.append(_line(i + 1, item, f"{place}, utterance {i + 1}"))
    return lines


def _shown(value: Any) -> str:
    return reprlib.repr(value)


__all__ = ["IDS", "is_json", "read_json", "read_json_lines", "read_rows"]
