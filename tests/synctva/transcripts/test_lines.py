"""Lines as people type them, and as programs print them."""

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


@pytest.mark.parametrize(
    ("transcript", "timed", "message"),
    [
        ("", False, "there is no utterance: expected lines such as 'Ann: I got the job!'"),
        (" \n\n", True, "expected lines such as '0.0-2.5 Ann: I got the job!'"),
        ("Ann: Hi!\nBo:", False, "line 2, 'Bo:': has no text: expected a sentence"),
        ("0-1 Ann: Hi!\n\nBo: Oh.", True, "line 3, 'Bo: Oh.': has no times: expected its start"),
        ("2.5-1:00 A: Hi!\n3-3 A: Oh.", True, "line 2, times 3 to 3: expected the start before"),
        ("[0:01] Ann: Hi!\nBo: Oh.", False, "line 1, '[0:01] Ann: Hi!': begins with a time, and"),
        ("Ann: Hi!\n(0:01 - 0:02) Oh.", False, "line 2, '(0:01 - 0:02) Oh.': begins with a time"),
        ("Ann: Hi!\n0:00:01 Oh.", False, "line 2, '0:00:01 Oh.': begins with a time"),
        (
            "0-1 Ann: Hi\nthere!\n1-2 Bo: Oh.",
            False,
            "line 1, '0-1 Ann: Hi': begins with a time",
        ),
        (
            "Ann: Hi!\n0:01.5 - 0:03. Bo: Oh.",
            False,
            "line 2, '0:01.5 - 0:03. Bo: Oh.': beg",
        ),
        ("Ann: Hi!\nBo [-0:01]: Oh.", False, "line 2, 'Bo [-0:01]: Oh.': begins with a time"),
        ("Ann: Hi!\n1/2/24, 9:41 PM - Bo: Oh.", False, "begins with a time, and others do not"),
        ("[00:00.0 --> 00:01.0] Hi!\nOh.", False, "line 2, 'Oh.': has no times: expected them, as"),
        ("[00:02.0 --> 00:01.0] Hi!", False, "line 1, times 00:02.0 to 00:01.0: expected the"),
        ("0.0\t1.0\tHi!\n2.0\t1.0\tOh.", False, "line 2, times 2.0 to 1.0: expected the start"),
        ("-1.0\t1.0\tHi!", False, "line 1, start = '-1.0': expected a time of at least 0"),
        ("0.0\t1.0\tHi!\nOh.", False, "line 2, 'Oh.': expected start, end and text, with tabs"),
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


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("[SPEAKER_00]: It broke.", "SPEAKER_00", "It broke."),
        ("[SPEAKER_00] It broke.", "SPEAKER_00", "It broke."),
        ("[[SPEAKER_01]]It broke.", "SPEAKER_01", "It broke."),
        ("(speaker 1) It broke. [SPEAKER_TURN]", "speaker 1", "It broke."),
        ("(speaker ?) It broke.", None, "It broke."),
        ("[Ann]: It broke.", "Ann", "It broke."),
        ("[(Ann Lee)]: It broke.", "Ann Lee", "It broke."),
        ("<v Ann>It <b>broke</b>.</v>", "Ann", "It broke."),
        ("Ann: I &amp; <i>you</i> <3 the <lamp>", "Ann", "I & you <3 the <lamp>"),
        ("[laughs] It broke.", None, "[laughs] It broke."),
    ],
)
@pytest.mark.parametrize("times", ["", "[00:00.000 --> 00:01.800]  ", "0.0\t1.8\t"])
def test_brackets_of_speakers_and_tags_are_no_words(times, line, speaker, text):
    (found,) = parse_transcript(times + line)
    assert (found.speaker, found.text) == (speaker, text)
    assert (found.start, found.end) == ((0.0, 1.8) if times else (None, None))


def test_what_whisper_prints():
    printed = (
        "Detecting language using up to the first 30 seconds. Use `--language` to specify\n"
        "Detected language: English\n"
        "[00:00.000 --> 00:01.800]  The lamp fell.\n"
        "[59:59.000 --> 01:00:01.500]  Which lamp?\n"
    )
    assert parse_transcript(printed) == parse_transcript(printed, timed=True)
    assert parse_transcript(printed) == [
        Line(3, "The lamp fell.", None, 0.0, 1.8),
        Line(4, "Which lamp?", None, 3599.0, 3601.5),
    ]


@pytest.mark.parametrize(
    "transcript",
    [
        "[0:01] Ann: The lamp fell.\n[1:05] Bo: Which lamp?",
        "Ann (0:01): The lamp fell.\n\nBo (00:01:05): Which lamp?",
        "0:01 Ann: The lamp fell.\n1:05 Bo: Which lamp?",
        "Ann  0:01\nThe lamp\nfell.\n\nBo  1:05\nWhich lamp?",
        "[Ann] 00:00:01\nThe lamp fell.\n[Bo] 00:01:05\nWhich lamp?",
        "0:01\nAnn: The lamp fell.\n1:05\nBo: Which lamp?",
    ],
)
def test_an_utterance_with_only_a_start_ends_where_the_next_starts(transcript):
    found = [(x.speaker, x.text, x.start, x.end) for x in parse_transcript(transcript, True)]
    assert found == [("Ann", "The lamp fell.", 1, 65), ("Bo", "Which lamp?", 65, None)]


@pytest.mark.parametrize("line", ["10:30 is fine.", "Meet me at 10:30", "Well, [at 10:30] yes"])
def test_a_time_in_a_sentence_stays(line):
    assert read(line) == [(None, line)]
    assert read(f"{line}\nFine.") == [(None, line), (None, "Fine.")]
    for later in ("9:30-10:30 is fine.", "5-6 weeks: no more.", "1.5-2 hours."):
        assert read(f"When?\nBo: {later}\n{later}")[2][1].endswith(later[-5:])


def test_labels_of_audacity():
    labels = "0.5\t1.25\tAnn: The lamp fell.\n\\\t100.0\t200.0\n2.0\t2.0\tWhich lamp?\n"
    assert parse_transcript(labels) == [
        Line(1, "The lamp fell.", "Ann", 0.5, 1.25),
        Line(3, "Which lamp?", None, 2.0, None),
    ]


@pytest.mark.parametrize("bold", ["**Ann:** It leaks.", "**Ann**: It leaks.", "__Ann__: It leaks."])
def test_a_speaker_in_bold_letters(bold):
    (line,) = parse_transcript(bold)
    assert (line.speaker, line.text) == ("Ann", "It leaks.")


def test_what_a_service_adds_is_not_said():
    lines = parse_transcript("Ann  0:01\nIt leaks.\n\nTranscribed by https://example.com")
    assert [line.text for line in lines] == ["It leaks."]


@pytest.mark.parametrize(
    "heading",
    ["Ann \u2014 02/01/2024 12:34 PM", "Ann \u2014 Today at 12:34 PM", "Ann - 2024-01-02 12:34"],
)
def test_headings_of_messages_are_not_said(heading):
    with pytest.raises(TranscriptError, match=r"line 1, .*: is the heading of a message"):
        parse_transcript(f"{heading}\nIt leaks.")
