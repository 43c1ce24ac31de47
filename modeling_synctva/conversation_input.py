"""Read conversations as users write them: lists of utterances, tables of them, or columns."""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from reprlib import Repr
from typing import Any

from transformers.utils import logging

from .configuration_synctva import MODALITIES

logger = logging.get_logger(__name__)

SOURCES = ("audio", "video")
"""Fields of an utterance that hold a recording to decode: a path, bytes or an array."""

MEDIA_FIELDS = (*SOURCES, "channel", "start", "end")
"""The sources, the channel of the sound, and where the utterance starts and ends in a longer
recording, in seconds."""

UTTERANCE_FIELDS = (
    *("text", "speaker", *(f"{name}_features" for name in MODALITIES), *MEDIA_FIELDS),
    "confidence",
)
"""The fields of an utterance that is a dictionary. `confidence` is the probability that a speech
recogniser gives the text's words."""

TABLE_FIELDS = ("dialogue_id", "utterance_id", "emotion", "label", "split")
"""Columns of a table of utterances that are not fields of an utterance."""

_ORIGIN = {"speaker": "speakers", "text": "texts", "start": "starts", "end": "ends"}
"""Fields of an utterance that its answer repeats, and their columns."""

RECORDING_FIELDS = ("recording", "speakers", "language", "transcript")
"""The fields of a conversation that is a recording whose words are to be recognised: a path, and
the arguments of `synctva.transcribe`."""

_COLUMNS = ("texts", "speakers", "utterance_ids", "modality_mask", "labels", "input_ids")

_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:[.,]\d+)?)")

_CHANNELS = {"left": 0, "right": 1}

