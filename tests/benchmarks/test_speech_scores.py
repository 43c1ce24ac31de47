"""Error rates of words and speakers."""

import pytest

from benchmarks.speech_scores import (
    cut_right,
    diarisation_error_rate,
    word_error_rate,
    words_of,
)

TRUE = [("a", 0.0, 10.0), ("b", 10.0, 20.0)]


@pytest.mark.parametrize(
    ("found", "rate"),
    [
        ("the cat sat", 0),
        ("the cat", 1 / 3),
        ("the cat sat down", 1 / 3),
        ("a cat sat", 1 / 3),
        ("", 1),
    ],
)
def test_errors_are_counted_per_true_word(found, rate):
    assert word_error_rate(words_of("The cat sat!"), words_of(found)) == pytest.approx(rate)


def test_names_of_speakers_do_not_matter():
    assert diarisation_error_rate(TRUE, [("x", 0.0, 10.0), ("y", 10.0, 20.0)]) == 0


def test_confused_missed_and_false_speech_count():
    counted = 20 - 4 * 0.25  # half a second around 10 s, and a quarter at each end
    confused = diarisation_error_rate(TRUE, [("x", 0.0, 15.0), ("y", 15.0, 20.0)])
    assert confused == pytest.approx((5 - 0.25) / counted, abs=0.002)
    missed = diarisation_error_rate(TRUE, [("x", 0.0, 10.0)])
    assert missed == pytest.approx(0.5, abs=0.002)
    false = diarisation_error_rate(TRUE, [*TRUE, ("z", 5.0, 8.0)])
    assert false == pytest.approx(3 / counted, abs=0.002)


def test_the_collar_forgives_small_shifts():
    assert diarisation_error_rate(TRUE, [("x", 0.2, 9.8), ("y", 10.2, 20.0)]) == 0


def test_overlapping_speech_counts_for_each_speaker():
    true = [("a", 0.0, 10.0), ("b", 4.0, 10.0)]
    assert diarisation_error_rate(true, true) == 0
    assert diarisation_error_rate(true, true[:1]) == pytest.approx(5.5 / 14.5, abs=0.005)


def test_an_utterance_is_cut_right_where_both_ends_are():
    assert cut_right(TRUE, [("x", 0.1, 10.2), ("y", 10.1, 15.0)]) == 0.5
