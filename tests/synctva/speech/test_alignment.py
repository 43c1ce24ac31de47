"""Known words get the times of the recognised words, whatever the recogniser got wrong."""

import random
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from scipy.io import wavfile

from synctva.speech.alignment import align
from synctva.speech.recognition import Word
from synctva.speech.transcription import transcribe
from tests.support import synthetic_speech

from .test_utterances import spoken


def conversation(*texts):
    return [{"speaker": "Ann", "text": text} for text in texts]


def times(aligned):
    return [(u["start"], u["end"]) if "start" in u else None for u in aligned]


def test_exact_words_have_their_times_and_stay_as_they_are():
    given = conversation("Did you go?", "I did!", "Well, what was it like?")
    words = [*spoken("did you go", 1), *spoken("i did", 4), *spoken("well what was it like", 60)]
    aligned, share = align(given, words)
    assert times(aligned) == [(1.0, 2.0), (4.0, 4.65), (60.0, 61.7)]
    assert share == 1
    stripped = [{"speaker": u["speaker"], "text": u["text"]} for u in aligned]
    assert stripped == given


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("ÄRGER im Café", "ärger, im Cafe\u0301."),
        ("STRASSE frei", "Straße frei"),
        ("Don't go!", "don\u2019t go"),
        ("It is well-known.", "it is well known"),
        ("\uff28\uff45\uff4c\uff4c\uff4f you", "hello you"),
        ("我们明天去。", "我们 明天去"),
        ("वह कहाँ है?", "वह कहाँ है"),
    ],
)
def test_case_punctuation_and_the_form_of_characters_do_not_count(text, heard):
    words = spoken(heard, 2)
    aligned, share = align(conversation(text), words)
    assert share == 1 and times(aligned) == [(2.0, round(words[-1].end, 3))]
    assert unicodedata.normalize("NFC", aligned[0]["text"]) == unicodedata.normalize("NFC", text)


def test_a_misheard_word_is_placed_between_the_words_around_it():
    given = conversation("Wednesday suits me", "is the roof leaking again")
    words = [*spoken("when they suits me", 1), *spoken("is the proof leaking against", 5)]
    aligned, share = align(given, words)
    assert times(aligned) == [(1.0, 2.35), (5.0, 6.7)]
    assert share == 5 / 8


def test_what_was_not_recognised_has_no_times():
    given = conversation("I got the letter today", "Mhm", "That is wonderful news", "")
    words = [*spoken("I got the letter today", 1), *spoken("That is wonderful news", 5)]
    aligned, share = align(given, words)
    assert times(aligned) == [(1.0, 2.7), None, (5.0, 6.35), None]
    assert share == 9 / 10
    assert aligned[1] == given[1]


def test_what_the_transcript_lacks_is_passed_over():
    given = conversation("the roof is leaking", "who is going to repair it")
    lacking = " ".join(f"filler{i}" for i in range(40))
    words = [
        *spoken("the roof is leaking", 1),
        *spoken(lacking, 5),
        *spoken("him was going to repair it", 30),
    ]
    # "who is" was misheard, among 40 words that are not in the transcript: not placed.
    assert times(align(given, words)[0]) == [(1.0, 2.35), (30.7, 32.05)]


def test_repeated_phrases_keep_their_order():
    given = conversation("No.", "No.", "Why not?", "No.", "Why not?")
    words = [
        word
        for start, text in enumerate(("no", "no", "why not", "no", "why not"))
        for word in spoken(text, 10.0 * start)
    ]
    assert [start for start, _ in times(align(given, words)[0])] == [0, 10, 20, 30, 40]


def test_a_repeated_sentence_does_not_draw_others_to_the_wrong_place():
    given = conversation("it rains again", "we stay at home", "it rains again", "now we go")
    words = [*spoken("it rains again now we stay at home", 1), *spoken("it rains now we go", 50)]
    assert [round(start, 1) for start, _ in times(align(given, words)[0])] == [1, 2.4, 50, 50.7]


def test_starts_never_go_back():
    given = conversation("one two", "three four", "five")
    words = [
        Word("one", 1.0, 1.4, 1),
        Word("two", 1.4, 3.0, 1),
        Word("three", 0.9, 3.2, 1),
        Word("four", 3.2, 3.5, 1),
        Word("five", 3.5, 3.5, 1),
    ]
    assert times(align(given, words)[0]) == [(1.0, 3.0), (1.0, 3.5), None]


@pytest.mark.parametrize("seed", range(5))
def test_random_mistakes_move_starts_little_and_never_change_the_order(seed):
    draw = random.Random(seed)
    sentences = [*synthetic_speech.SENTENCES] * 4  # in other orders
    draw.shuffle(sentences)
    words, truth, time = [], [], 0.0
    for text in sentences:
        truth.append(time)
        words += spoken(text, time)
        time = words[-1].end + draw.uniform(0.2, 2)
    heard = []
    for word in words:
        kind = draw.random()
        if kind < 0.05:
            continue
        heard.append(word._replace(text="zzz") if kind < 0.15 else word)
    aligned, share = align(conversation(*sentences), heard)
    assert 0.75 < share < 0.95
    starts = [u["start"] for u in aligned]
    assert all(a <= b for a, b in pairwise(starts))
    errors = np.abs(np.array(starts) - truth)
    assert errors.mean() < 0.1 and errors.max() < 2


@pytest.mark.parametrize(
    ("texts", "heard", "found"),
    [
        (["Guten Morgen, wie geht es"], "I got the letter from the university", "0 of .* 5 words"),
        (["one two three four five six seven"], "one two nine", "2 of .* 7 words"),
        (["Hello there"], "", "0 of .* 2 words"),
        (["", "..."], "hello there", "0 of .* 0 words"),
        ([], "hello there", "0 of .* 0 words"),
    ],
)
def test_nothing_is_invented_where_too_little_matches(texts, heard, found):
    with pytest.raises(ValueError, match=found + r".*: expected at least 30%\. Is it the trans"):
        align(conversation(*texts), spoken(heard))


@pytest.mark.slow
@pytest.mark.skipif(not synthetic_speech.available(), reason="espeak-ng is not installed")
def test_a_transcript_without_times_gets_those_of_a_real_recogniser(tmp_path, caplog):
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")
    said = synthetic_speech.converse(("deep", "bright"), 40, seed=5)
    wavfile.write(tmp_path / "call.wav", synthetic_speech.RATE, said.samples)
    given = [(turn.speaker, turn.text) for turn in said.turns]
    try:
        found = transcribe(tmp_path / "call.wav", transcript=given)
    except OSError as error:
        pytest.skip(str(error))
    assert [(u["speaker"], u["text"]) for u in found] == given
    errors = [abs(u["start"] - turn.start) for u, turn in zip(found, said.turns, strict=True)]
    assert np.mean(errors) < 0.3
    assert "of its words were found" in caplog.text