_FILE = re.compile(
    r"[^\n]*\.(?:(?P<audio>wav|mp3|flac|ogg|opus|m4a|aac)|(?P<video>mp4|mov|mkv|webm|avi)"
    r"|srt|vtt|jsonl?|csv|tsv|txt|rttm|textgrid|eaf)",
    re.IGNORECASE,
)
"""Names of files, which are not texts."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def is_columns(conversation: Any) -> bool:
    """Return whether this is a conversation as a mapping of columns, and not one utterance."""
    if not isinstance(conversation, Mapping) or is_recording(conversation):
        return False
    if any(name in conversation for name in _COLUMNS):
        return True
    for modality in MODALITIES:
        rows: Any = conversation.get(f"{modality}_features")
        if _is_sequence(rows) and len(rows):
            first = next(iter(rows))
            return first is None or _is_sequence(first)
    return "dialogue_id" in conversation and not set(conversation) & set(UTTERANCE_FIELDS)


def is_recording(conversation: Any) -> bool:
    """Return whether this is a recording whose words are to be recognised, as a path or as a
    mapping of `RECORDING_FIELDS`. A plain string never is."""
    if isinstance(conversation, Mapping):
        return "recording" in conversation and not set(conversation) & {*_COLUMNS} - {"speakers"}
    return isinstance(conversation, os.PathLike)


def read_recording(conversation: Any, name: str) -> dict[str, Any]:
    """Return a recording as the arguments of `synctva.transcribe`.

    Raises:
        ValueError: it has other fields, or its recording is no path.
    """
    given = dict(conversation) if isinstance(conversation, Mapping) else {"recording": conversation}
    unknown = [field for field in given if field not in RECORDING_FIELDS]
    if unknown:
        raise ValueError(
            f"{name}, a recording, has the fields {unknown}: expected only {RECORDING_FIELDS}; a "
            "transcript has the recording as `audio` or `video` of its utterances"
        )
    if not isinstance(given["recording"], str | os.PathLike):
        raise ValueError(
            f"{name}, recording = {_shown(given['recording'])}: expected the path of a local file"
        )
    return given


def is_turn(value: Any) -> bool:
    """Return whether this is an utterance as a tuple of its speaker and its text."""
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    speaker, text = value
    return isinstance(text, str) and (speaker is None or isinstance(speaker, str | Real))


def read_table(inputs: Any) -> Any:
    """Return a table with one utterance per row as the conversations that it holds.

    Args:
        inputs: a `pandas.DataFrame`, a `datasets.Dataset` or a list of dictionaries with a
            `dialogue_id`, of columns in `UTTERANCE_FIELDS`. With a column `dialogue_id` it holds
            several conversations, each the rows of one id in their order; else it is one.
            Anything else is returned as it is.

    Returns:
        A list of utterances, or the conversations in the order in which they begin: a list, or for
        a `Dataset` an iterator, which reads the rows as they are needed.

    Raises:
        ValueError: the table has no row, none of these columns, or a row without `dialogue_id`.
        TypeError: it is a `DatasetDict`, or a table of another library.
    """
    _refuse_other_tables(inputs)
    is_frame = hasattr(inputs, "iloc")
    rows = inputs.to_dict("records") if is_frame else inputs
    if is_frame:
        columns = list(inputs.columns)
    elif _is_dataset(rows):
        columns = rows.column_names
    elif isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows):
        columns = list(dict.fromkeys(name for row in rows for name in row))
        if "dialogue_id" not in columns:
            return inputs
    else:
        return inputs
    if not len(rows):
        raise ValueError(f"the input is an empty {type(inputs).__name__}: expected at least a row")
    if is_columns(rows[0]):
        return rows
    _check_columns(columns)
    if "dialogue_id" not in columns:
        return [_fields(row) for row in rows]
    ids = rows["dialogue_id"] if _is_dataset(rows) else [row.get("dialogue_id") for row in rows]
    members: dict[Any, list[int]] = {}
    for i, name in enumerate(ids):
        if _is_missing(name):
            raise ValueError(f"row {i}, dialogue_id = {name!r}: expected a name or a number")
        members.setdefault(name, []).append(i)
    if any(own[-1] - own[0] >= len(own) for own in members.values()):
        logger.warning_once(
            "dialogue_id: the rows of a conversation are not together, and the answers come by "
            "conversation: expected rows sorted by it, if answers are to be put beside them"
        )
    conversations = ([_fields(rows[i]) for i in own] for own in members.values())
    return conversations if _is_dataset(rows) else list(conversations)


def read_utterances(
    conversation: Any,
    name: str,
    feature_names: Mapping[str, Sequence[str]],
    widths: Mapping[str, int | None],
) -> list[dict[str, Any]]:
    """Return the utterances as new dictionaries of values that were checked.

    Args:
        conversation: a list of strings, of tuples (speaker, text) and of dictionaries with any of
            `UTTERANCE_FIELDS`; or a table that holds one conversation, see `read_table`.
        name: name of the conversation, for error messages.
        feature_names: names of the features in order, by modality, where they can be passed by
            name.
        widths: number of features, by modality, for error messages.

    Returns:
        For each utterance its fields: features as vectors, times in seconds, the channel as
        an index, and None for what is missing, as NaN in a table.

    Raises:
        ValueError: the conversation is not such a list or is empty, or an utterance is none of
            these or has a field of the wrong type.
    """
    if isinstance(conversation, str):
        raise ValueError(
            f"{name} = {conversation!r}: expected a list of utterances, such as [{conversation!r}]"
        )
    utterances = read_table(conversation)
    if utterances is not conversation:
        utterances = list(utterances)
        if not isinstance(utterances[0], Mapping):
            if len(utterances) > 1:
                raise ValueError(f"{name} has {len(utterances)} conversations: expected one")
            utterances = utterances[0]
    if not isinstance(utterances, Sequence) or isinstance(utterances, bytes | bytearray):
        raise ValueError(
            f"{name} is of type {type(conversation).__name__}: expected a list of utterances"
        )
    if not len(utterances):
        raise ValueError(f"{name} is empty: expected at least one utterance")
    items = [_utterance(given, f"{name}, utterance {t}") for t, given in enumerate(utterances)]
    for t, item in enumerate(items):
        for modality in MODALITIES:
            field = f"{modality}_features"
            if isinstance(item.get(field), Mapping):
                place, names = f"{name}, utterance {t}, {field}", feature_names.get(modality)
                item[field] = _in_order(item[field], names, modality, widths[modality], place)
    turns = [turn for turn in utterances if is_turn(turn)]
    if turns and all(map(_seems_swapped, turns)):
        logger.warning_once(
            f"{name}, {_shown(turns[0])}: the speaker is a sentence, and the text is not: expected "
            "tuples (speaker, text)"
        )
    return items


def _seems_swapped(turn: tuple[Any, str]) -> bool:
    """Return whether the speaker of a turn has more words than a name, and the text no more."""
    speaker, text = turn
    return isinstance(speaker, str) and len(speaker.split()) > 8 and 0 < len(text.split()) <= 2


def read_columns(conversation: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a conversation given as columns, as a new dictionary with checked texts and speakers.

    Raises:
        ValueError: a column is not a list, or a text or a speaker has the wrong type.
    """
    row = dict(conversation)
    if set(row) & {"text", *SOURCES} and not is_columns(row):
        raise ValueError(
            f"{name} = {_shown(row)}, one utterance: expected a conversation, a list of utterances"
        )
    for column in (*_COLUMNS, *(f"{modality}_features" for modality in MODALITIES)):
        if row.get(column) is not None and not _is_sequence(row[column]):
            raise ValueError(
                f"{name}, {column} = {_shown(row[column])}: expected a list, with an entry for "
                "each utterance"
            )
    for column, field, read in (("texts", "text", _text), ("speakers", "speaker", _speaker)):
        if row.get(column) is not None:
            row[column] = [
                read(None if _is_missing(value) else value, f"{name}, utterance {t}, {field}")
                for t, value in enumerate(row[column])
            ]
    unread = [field for field in ("text", "speaker", *MEDIA_FIELDS) if row.get(field) is not None]
    if unread:
        logger.warning_once(
            f"{', '.join(unread)} not read: expected texts and speakers in a conversation of "
            "columns, or else a list of utterances"
        )
    return row


