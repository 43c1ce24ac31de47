"""SRT and WebVTT."""

import pytest

from synctva.transcripts.line import Line, TranscriptError
from synctva.transcripts.reading import parse_transcript


def read(transcript):
    """Return (speaker, text) of each utterance."""
    return [(line.speaker, line.text) for line in parse_transcript(transcript)]


def cue(*lines):
    return "\n".join(["1", "00:00:01,000 --> 00:00:02,000", *lines, ""])


def test_srt():
    srt = (
        "\ufeff1\n00:00:01,000 --> 00:00:02,500\nAnn: I got\nthe job!\n\n"
        "2\n00:01:00,000 --> 00:01:02,250\n1984\n\n3\n0:01:03.0 --> 0:01:04.0\n"
    )
    assert parse_transcript(srt, timed=True) == [
        Line(2, "I got the job!", "Ann", 1.0, 2.5),
        Line(7, "1984", None, 60.0, 62.25),
        Line(11, "", None, 63.0, 64.0),
    ]


def test_cues_without_an_empty_line_between():
    srt = "1\n0:00:01,0 --> 0:00:02,0\nHello.\n2\n0:00:03,0 --> 0:00:04,0\nWho is there?\n"
    assert read(srt) == [(None, "Hello."), (None, "Who is there?")]


def test_webvtt_has_more_than_cues():
    vtt = (
        "WEBVTT - a title\nKind: captions\nLanguage: en\n\nSTYLE\n::cue { color: red }\n\n"
        "REGION\nid:left\nwidth:40%\n\nNOTE one line\n\nNOTE\nof several\nlines\n\n"
        "1f0c/12-0\n00:01.000 --> 00:02.500 align:start position:0% region:left\n"
        "<v.loud.first Ann Lee>The <i.x>kettle</i> is <00:01.500><c>hot</c>.</v>\n\n"
        "01:00:00.000 --> 01:00:01.000\n<v Bo>Careful!</v>\n"
    )
    assert parse_transcript(vtt) == [
        Line(19, "The kettle is hot.", "Ann Lee", 1.0, 2.5),
        Line(22, "Careful!", "Bo", 3600.0, 3601.0),
    ]


def test_zoom_numbers_its_cues_and_names_the_speaker_in_them():
    vtt = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nAnn Lee: Can you hear me?\n"
    assert parse_transcript(vtt) == [Line(4, "Can you hear me?", "Ann Lee", 1.0, 2.0)]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["- It broke.", "- Oh no."], [(None, "It broke."), (None, "Oh no.")]),
        (["-It broke", "again.", "\u2013 Oh no."], [(None, "It broke again."), (None, "Oh no.")]),
        (["- ANN: It broke.", "- BO: Oh no."], [("ANN", "It broke."), ("BO", "Oh no.")]),
        (["Ann: It broke.", "Bo: Oh no."], [("Ann", "It broke."), ("Bo", "Oh no.")]),
        (["&gt;&gt; It broke.", ">> Oh no."], [(None, "It broke."), (None, "Oh no.")]),
        (["<v Ann>It broke.</v>", "<v Bo>Oh no.</v>"], [("Ann", "It broke."), ("Bo", "Oh no.")]),
        (["[SPEAKER_00]: It", "broke: twice."], [("SPEAKER_00", "It broke: twice.")]),
        (["It was -5 degrees", "-10 at night."], [(None, "It was -5 degrees -10 at night.")]),
    ],
)
def test_turns_of_a_cue(lines, found):
    assert read(cue(*lines)) == found
    assert {line.start for line in parse_transcript(cue(*lines))} == {1.0}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("<i>It <b>broke</b>.</i>", "It broke."),
        ('<font color="#fff">It broke.</font>', "It broke."),
        ("{\\an8}It broke.", "It broke."),
        ("<<i>b>It broke.</b>", "It broke."),
        ("Fish &amp; chips&nbsp;&#233;", "Fish & chips é"),
        ("I <3 R&D, 2 < 3", "I <3 R&D, 2 < 3"),
    ],
)
def test_tags_and_entities(line, text):
    assert read(cue(line)) == [(None, text)]


def test_sounds_are_not_utterances_and_are_said(said):
    srt = cue("[door slams]") + "\n" + cue("What was that?") + "\n" + cue("\u266a \u266a")
    assert read(srt) == [(None, "What was that?")]
    assert said() == ["the transcript: lines 2, 10: sounds in brackets are not read"]


@pytest.mark.parametrize(
    ("transcript", "message"),
    [
        ("1\n0 --> 1\nHi!\n\nOh.", "line 5, 'Oh.': expected the number or the times of a"),
        ("1\n0:03,0 --> 0:02,0\nHi!", "line 2, times 0:03,0 to 0:02,0: expected the start before"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nHi!\n\nstray\n", "line 6, 'stray': expected the"),
        ("WEBVTT\n\nNOTE nothing else\n", "there is no utterance"),
    ],
)
def test_mistakes(transcript, message):
    with pytest.raises(TranscriptError) as error:
        parse_transcript(transcript)
    assert message in str(error.value)


def test_captions_that_roll_up_say_each_line_once():
    vtt = (
        "WEBVTT\nKind: captions\n\n"
        "00:00.100 --> 00:02.000 align:start\n \n"
        "It <00:00.500><c>leaks</c><00:01.000><c> again</c>\n\n"
        "00:02.000 --> 00:02.010\nIt leaks again\n \n\n"
        "00:02.010 --> 00:04.000\nIt leaks again\nno<00:03.000><c> way</c>\n\n"
        "00:04.000 --> 00:04.010\nno way\n \n\n"
        "00:04.010 --> 00:05.000\nno way\nno<00:04.500><c> way</c>\n"
    )
    assert read(vtt) == [(None, "It leaks again"), (None, "no way"), (None, "no way")]
