"""Words become utterances: never cut within a word, never across speakers."""

from itertools import pairwise

import numpy as np
import pytest

from synctva.speech.recognition import Word
from synctva.speech.utterances import Limits, Part, phrases, utterances

LIMITS = Limits()


def spoken(text: str, start: float = 0.0, length: float = 0.3, gap: float = 0.05) -> list[Word]:
    """Words of equal length; `|` stands for half a second without speech."""
    words, time = [], start
    for word in text.split():
        if word == "|":
            time += 0.5
            continue
        words.append(Word(word, time, time + length, 0.9))
        time += length + gap
    return words


def texts(parts: list[Part]) -> list[str]:
    return [part.text for part in parts]


def test_a_phrase_ends_with_a_sentence_or_a_pause():
    parts = phrases(spoken("I got it. Did you | really get it?"), LIMITS)
    assert texts(parts) == ["I got it.", "Did you", "really get it?"]
    assert parts[1].start == pytest.approx(1.05) and parts[1].end == pytest.approx(1.7)


def test_phrases_of_one_speaker_are_joined_up_to_a_pause_after_a_sentence():
    parts = phrases(spoken("Did you | really get it? | | Yes I really did."), LIMITS)
    joined = utterances([part._replace(speaker=0) for part in parts], LIMITS)
    assert texts(joined) == ["Did you really get it?", "Yes I really did."]


def test_another_speaker_is_another_utterance_however_short():
    parts = phrases(spoken("Did you get it? Yes. When did you?"), LIMITS)
    joined = utterances(
        [p._replace(speaker=s) for p, s in zip(parts, (0, 1, 0), strict=True)], LIMITS
    )
    assert texts(joined) == ["Did you get it?", "Yes.", "When did you?"]
    assert [part.speaker for part in joined] == [0, 1, 0]


def test_what_is_too_short_for_a_judgement_joins_its_neighbour():
    parts = phrases(spoken("Well. | I do not know that."), LIMITS)
    joined = utterances([part._replace(speaker=0) for part in parts], LIMITS)
    assert texts(joined) == ["Well. I do not know that."]


def test_a_long_pause_separates_even_a_short_part():
    parts = phrases(spoken("Well. | | I do not know that."), LIMITS)
    joined = utterances([part._replace(speaker=0) for part in parts], LIMITS)
    assert texts(joined) == ["Well.", "I do not know that."]


def test_a_long_utterance_is_cut_at_its_longest_pauses():
    words = spoken("word " * 20 + "| " + "word " * 40)
    joined = utterances([Part(words, 0)], Limits(longest=15))
    assert [len(part.words) for part in joined] == [20, 40]
    assert joined[0].end <= joined[1].start
    # Speech without any pause stays whole: there is no place to cut.
    assert len(utterances([Part(spoken("word " * 80), 0)], Limits(longest=15))) == 1


@pytest.mark.parametrize("seed", range(5))
def test_no_word_is_lost_or_moved(seed):
    draw = np.random.default_rng(seed)
    words, time = [], 0.0
    for i in range(200):
        time += draw.exponential(0.3)
        end = time + draw.uniform(0.05, 0.6)
        words.append(Word(f"w{i}" + draw.choice(["", ".", ","]), time, end, 0.5))
        time = end
    parts = [p._replace(speaker=int(draw.integers(3))) for p in phrases(words, LIMITS)]
    joined = utterances(parts, LIMITS)
    assert [word for part in joined for word in part.words] == words
    assert all(before.end <= after.start for before, after in pairwise(joined))


def test_an_utterance_is_as_certain_as_its_words_on_average():
    words = [Word("a", 0, 1, 0.2), Word("b.", 1, 2, 0.6)]
    assert Part(words).confidence == pytest.approx(0.4)


def test_no_words_are_no_utterances():
    assert phrases([], LIMITS) == [] and utterances([], LIMITS) == []
