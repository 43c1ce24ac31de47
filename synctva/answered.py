"""Answered utterances: what files and reports show of them, without any path of this machine.

An answered utterance is a dictionary with the fields of an utterance for the pipeline and those of
the pipeline's answer. Without `label` it is an utterance that has not been answered.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Answered = Mapping[str, Any]

SAID = ("file", "speaker", "text", "start", "end", "confidence", "channel")
"""Fields of an utterance that are written; `file` is its recording."""

ANSWER = (
    *("label", "score", "scores", "prediction_set", "strengths", "modalities", "informative"),
    *("cautions", "precision", "error"),
)
"""Fields of an answer."""


def source(utterance: str | Answered) -> dict[str, Any]:
    """Return those fields of `SAID` that an utterance has."""
    item = {"text": utterance} if isinstance(utterance, str) else utterance
    recording = next(
        (item[name] for name in ("video", "audio", "file") if item.get(name) is not None), None
    )
    fields = {**item, "file": recording if isinstance(recording, str | os.PathLike) else None}
    return {name: fields[name] for name in SAID if fields.get(name) not in (None, "")}


def shown(item: Answered) -> dict[str, Any]:
    """Return the fields of `SAID` and of `ANSWER` that an answered utterance has."""
    return source(item) | {name: item[name] for name in ANSWER if name in item}


def published(answered: Sequence[Answered], folder: Path | None) -> list[dict[str, Any]]:
    """Return the utterances with all that may leave the machine, and nothing else.

    Args:
        answered: utterances with answers.
        folder: where the file will lie; None if nobody knows. Recordings are named relative to it,
            see `relative_to`, also in cautions and errors.
    """
    found = []
    for item in answered:
        fields = shown(item)
        if "file" in fields:
            path = os.fspath(fields["file"])
            fields["file"] = relative_to(folder, path)
            name = Path(path).name
            hide = {path, str(Path(path)), os.path.abspath(path)} - {name}
            for longest in sorted(hide, key=len, reverse=True):
                if "error" in fields:
                    fields["error"] = fields["error"].replace(longest, name)
                if fields.get("cautions"):
                    fields["cautions"] = [c.replace(longest, name) for c in fields["cautions"]]
        found.append(fields)
    return found


def relative_to(folder: Path | None, recording: str | os.PathLike) -> str:
    """Return the path of a recording as a file in the folder names it: relative, or only its name.

    Only its name, if the way from the folder to the recording leads through the root or through the
    folder of all users: such a path would tell who made it.
    """
    path = os.path.abspath(recording)
    name = os.path.basename(path)
    if folder is None:
        return name
    here = os.path.abspath(folder)
    try:
        shared = Path(os.path.commonpath([path, here]))
    except ValueError:  # another drive
        return name
    above = Path.home().parents
    if shared in above or shared.parent == shared or shared.name in ("home", "Users"):
        return name
    return Path(os.path.relpath(path, here)).as_posix()


def plain(text: Any) -> str:
    """Return text in one line, without characters that control something or are none.

    >>> plain("two\\nlines\\x00 \\ud83d")
    'two lines \\ufffd'
    """
    line = " ".join(str(text).split())
    kept = (c for c in line if unicodedata.category(c) != "Cc")
    return "".join("\ufffd" if _is_none(c) else c for c in kept)


def _is_none(character: str) -> bool:
    """Return whether this is half of a character, or a code point that XML forbids."""
    return unicodedata.category(character) == "Cs" or ord(character) & 0xFFFE == 0xFFFE


def emotion(answer: Answered) -> str | None:
    """Return the answer in a few words, such as "joy 72%"; None without an answer.

    "joy? 31%" says little, "unsure" is an abstention, and "unread" an utterance that could not be
    read.
    """
    if "error" in answer:
        return "unread"
    if "label" not in answer:
        return None
    if answer["label"] is None:
        return "unsure"
    doubt = "" if answer.get("informative", True) else "?"
    return f"{plain(answer['label'])}{doubt} {answer['score']:.0%}"


def require_times(answered: Sequence[Answered], what: str) -> None:
    """Refuse utterances without times.

    Raises:
        ValueError: names the first utterance that has none.
    """
    for number, item in enumerate(answered):
        if item.get("start") is None or item.get("end") is None:
            shown = f", {plain(item['text'])[:60]!r}," if item.get("text") else ""
            raise ValueError(
                f"{what}: utterance {number}{shown} has no times: expected start and end of every "
                "utterance"
            )


__all__ = [
    "ANSWER",
    "SAID",
    "Answered",
    "emotion",
    "plain",
    "published",
    "relative_to",
    "require_times",
    "shown",
    "source",
]
