from pathlib import Path

import pytest

from synctva.datasets_scripts.corpora.iemocap import load_iemocap
from synctva.datasets_scripts.corpora.meld import load_meld
from synctva.modeling_synctva import text_reading
from synctva.modeling_synctva.text_reading import languages_of, spoken, unlearnt

LANGUAGES = Path(__file__).parents[1] / "support" / "languages"
NAMES = {
    "ar": "Arabic", "de": "German", "es": "Spanish", "fr": "French", "hi": "Hindi",
    "it": "Italian", "ja": "Japanese", "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip


def conversations(code):
    """Return the written conversations of a language, each a list of turns."""
    blocks = (LANGUAGES / f"{code}.txt").read_text(encoding="utf-8").strip().split("\n\n")
    return [block.split("\n") for block in blocks]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I lost my phone \U0001f62d\U0001f62d", "I lost my phone loudly crying face"),
        ("Great!\U0001f600", "Great! grinning face"),
        ("\u2764\ufe0f you", "heart you"),
        ("\u263a\ufe0f", "smiling face"),
        ("\U0001f5a4", "black heart"),
        ("\U0001f937\U0001f3fd\u200d\u2640\ufe0f whatever", "shrug whatever"),
        ("\U0001f44d\U0001f3ff", "thumbs up sign"),
        ("Go \U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea!", "Go flag FR flag DE !"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467 time", "man woman girl time"),
        ("1\ufe0f\u20e3 first", "1 first"),
        ("\U0001f62d so\n\U0001f62d", "loudly crying face so loudly crying face"),
    ],
)
def test_emoji_are_words(text, words):
    assert spoken(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "", "  two  spaces ", ":) <3 :-( ;D", "\u00a9 2020 \u00ae \u2122 5\u00b0", "caf\u00e9",
        "\u266a la la \u266b", "\u0915\u094d\u200d\u0937", "a \ufe0f b", "1 # *", "\ud83d",
    ],
)  # fmt: skip
def test_texts_without_emoji_are_unchanged(text):
    assert spoken(text) is text or spoken(text) == text


@pytest.mark.parametrize("code", NAMES)
def test_conversations_in_other_languages_are_told(code):
    found = [unlearnt(turns, ["en"]) for turns in conversations(code)]
    assert len(found) == 20 and all(5 <= len(turns) <= 7 for turns in found)
    assert sum(NAMES[code] in turns for turns in found) >= 18
    marked = [seems is not None for turns in found for seems in turns]
    assert sum(marked) >= 0.95 * len(marked)
    # An encoder that has learnt the language, too, reads them.
    known = [unlearnt(turns, ["en", code]) for turns in conversations(code)]
    assert sum(any(turns) for turns in known) <= 1


def test_one_long_text_does_not_make_the_others_foreign():
    turns = [
        "I got the lead part!", "Es tut mir leid, der Zug aus Hamburg kam nicht.", "haha", "No way."
    ]  # fmt: skip
    assert unlearnt(turns, ["en"]) == [None, "German", None, None]


@pytest.mark.parametrize("code", NAMES)
def test_single_sentences_in_other_languages_are_told(code):
    long = [turn for turns in conversations(code) for turn in turns if len(turn.encode()) > 25]
    found = [unlearnt([turn], ["en"])[0] for turn in long]
    assert sum(seems is not None for seems in found) >= 0.9 * len(found)


def test_english_with_slang_names_and_foreign_words_is_read():
    for turns in conversations("en"):
        assert unlearnt(turns, ["en"]) == [None] * len(turns), turns


def test_a_word_follows_its_conversation():
    english = ["I told you not to call him again.", "Oui!", "What is that supposed to mean?"]
    assert unlearnt(english, ["en"]) == [None] * 3
    french = ["Je ne sais pas quoi te dire.", "Oui!", "Tu vas me manquer, tu sais."]
    assert unlearnt(french, ["en"]) == ["French"] * 3
    mixed = ["I told you not to call him again.", "Ich habe ihn trotzdem gestern Abend angerufen."]
    assert unlearnt(mixed, ["en"]) == [None, "German"]


NAMES_ONLY = (
    ["Angela Merkel!"] * 2,
    ["Chandler Bing!", "Chandler!", "Chandler Bing!"],
    ["Mike Hannigan!", "Mike!", "Mike Hannigan!", "Mike Hannigan?!"],
    ["Joey!", "Joey Tribbiani!", "Dr. Joey Tribbiani!", "Joey Tribbiani!"],
)


@pytest.mark.parametrize("turns", NAMES_ONLY)
def test_names_alone_are_of_no_language(turns):
    assert unlearnt(turns, ["en"]) == [None] * len(turns)
    german = ["Ich habe so lange auf dich gewartet.", *turns, "Es tut mir leid, mein Schatz."]
    assert unlearnt(german, ["en"]) == ["German"] * len(german)


def test_letters_of_other_scripts_are_told_in_the_shortest_text(monkeypatch):
    monkeypatch.setattr(text_reading, "py3langid", None)
    texts = ["\u0414\u0430!", "\u55ef", "Oui!", "", None, "123", "\U0001f62d", "ok \u55ef"]
    found = unlearnt(texts, ["en"])
    assert found == [
        "a text in Cyrillic letters", "a text in CJK letters", *[None] * 6,
    ]  # fmt: skip
    assert unlearnt(texts[:2], ["ru", "zh"]) == [None, None]


def test_nothing_to_judge():
    assert unlearnt([], ["en"]) == []
    assert unlearnt([None, "", "  ", "...", "\U0001f62d", "42"], ["en"]) == [None] * 6


def test_languages_of_encoders():
    assert languages_of({"name": "sentence-transformers/all-MiniLM-L6-v2"}) == ["en"]
    assert languages_of({"name": "FacebookAI/roberta-large"}) == ["en"]
    for name in (text_reading.MULTILINGUAL, "FacebookAI/xlm-roberta-base", "owner/other"):
        assert languages_of({"name": name}) is None
    assert languages_of({"name": "owner/other", "languages": ["de"]}) == ["de"]


@pytest.mark.parametrize(("corpus", "load"), [("meld", load_meld), ("iemocap", load_iemocap)])
def test_few_utterances_of_the_corpora_are_told(data_dir, corpus, load):
    if not (data_dir / corpus).is_dir():
        pytest.skip(f"{data_dir / corpus} is missing: expected the corpus")
    texts = [row for split in load(data_dir / corpus).values() for row in split["texts"]]
    found = [seems is not None for row in texts for seems in unlearnt(row, ["en"])]
    assert sum(found) <= 0.005 * len(found)
    assert all(spoken(text) == text for row in texts for text in row)
