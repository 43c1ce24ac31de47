"""Situations in which Sync-TVA says something, each provoked by a function that returns the words.

`docs/messages.md` is written from them by `python -m tests.docs.write_messages`. A module stands
for a heading of that page, and its docstring is the heading. For example:

    @situation("a file of the folder is not read")
    def unread_file(folder: Path) -> str:
        (folder / "extra.csv").write_text("text\\nHello\\n")
        return said(lambda: load_table(folder))

Where an answer says it, the function returns the words from the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from transformers import pipeline
from transformers.utils import logging as transformers_logging

from synctva.registration import checkpoint_folder

LOGGERS = ("synctva", "transformers", "datasets")


@dataclass(frozen=True)
class Situation:
    """What the user did ("when ..."), and a function of an empty folder that provokes the words."""

    when: str
    provoke: Callable[[Path], str]

    def words(self, folder: Path) -> str:
        """Return the words in one line, with `<folder>` for the folder."""
        return " ".join(self.provoke(folder).replace(str(folder), "<folder>").split())


SITUATIONS: dict[str, list[Situation]] = {}
"""Module -> its situations, in the order of the file."""


def situation(when: str) -> Callable[[Callable[[Path], str]], Callable[[Path], str]]:
    """Register a function as the situation "when ..."."""

    def register(provoke: Callable[[Path], str]) -> Callable[[Path], str]:
        SITUATIONS.setdefault(provoke.__module__, []).append(Situation(when, provoke))
        return provoke

    return register


def said(call: Callable[[], Any]) -> str:
    """Return the message of the error that `call` raises, or else its warnings.

    Raises:
        AssertionError: it says nothing.
    """
    records: list[str] = []
    transformers_logging.warning_once.cache_clear()  # it may have been said in this process

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    recorder = Recorder(logging.WARNING)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addHandler(recorder)
    try:
        call()
    except (Exception, SystemExit) as error:
        return str(error)
    finally:
        for logger in loggers:
            logger.removeHandler(recorder)
    assert records, "nothing was said"
    return " ".join(records)


@cache
def shipped() -> Any:
    """Return the pipeline of the shipped checkpoint, loaded once; it is not to be changed."""
    return pipeline("emotion-recognition", model=str(checkpoint_folder()))


def headings() -> dict[str, list[Situation]]:
    """Import every module beside this one. -> heading -> its situations."""
    names = [f"{__name__}.{module.name}" for module in iter_modules(__path__)]
    return {import_module(name).__doc__.strip().rstrip("."): SITUATIONS[name] for name in names}