def columns_of(utterances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Turn utterances into columns. A modality without any features gets no column."""
    row: dict[str, Any] = {
        "texts": [utterance.get("text") for utterance in utterances],
        "speakers": [utterance.get("speaker") for utterance in utterances],
    }
    for column in ("starts", "ends", "confidences"):
        field = column[:-1]
        if any(utterance.get(field) is not None for utterance in utterances):
            row[column] = [utterance.get(field) for utterance in utterances]
    for modality in MODALITIES:
        field = f"{modality}_features"
        if any(utterance.get(field) is not None for utterance in utterances):
            row[field] = [utterance.get(field) for utterance in utterances]
    return row


def origins(row: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Return speaker, text, start and end of `count` utterances given as columns, if known."""
    columns: dict[str, Any] = {field: row.get(column) for field, column in _ORIGIN.items()}
    known = {field: list(values) for field, values in columns.items() if _is_sequence(values)}
    return [
        {
            field: values[t]
            for field, values in known.items()
            if t < len(values) and not _is_missing(values[t]) and values[t] != ""
        }
        for t in range(count)
    ]


def clock_seconds(value: str) -> float:
    """Return a time in seconds: a number, or minutes and seconds, or hours as well; else NaN.

    >>> clock_seconds("1.5"), clock_seconds("0:01.5"), clock_seconds("00:16:21,731")
    (1.5, 1.5, 981.731)
    """
    clock = _CLOCK.fullmatch(value.strip())
    if clock is not None:
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
    try:
        return float(value)
    except ValueError:
        return math.nan


def _utterance(given: Any, name: str) -> dict[str, Any]:
    """Return an utterance as a dictionary of checked fields."""
    if isinstance(given, str):
        given = {"text": given}
    elif is_turn(given):
        given = dict(zip(("speaker", "text"), given, strict=True))
    if not isinstance(given, Mapping) or not given or set(given) - set(UTTERANCE_FIELDS):
        unknown = set(given) - set(UTTERANCE_FIELDS) if isinstance(given, Mapping) else ()
        raise ValueError(
            f"{name} = {_shown(given)}: expected a string or a dictionary with any of "
            f"{UTTERANCE_FIELDS}{_nearest(unknown)}"
        )
    readers = {
        "text": _text,
        "speaker": _speaker,
        "audio": _source,
        "video": _source,
        "channel": _channel,
        "start": _time,
        "end": _time,
        "confidence": _confidence,
    }
    item = {field: None if _is_missing(value) else value for field, value in given.items()}
    for field, read in readers.items():
        if field in item:
            item[field] = read(item[field], f"{name}, {field}")
    return item


def _confidence(value: Any, name: str) -> float | None:
    if value is None:
        return None
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"{name} = {_shown(value)}: expected a probability in [0, 1]")
    return number


def _text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name} = {_shown(value)}: expected a string")
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Two halves of a character are joined. What remains of a single one cannot be read.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if "\ufffd" in text:
            logger.warning_once(
                f"{name} = {text!r} has halves of characters, which are left out: expected text "
                "that was decoded whole"
            )
    advice = file_advice(text)
    if advice is not None:
        expected = " or for a whole conversation ".join(dict.fromkeys(advice))
        logger.warning_once(
            f"{name} = {text!r} is the name of a file, and is read as words: expected {expected}"
        )
    return text


def file_advice(text: str) -> tuple[str, str] | None:
    """Return what is expected in place of a text that seems to be the name of a file: of an
    utterance, and of a whole conversation."""
    media = _FILE.fullmatch(text.strip())
    if not ((media and " " not in text) or ((media or "/" in text) and os.path.isfile(text))):
        return None
    field = media and media.lastgroup
    if not field:
        return (f"synctva.read_transcript({text!r})",) * 2
    return str({field: text}), f"pathlib.Path({text!r})"


def _speaker(value: Any, name: str) -> Any:
    if value is not None and not isinstance(value, str | Real):
        raise ValueError(f"{name} = {_shown(value)}: expected a string or a number")
    item = getattr(value, "item", None)
    return value if item is None else item()  # answers are plain data


def _source(value: Any, name: str) -> Any:
    if isinstance(value, Real):
        raise ValueError(f"{name} = {value!r}: expected a recording, such as a path")
    return value


