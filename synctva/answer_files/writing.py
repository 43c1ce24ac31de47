"""Write answers in the form that the name of the file asks for, or in every form."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transformers.utils import logging

from synctva.answered import Answered, published, require_times
from synctva.files import written_whole
from synctva.modeling_synctva.conversation_input import SOURCES

from . import labels, subtitles, tables, tiers

logger = logging.get_logger(__name__)


class Form(NamedTuple):
    """A form of files."""

    title: str
    write: Callable[[Sequence[Answered]], str] | None
    """None for the report, which needs more than the utterances."""
    timed: bool
    """Whether every utterance needs its times."""


FORMS = {
    ".json": Form("JSON", tables.as_json, False),
    ".csv": Form("CSV", tables.table, False),
    ".tsv": Form("TSV", lambda answered: tables.table(answered, "\t"), False),
    ".html": Form("a report for the browser", None, False),
    ".srt": Form("SRT", subtitles.srt, True),
    ".vtt": Form("WebVTT", subtitles.web_vtt, True),
    ".rttm": Form("RTTM", labels.rttm, True),
    ".txt": Form("Audacity's labels", labels.audacity, True),
    ".TextGrid": Form("a Praat TextGrid", tiers.textgrid, True),
    ".eaf": Form("an ELAN document", tiers.elan, True),
}
"""Suffix -> form, in the order in which a folder gets them."""


def write_answers(
    path: str | os.PathLike,
    answered: Sequence[Answered],
    *,
    recording: str | os.PathLike | None = None,
    name: str | None = None,
    embed: bool = False,
    model: str | None = None,
) -> list[Path]:
    """Write the answers for one conversation. Each file is complete, or is not changed.

    Recordings are named relative to the file, or by their names alone if such a path would lead
    through the root or the folder of all users. Nothing else of a path is written.

    Args:
        path: a file, whose suffix is one of `FORMS`; or, without a suffix or if it exists, a folder
            that gets a file in every form. Those that need times are left out, with a warning, if
            an utterance has none.
        answered: for each utterance a dictionary with its fields and those of the answer. Without
            answers (no `label` and no `error`), there is no report.
        recording: what all utterances were cut from; default: what each names as `video` or
            `audio`.
        name: of the files in a folder, without a suffix, and in the report's title; default: that
            of the recording.
        embed: whether the report contains the recording, see `report_page`.
        model: name of the model, for the report.

    Returns:
        The files that were written.

    Raises:
        ValueError: the suffix is unknown, the form needs times and an utterance has none (it is
            named), there is no utterance, or no answer for the report.
        WriteError: a file could not be written.
    """
    if not answered:
        raise ValueError(f"output = {path}: there is no utterance: expected at least one")
    if recording is not None:
        answered = [_with_recording(item, os.fspath(recording)) for item in answered]
    name = name or _name_of(answered)
    files = answer_paths(path, name)
    folder = next(iter(files.values())).parent
    has_answers = any("label" in item or "error" in item for item in answered)
    alone = len(files) == 1
    if alone and ".html" in files and not has_answers:
        raise ValueError(f"output = {path}: there is no answer: expected answers for the report")
    try:
        require_times(answered, f"output = {path}")
    except ValueError as error:
        timed = [suffix for suffix in files if FORMS[suffix].timed]
        if alone and timed:
            raise
        if timed:
            logger.warning(f"{', '.join(timed)} are not written: {error}")
        files = {suffix: file for suffix, file in files.items() if suffix not in timed}
    texts: dict[Path, str] = {}
    shown = published(answered, folder)
    for suffix, file in files.items():
        write = FORMS[suffix].write
        if write is not None:
            texts[file] = write(shown)
        elif has_answers:
            # Here, because only this form needs it.
            from synctva.report import report_page

            texts[file] = report_page(answered, title=name, embed=embed, folder=folder, model=model)
    with written_whole(folder) as unfinished:
        for file, text in texts.items():
            # Half a character, which UTF-8 lacks, is written as an escape.
            (unfinished / file.name).write_bytes(text.encode("utf-8", "backslashreplace"))
    return list(texts)


def answer_paths(path: str | os.PathLike, name: str) -> dict[str, Path]:
    """Return the file of each form that `write_answers` writes.

    Args:
        path: a file or a folder, see there.
        name: of the files in a folder, without a suffix.

    Raises:
        ValueError: the suffix is unknown.
    """
    path = Path(path)
    if path.is_dir() or not path.suffix:
        return {suffix: path / f"{name}{suffix}" for suffix in FORMS}
    suffix = {known.lower(): known for known in FORMS}.get(path.suffix.lower())
    if suffix is None:
        raise ValueError(
            f"output = {path}: expected a folder, or a file that ends in {', '.join(FORMS)}"
        )
    return {suffix: path}


def _with_recording(item: Answered, recording: str) -> dict[str, Any]:
    own = next((name for name in SOURCES if item.get(name) is not None), None)
    return {**item, own or "file": recording}


def _name_of(answered: Sequence[Answered]) -> str:
    """Return the name of the only recording, or "conversation"."""
    names = {Path(item["file"]).stem for item in published(answered, None) if "file" in item}
    return names.pop() if len(names) == 1 else "conversation"


__all__ = ["FORMS", "Form", "answer_paths", "write_answers"]
