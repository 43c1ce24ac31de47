"""Conversations with a line of dev or test are found and left out, whatever their spelling."""

import logging

import numpy as np
import pytest

from synctva.datasets_scripts.corpora.labelled_text import (
    LabelledTexts,
    TextCorpus,
    load_text_corpus,
    without_lines_of,
)
from synctva.datasets_scripts.corpora.labelled_text.overlap import WORDS, normalised


def corpus_of(*conversations):
    return TextCorpus(
        "made up",
        ("a", "b"),
        [LabelledTexts(list(t), [None] * len(t), np.zeros((len(t), 2))) for t in conversations],
    )


@pytest.mark.parametrize(
    "line",
    ["It\u2019s a café now!", "its  a cafe NOW", "It's... a cafe -- now?", "IT`S A CAFÉ, NOW"],
)
def test_a_line_is_the_same_in_another_spelling(line, caplog):
    corpus = corpus_of(["Hello.", "It's a cafe now."], ["Nobody says this here."])
    with caplog.at_level(logging.WARNING):
        kept = without_lines_of(corpus, [line])
    assert kept.conversations == corpus.conversations[1:]
    assert "made up: 1 of 2 conversations are left out" in caplog.text


def test_short_lines_and_parts_of_lines_do_not_count():
    corpus = corpus_of(["Oh my!", "Okay."], ["You never told me that it was so."])
    assert without_lines_of(corpus, ["Oh, my.", "Okay", "you never told me"]) == corpus


def test_no_line_of_meld_remains_in_any_corpus(data_dir):
    from synctva.datasets_scripts import load_meld

    places = {
        "dailydialog": "text_corpora/dailydialog_reccon",
        "emorynlp": "text_corpora/emorynlp",
        "friends": "friends_new",
    }
    missing = [place for place in places.values() if not (data_dir / place).is_dir()]
    if missing:
        pytest.skip(f"{data_dir} has no {missing[0]}")
    meld = load_meld(data_dir / "meld")
    held = [t for split in ("dev", "test") for row in meld[split]["texts"] for t in row]
    lines = {line for line in map(normalised, held) if len(line.split()) >= WORDS}
    for name, place in places.items():
        corpus = load_text_corpus(name, data_dir / place)
        kept = without_lines_of(corpus, held)
        assert lines.isdisjoint(normalised(t) for c in kept.conversations for t in c.texts)
        assert 0 < len(kept.conversations) < len(corpus.conversations)
