"""A transcript of the user's own takes the place of the recognised words."""

import numpy as np
import pytest
from scipy.io import wavfile

from synctva import read_transcript
from synctva.speech.recognition import Recognition
from synctva.speech.transcription import transcribe

from .test_utterances import spoken

pytest.importorskip("av", reason="PyAV is not installed")

RTTM = "SPEAKER call 1 {} {} <NA> <NA> {} <NA> <NA>\n"


@pytest.fixture
def call(tmp_path):
    path = tmp_path / "call.wav"
    wavfile.write(path, 16_000, np.full(8 * 16_000, 0.1, np.float32))
    return path


def heard(samples, language):
    return Recognition([*spoken("did you goal", 1), *spoken("i did", 4)], "en")


def deaf(samples, language):
    raise AssertionError("nothing has to be recognised")


def test_times_are_found_for_a_transcript_without_any(call, caplog):
    text = call.with_suffix(".txt")
    text.write_text("Ann: Did you go?\nBo: I did!\nAnn: Aha.\n")
    assert transcribe(call, transcript=text, recogniser=heard) == [
        {
            "text": "Did you go?", "speaker": "Ann", "start": 1.0, "end": 2.0,
            "audio": str(call),
        },
        {"text": "I did!", "speaker": "Bo", "start": 4.0, "end": 4.65, "audio": str(call)},
        {"text": "Aha.", "speaker": "Ann"},
    ]  # fmt: skip
    assert caplog.messages == [
        f"{text} has no times: they come from the words recognised in {call}, among which 67% of "
        "its words were found; only the text is read of utterance 2, not found"
    ]


@pytest.mark.parametrize("form", [".srt", ".csv", ".txt"])
def test_times_of_the_transcript_are_taken_as_they_are(call, form, caplog):
    texts = {
        ".srt": "1\n00:00:01,500 --> 00:00:02,000\nAnn: Hi!\n",
        ".csv": "speaker,text,start,end\nAnn,Hi!,1.5,2\n",
        ".txt": "1.5-2 Ann: Hi!\n",
    }
    path = call.with_suffix(form)
    path.write_text(texts[form])
    expected = [
        {"speaker": "Ann", "text": "Hi!", "start": 1.5, "end": 2.0, "audio": str(call)}
    ]  # fmt: skip
    assert transcribe(call, transcript=path, recogniser=deaf) == expected
    assert transcribe(call, transcript=read_transcript(path), recogniser=deaf) == expected
    assert caplog.messages == []


def test_utterances_in_every_form_can_be_aligned(call):
    given = ["Did you go?", ("Bo", "I did!")]
    first, second = transcribe(call, transcript=given, recogniser=heard)
    assert (first["text"], first["start"]) == ("Did you go?", 1.0) and "speaker" not in first
    assert (second["speaker"], second["start"]) == ("Bo", 4.0)


@pytest.mark.parametrize("timed", [False, True])
def test_an_rttm_tells_the_speakers(call, timed):
    rttm = call.with_suffix(".rttm")
    rttm.write_text(RTTM.format(0, 3, "Cy") + RTTM.format(3.5, 2, "Di"))
    times = ["1-2 ", "4-5 "] if timed else ["", ""]
    text = call.with_suffix(".txt")
    text.write_text(f"{times[0]}Ann: Did you go?\n{times[1]}Bo: I did!\n")
    for transcript in (text, read_transcript(text)):
        found = transcribe(call, transcript=transcript, speakers=rttm, recogniser=heard)
        assert [u["speaker"] for u in found] == ["Cy", "Di"]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("Ann: Guten Tag.", {}, r"0 of the transcript's 2 words were recognised"),
        ("Ann: Hi!", {"speakers": 2}, r"speakers = 2: expected None or an RTTM beside"),
        ("Ann: Hi!", {"speakers": "channels"}, r"speakers = 'channels': expected None or"),
        ("[0:01] Ann: Hi!\nBo: No.", {}, r"call\.txt, line 1, .*: begins with a time, and others"),
        ("speaker,text,start,end\nA,Hi!,0,1\nB,No.,,\n", {}, r"call\.txt, .*: has no times"),
        ('[[{"text": "Hi!"}], [{"text": "No."}]]', {}, r"call\.txt has 2 conversations"),
    ],
)
def test_what_does_not_fit_is_refused(call, text, options, message):
    path = call.with_suffix(".txt")
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        transcribe(call, transcript=path, recogniser=heard, **options)


def test_an_utterance_with_a_recording_of_its_own_is_refused_before_any_work(call):
    with pytest.raises(ValueError, match="utterance 1 of the transcript names a recording"):
        transcribe(call, transcript=["Hi!", {"audio": "b.wav"}], recogniser=deaf)
