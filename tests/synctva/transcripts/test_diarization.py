"""RTTM: speakers and times, beside a transcript or a recording."""

import pytest

from synctva.transcripts.line import TranscriptError
from synctva.transcripts.reading import parse_transcript, read_conversations, read_transcript

SRT = (
    "1\n0:00:00,0 --> 0:00:02,0\nIt leaks.\n\n2\n0:00:02,0 --> 0:00:04,0\nAgain?\n\n"
    "3\n0:00:08,0 --> 0:00:09,0\nYes.\n"
)


def turn(start, length, speaker, recording="meeting"):
    return f"SPEAKER {recording} 1 {start} {length} <NA> <NA> {speaker} <NA> <NA>\n"


RTTM = (
    ";; made up\nSPKR-INFO meeting 1 <NA> <NA> <NA> unknown Ann <NA> <NA>\n"
    + turn(2.4, 0.5, "Bo")
    + turn(0.0, 2.6, "Ann")
    + turn(3.0, 0.5, "Bo")
)


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_each_utterance_gets_the_speaker_who_overlaps_it_most(write, said):
    path = write("meeting.srt", SRT)
    found = read_transcript(path, speakers=write("meeting.rttm", RTTM))
    # In the second, Ann speaks 0.6 s, and Bo 0.5 s twice.
    assert [(item["text"], item.get("speaker")) for item in found] == [
        ("It leaks.", "Ann"),
        ("Again?", "Bo"),
        ("Yes.", None),
    ]
    assert said() == [f"{path}: line 10: nobody speaks then, by the RTTM"]


def test_turns_of_the_recording_of_that_name(write):
    rttm = write("all.rttm", turn(0, 9, "Cy", "other") + turn(0, 9, "Ann"))
    found = read_transcript(write("meeting.srt", SRT), speakers=rttm)
    assert {item["speaker"] for item in found} == {"Ann"}
    with pytest.raises(TranscriptError, match=r"all\.rttm: has the recordings 'other', 'meeting'"):
        read_transcript(write("third.srt", SRT), speakers=rttm)


def test_beside_a_recording_the_turns_are_utterances_without_text(write):
    path = write("meeting.rttm", RTTM)
    assert read_conversations(path, timed=True) == (
        [
            [
                {"speaker": "Ann", "start": 0.0, "end": 2.6},
                {"speaker": "Bo", "start": 2.4, "end": 2.9},
                {"speaker": "Bo", "start": 3.0, "end": 3.5},
            ]
        ],
        False,
    )


@pytest.mark.parametrize("name", ["meeting.rttm", "meeting.txt"])
def test_by_itself_it_is_refused(write, name):
    with pytest.raises(TranscriptError, match="is RTTM, which has speakers and times but no words"):
        read_transcript(write(name, RTTM))
    with pytest.raises(TranscriptError, match="the text is RTTM"):
        parse_transcript(RTTM)


@pytest.mark.parametrize(
    ("transcript", "rttm", "message"),
    [
        ("Ann: Hi!", RTTM, "t.txt, line 1: has no times: expected start and end on every"),
        (SRT, "Ann: Hi!", "t.rttm, line 1, 'Ann: Hi!': expected RTTM, such as 'SPEAKER meeting"),
        (SRT, "", "t.rttm: there is no turn: expected lines that begin with SPEAKER"),
        (SRT, turn(-1, 2, "Ann"), "t.rttm, line 1, start = -1.0: expected a time of at least 0"),
        (SRT, turn(1, -2, "Ann"), "t.rttm, line 1, end = -1.0: expected a time of at least 0"),
        (SRT, turn(1, "nan", "Ann"), "t.rttm, line 1, end = nan: expected a time of at least 0"),
        (SRT, "SPEAKER t 1 0.0 1.0\n", "t.rttm, line 1, 'SPEAKER t 1 0.0 1.0': expected RTTM"),
        ('[["Hi!"], ["Oh."]]', RTTM, "has 2 conversations: expected one, beside an RTTM"),
    ],
)
def test_mistakes(write, transcript, rttm, message):
    path, speakers = write("t.txt", transcript), write("t.rttm", rttm)
    with pytest.raises(TranscriptError) as error:
        read_transcript(path, speakers=speakers)
    assert message in str(error.value)
