"""Conversations as people write them."""

import pytest

from synctva.transcripts.line import Line, TranscriptError
from synctva.transcripts.reading import parse_transcript


def read(transcript, timed=False):
    """Return (speaker, text) of each utterance."""
    return [(line.speaker, line.text) for line in parse_transcript(transcript, timed)]


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("Ann: I got the job!", "Ann", "I got the job!"),
        ("  Ann :  I got the job!  ", "Ann", "I got the job!"),
        ("I got the job!", None, "I got the job!"),
        ("Ann: Listen: I got it.", "Ann", "Listen: I got it."),
        ("Zoë Müller-Šťastná: Ahoj!", "Zoë Müller-Šťastná", "Ahoj!"),
        ("小明：太好了！", "小明", "太好了！"),  # noqa: RUF001
        ("أحمد: نعم", "أحمد", "نعم"),
        ("Dr. Ross (phone): Yes?", "Dr. Ross (phone)", "Yes?"),
        ("👩‍🚀: Lift-off", "👩‍🚀", "Lift-off"),
        (": Note: no speaker", None, "Note: no speaker"),
        ("It is 10:30, is it?", None, "It is 10:30, is it?"),
        ("See https://example.org now", None, "See https://example.org now"),
        ("Great :) thanks", None, "Great :) thanks"),
        ("Well, listen: I got it.", None, "Well, listen: I got it."),
        ("What he told me was this: no.", None, "What he told me was this: no."),
        ("Really? Yes: really.", None, "Really? Yes: really."),
    ],
)
def test_speaker_and_sentence(line, speaker, text):
    assert read(line) == [(speaker, text)]


def test_empty_lines_are_skipped_and_counted():
    assert [line.number for line in parse_transcript("\n\nAnn: Hi!\r\n \n\nHello.\n")] == [3, 6]


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("0.0-2.5 Ann: Hi!", 0.0, 2.5),
        ("0 – 2,5 Ann: Hi!", 0.0, 2.5),  # noqa: RUF001
        ("[1:02.5 - 1:04] Ann: Hi!", 62.5, 64.0),
        ("1:00:00-1:00:01.25  Ann: Hi!", 3600.0, 3601.25),
        ("0s - 3s Ann: Hi!", 0.0, 3.0),
    ],
)
@pytest.mark.parametrize("timed", [True, False])
def test_times(line, start, end, timed):
    assert parse_transcript(line, timed) == [Line(1, "Hi!", "Ann", start, end)]


def test_times_are_a_sentence_where_not_every_line_has_them():
    assert read("Ann: How many?\n10-20 people came.") == [
        ("Ann", "How many?"),
        (None, "10-20 people came."),
    ]


def test_an_utterance_with_times_needs_no_text():
    assert parse_transcript("0-1\n1-2 Bo:", timed=True) == [
        Line(1, "", None, 0.0, 1.0),
        Line(2, "", "Bo", 1.0, 2.0),
    ]


def test_subtitles():
    srt = (
        "\ufeff1\n00:00:01,000 --> 00:00:02,500\nAnn: I got\nthe job!\n\n"
        "2\n00:01:00,000 --> 00:01:02,250\n1984\n\n3\n0:01:03.0 --> 0:01:04.0\n"
    )
    assert parse_transcript(srt, timed=True) == [
        Line(2, "I got the job!", "Ann", 1.0, 2.5),
        Line(7, "1984", None, 60.0, 62.25),
        Line(11, "", None, 63.0, 64.0),
    ]


@pytest.mark.parametrize(
    ("transcript", "timed", "message"),
    [
        ("", False, "there is no utterance: expected lines such as 'Ann: I got the job!'"),
        (" \n\n", True, "expected lines such as '0.0-2.5 Ann: I got the job!'"),
        ("Ann: Hi!\nBo:", False, "line 2, 'Bo:': has no text: expected a sentence"),
        ("0-1 Ann: Hi!\n\nBo: Oh.", True, "line 3, 'Bo: Oh.': has no times: expected its start"),
        ("2.5-1:00 A: Hi!\n3-3 A: Oh.", True, "line 2, times 3 to 3: expected the start before"),
        ("1\n0 --> 1\nHi!\n\nOh.", True, "line 5, 'Oh.': expected the number or the times of a"),
    ],
)
def test_a_mistake_names_its_line_and_what_was_expected(transcript, timed, message):
    with pytest.raises(TranscriptError) as error:
        parse_transcript(transcript, timed)
    assert message in str(error.value)


def test_the_first_of_many_mistakes_are_listed():
    with pytest.raises(TranscriptError) as error:
        parse_transcript("Ann: Hi!\n" * 8, timed=True)
    lines = str(error.value).split("\n")
    assert [line.split(",")[0] for line in lines[:5]] == [f"line {n}" for n in range(1, 6)]
    assert lines[5] == "... and 3 more."
