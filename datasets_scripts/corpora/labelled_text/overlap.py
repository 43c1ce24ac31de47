"""Leave out conversations that contain lines on which a model will be scored."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable

from .corpus import TextCorpus

logger = logging.getLogger(__name__)

WORDS = 3
"""Lines with fewer words are in every conversation: "Okay." says nothing about where it is from."""


def without_lines_of(corpus: TextCorpus, texts: Iterable[str]) -> TextCorpus:
    """Leave out every conversation of a corpus that has a line of these texts.

    Lines are equal if their letters and digits are, whatever their case and punctuation. How many
    conversations are left out is logged.

    Args:
        corpus: to learn from.
        texts: that the model must not have seen, such as those of dev and test.
    """
    held = {line for line in map(normalised, texts) if len(line.split()) >= WORDS}
    kept = [
        conversation
        for conversation in corpus.conversations
        if held.isdisjoint(map(normalised, conversation.texts))
    ]
    logger.warning(
        "%s: %d of %d conversations are left out, because they have a line of dev or test",
        corpus.name,
        len(corpus.conversations) - len(kept),
        len(corpus.conversations),
    )
    return corpus._replace(conversations=kept)


def normalised(text: str) -> str:
    """Return the words of a text in lower case, without accents and apostrophes.

    >>> normalised("Café?  It\\u2019s -- FINE!")
    'cafe its fine'
    """
    text = unicodedata.normalize("NFKD", text.lower())
    text = re.sub("['\u2018\u2019`\u0300-\u036f]", "", text)
    return " ".join(re.findall(r"\w+", text))


__all__ = ["WORDS", "normalised", "without_lines_of"]
