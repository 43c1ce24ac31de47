"""Corpora of text with emotions, from which an encoder learns before or beside its own corpus.

For that, only their training splits are read. Some of them share text with MELD:
`without_lines_of` leaves out what must not be learnt from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synctva.datasets_scripts.builder import data_folder

from .annotators import annotator_shares
from .corpus import LabelledTexts, TextCorpus
from .dailydialog import load_dailydialog, read_dailydialog
from .emocontext import read_emocontext
from .emorynlp import load_emorynlp, read_emorynlp
from .friends import read_friends
from .goemotions import read_goemotions
from .overlap import without_lines_of

TEXT_CORPORA: dict[str, Callable[[Path], TextCorpus]] = {
    "dailydialog": read_dailydialog,
    "emocontext": read_emocontext,
    "emorynlp": read_emorynlp,
    "friends": read_friends,
    "goemotions": read_goemotions,
}
"""The corpora by name, each with the function that reads it from its folder."""


def load_text_corpus(name: str, folder: str | Path) -> TextCorpus:
    """Load the training split of a corpus of labelled text.

    Args:
        name: one of `TEXT_CORPORA`.
        folder: of the corpus' files, as its authors publish them.

    Raises:
        ValueError: the name is unknown; a file is unreadable or has a label that the corpus lacks.
        FileNotFoundError: the folder or a file of it is missing.
    """
    if name not in TEXT_CORPORA:
        raise ValueError(f"corpus = {name!r}: expected one of {', '.join(TEXT_CORPORA)}")
    return TEXT_CORPORA[name](data_folder(folder))


__all__ = [
    "TEXT_CORPORA",
    "LabelledTexts",
    "TextCorpus",
    "annotator_shares",
    "load_dailydialog",
    "load_emorynlp",
    "load_text_corpus",
    "without_lines_of",
]