def _time(value: Any, name: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    seconds: Any = clock_seconds(value) if isinstance(value, str) else value
    is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds < math.inf:
        raise ValueError(
            f"{name} = {_shown(value)}: expected seconds from 0, or a time such as '00:16:21,731'"
        )
    return float(seconds)


def _channel(value: Any, name: str) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    index: Any = value
    if isinstance(value, str):
        index = _CHANNELS.get(value.lower(), int(value) if value.isdecimal() else None)
    elif isinstance(value, float) and value.is_integer():  # a column of a table with empty cells
        index = int(value)
    if not isinstance(index, Integral) or isinstance(index, bool) or index < 0:
        raise ValueError(
            f"{name} = {_shown(value)}: expected the number of a channel from 0, 'left' or 'right'"
        )
    return int(index)


def _in_order(
    values: Mapping[str, float],
    names: Sequence[str] | None,
    modality: str,
    width: int | None,
    place: str,
) -> list[float]:
    """Return named features as a vector in the checkpoint's order.

    The modality's prefix, which the columns of a table have, may be left out.
    """
    if names is None:
        raise ValueError(f"{place} has names: expected a vector of {width} numbers")
    prefix = f"{modality}_"
    given = {str(name).removeprefix(prefix): value for name, value in values.items()}
    own = [name.removeprefix(prefix) for name in names]
    if set(given) != set(own) or len(given) != len(values):
        raise ValueError(
            f"{place} has {sorted(map(str, values))}: expected exactly {sorted(names)}"
        )
    return [given[name] for name in own]


def _refuse_other_tables(inputs: Any) -> None:
    """Refuse the tables that could be given in place of those that `read_table` reads."""
    kind = type(inputs).__name__
    expected = None
    if isinstance(inputs, Mapping):
        if any(hasattr(part, "column_names") for part in inputs.values()):
            expected = f"one of its {len(inputs)}, such as data[{next(iter(inputs))!r}]"
    elif hasattr(inputs, "iloc") and not hasattr(inputs, "columns"):
        expected = "a list of utterances, such as series.tolist()"
    elif hasattr(inputs, "to_pandas") and not hasattr(inputs, "features"):
        expected = "a DataFrame, such as table.to_pandas()"
    if expected is not None:
        raise TypeError(f"the input is a {kind}: expected {expected}")


def _is_dataset(inputs: Any) -> bool:
    """Return whether this is a `datasets.Dataset`, and not one that streams."""
    return hasattr(inputs, "column_names") and hasattr(inputs, "features") and _is_sequence(inputs)


def _check_columns(columns: Sequence[Any]) -> None:
    """Refuse a table that has nothing to read, and name columns that are not read."""
    others = [name for name in columns if name not in UTTERANCE_FIELDS and name not in TABLE_FIELDS]
    hint = _nearest(others)
    if not {"text", *SOURCES, *(f"{name}_features" for name in MODALITIES)} & set(columns):
        raise ValueError(f"columns = {columns}: expected any of {UTTERANCE_FIELDS}{hint}")
    if others:
        logger.warning_once(
            f"columns {others} are not read: expected any of {UTTERANCE_FIELDS}{hint}"
        )


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the fields of an utterance in a row of a table, without those that are missing."""
    return {name: row[name] for name in UTTERANCE_FIELDS if not _is_missing(row.get(name))}


def _nearest(unknown: Iterable[Any]) -> str:
    """Return which field may be meant by one of the unknown names, for messages."""
    for name in unknown:
        near = difflib.get_close_matches(str(name).lower(), UTTERANCE_FIELDS, 1)
        if near:
            return f" (is {name!r} meant as {near[0]!r}?)"
    return ""


def _is_missing(value: Any) -> bool:
    """Return whether a value stands for an empty cell: None, NaN, or pandas' NA and NaT."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _is_sequence(value: Any) -> bool:
    """Return whether a value has entries in order: lists, tuples, arrays, tensors, columns."""
    if isinstance(value, str | bytes | bytearray | Mapping):
        return False
    return (
        hasattr(value, "__len__")
        and hasattr(value, "__getitem__")
        and getattr(value, "ndim", 1) > 0
    )


def _shown(value: Any) -> str:
    """Return a value for messages, shortened."""
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value[:20])
    return _SHORT.repr(value)


__all__ = [
    "MEDIA_FIELDS",
    "RECORDING_FIELDS",
    "SOURCES",
    "UTTERANCE_FIELDS",
    "clock_seconds",
    "columns_of",
    "file_advice",
    "is_columns",
    "is_recording",
    "is_turn",
    "origins",
    "read_columns",
    "read_recording",
    "read_table",
    "read_utterances",
]
