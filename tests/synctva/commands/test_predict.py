"""`synctva predict` from features, clips, transcripts and text."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import pytest
from transformers import pipeline

import synctva_command_line
from synctva import SYNCTVA_MELD, read_transcript
from synctva.answer_files import FORMS
from synctva.commands import predict
from synctva.speech import transcription
from synctva.speech.recognition import Recognition, Word
from tests.support.media_files import clip, tone

SRT = """\
1
00:00:00,100 --> 00:00:01,000
Jürgen: Schön, I won!

2
00:00:01,200 --> 00:00:02,000
=Ann: Oh no.
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A transcript and its recording, and files of other kinds."""
    monkeypatch.chdir(tmp_path)
    Path("call.srt").write_text(SRT, encoding="utf-8")
    Path("call.wav").write_bytes(clip("wav", None, "pcm_s16le", samples=tone(3.0)))
    Path("call.txt").write_text("Ann: I won!\nBo: Oh no.\n")
    Path("mixed.txt").write_text("0-1 Ann: I won!\nBo: Oh no.\n")
    Path("own.json").write_text('[{"text": "Hi!", "audio": "call.wav", "start": 0, "end": 1}]')
    Path("two.json").write_text('[[{"text": "Hi!", "start": 0, "end": 1}], [{"text": "Oh."}]]')
    Path("broken.wav").write_bytes(b"RIFF")


def table(printed):
    return list(csv.DictReader(io.StringIO(printed)))


def run(*arguments):
    return synctva_command_line.main(["predict", *arguments])


def test_features_from_a_file(simulated, tmp_path, capsys):
    conversation = [
        {"speaker": "Ann", "text_features": [0.1] * 24},
        {"speaker": "Bo", "audio_features": [0.2] * 12, "visual_features": [0.0] * 16},
    ]
    file = tmp_path / "conversation.json"
    file.write_text(json.dumps(conversation))
    predict.main(["--model", str(simulated), "--file", str(file), "--json"])
    answers = json.loads(capsys.readouterr().out)
    assert [answer["modalities"] for answer in answers] == [["text"], ["visual", "audio"]]
    assert len(answers[0]["scores"]) == 7
    file.write_text(json.dumps([conversation, conversation[:1]]))
    predict.main(["--model", str(simulated), "--file", str(file)])
    lines = capsys.readouterr().out.split("\n\n")
    assert len(lines[0].splitlines()) == 2
    assert answers[0]["label"] in lines[0]

    file.write_text(json.dumps(conversation))
    options = ["--model", str(simulated), "--file", str(file), "--prediction_set", "0.9"]
    predict.main([*options, "--abstain_below", "1"])
    assert re.fullmatch(r"(\(unsure\) +0\.\d{3}  \{.*\}.*\n){2}", capsys.readouterr().out)
    predict.main([*options, "--no-calibrate", "--json"])
    uncalibrated = json.loads(capsys.readouterr().out)
    assert [a["label"] for a in uncalibrated] == [a["label"] for a in answers]
    assert [a["score"] for a in uncalibrated] != [a["score"] for a in answers]
    assert uncalibrated[0]["label"] in uncalibrated[0]["prediction_set"]


def test_clips(tmp_path, capsys):
    turn, mute = tmp_path / "turn.wav", tmp_path / "mute.mp4"
    turn.write_bytes(clip("wav", None, "pcm_s16le"))
    mute.write_bytes(clip("mp4", "libx264", None))
    predict.main(["--clips", str(turn), str(mute), "--json"])
    answers = json.loads(capsys.readouterr().out)
    assert [answer["modalities"] for answer in answers] == [["audio"], []]
    predict.main(["--clips", str(turn)])
    assert str(turn) in capsys.readouterr().out


def test_a_transcript_with_its_recording(call, capsys):
    assert run("--file", "call.srt", "--recording", "call.wav", "--json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["modalities"] for answer in answers] == [["text", "audio"]] * 2
    recognise = pipeline("emotion-recognition", model=SYNCTVA_MELD)
    given = [
        {"speaker": "Jürgen", "text": "Schön, I won!", "start": 0.1, "end": 1.0},
        {"speaker": "=Ann", "text": "Oh no.", "start": 1.2, "end": 2.0},
    ]
    expected = recognise([{**item, "audio": "call.wav"} for item in given], top_k=None)
    for answer, item, other in zip(answers, given, expected, strict=True):
        assert answer == {"file": "call.wav", **item, **other}


def test_a_transcript_without_times_is_aligned_with_its_recording(
    call, capsys, caplog, monkeypatch
):
    words = [Word("I", 0.1, 0.4, 0.9), Word("one.", 0.5, 0.9, 0.9), Word("oh", 1.8, 2.0, 0.9)]
    monkeypatch.setattr(
        transcription,
        "whisper_recogniser",
        lambda model: lambda samples, language: Recognition(words, "en"),
    )
    assert run("call.wav", "--file", "call.txt", "--json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [(a["speaker"], a["text"], a["start"], a["end"]) for a in answers] == [
        ("Ann", "I won!", 0.1, 0.9), ("Bo", "Oh no.", 1.8, 2.0),
    ]  # fmt: skip
    assert [answer["modalities"] for answer in answers] == [["text", "audio"]] * 2
    assert "call.txt has no times: they come from the words recognised" in caplog.text


def test_what_is_said_in_a_recording_is_recognised(call, capsys, monkeypatch):
    words = [Word("I", 0.1, 0.4, 0.9), Word("won!", 0.5, 0.9, 0.9), Word("No.", 1.8, 2.0, 0.9)]
    monkeypatch.setattr(
        transcription,
        "whisper_recogniser",
        lambda model: lambda samples, language: Recognition(words, "en"),
    )
    assert run("call.wav", "--speakers", "1", "--json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [(a["text"], a["start"], a["speaker"]) for a in answers] == [
        ("I won!", 0.1, "Speaker 1"), ("No.", 1.8, "Speaker 1"),
    ]  # fmt: skip
    assert [answer["modalities"] for answer in answers] == [["text", "audio"]] * 2
    Path("call.rttm").write_text("SPEAKER call 1 0 1 <NA> <NA> Ann <NA> <NA>\n")
    assert run("call.wav", "--rttm", "call.rttm", "--json") == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer.get("speaker") for answer in answers] == ["Ann", None]
    words.clear()
    assert run("call.wav") == 1
    assert "call.wav: no speech was recognised" in capsys.readouterr().err


def test_a_table_for_spreadsheets(call, capsys):
    run("--file", "call.srt", "--csv")
    plain = capsys.readouterr().out
    rows = table(plain)
    assert [row["speaker"] for row in rows] == ["Jürgen", "'=Ann"]  # not a formula
    assert [row["text"] for row in rows] == ["Schön, I won!", "Oh no."]
    assert [(row["start"], row["end"]) for row in rows] == [("0.1", "1.0"), ("1.2", "2.0")]
    assert {row["informative"] for row in rows} <= {"True", "False"}
    assert {row["file"] + row["error"] + row["prediction_set"] for row in rows} == {""}
    assert None not in rows[0] and None not in rows[0].values()
    run("--file", "call.srt", "--csv_bom")
    assert capsys.readouterr().out == "\ufeff" + plain


@pytest.mark.parametrize("option", ["--json", "--csv", "--csv_bom", "--strict"])
def test_any_terminal_gets_the_answers(option, call, monkeypatch):
    Path("odd.json").write_text('["Sch\\u00f6n!", "\\ud83d\\ude00", "half \\ud83d"]')
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    assert run("--file", "odd.json", option) == 0
    words = printed.getvalue()
    if option == "--strict":  # as lines of text, in the terminal's encoding
        assert b"Sch\\xf6n!" in words and b"\\U0001f600" in words
    else:
        assert words.startswith(b"\xef\xbb\xbfconversation,") == (option == "--csv_bom")
        assert "Schön!" in words.decode() and "\N{GRINNING FACE}" in words.decode()
        assert "half \N{REPLACEMENT CHARACTER}" in words.decode()


def test_clips_that_cannot_be_read_are_listed(call, capsys):
    assert run("--clips", "call.wav", "broken.wav", "--csv") == 0
    printed = capsys.readouterr()
    one, broken = table(printed.out)
    assert (one["file"], broken["file"]) == ("call.wav", "broken.wav")
    assert one["label"] and one["strength_audio"] and not one["error"]
    assert not broken["label"] and broken["error"].startswith("broken.wav: cannot be read")
    assert f"conversation 0, utterance 1: {broken['error']}" in printed.err

    assert run("--clips", "broken.wav", "call.wav", "--json") == 0
    broken, one = json.loads(capsys.readouterr().out)
    assert broken.keys() == {"file", "error"} and one["file"] == "call.wav"
    assert run("--clips", "broken.wav", "call.wav") == 0
    assert "(unread)" in capsys.readouterr().out.splitlines()[0]


def test_with_nothing_answered_or_strict_it_fails(call, capsys):
    for options in (["broken.wav"], ["broken.wav", "nowhere.wav"], ["call.wav", "broken.wav"]):
        assert run("--clips", *options, *["--strict"] * ("call.wav" in options)) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "broken.wav: cannot be read" in printed.err


def test_independent_clips_do_not_influence_each_other(call, capsys):
    Path("clips").mkdir()
    for name, seconds in (("2.wav", 1.0), ("10.wav", 2.0)):
        sound = clip("wav", None, "pcm_s16le", samples=tone(seconds, seed=int(seconds)))
        Path("clips", name).write_bytes(sound)
    alone = []
    for name in ("clips/2.wav", "clips/10.wav"):
        run("--clips", name, "--json")
        alone.append(json.loads(capsys.readouterr().out))
    for names in (["clips"], ["clips/*.wav"], ["clips/2.wav", "clips/10.wav"]):
        run("--clips", *names, "--independent", "--json")
        for (answer,), (other,) in zip(json.loads(capsys.readouterr().out), alone, strict=True):
            assert answer["scores"] == pytest.approx(other["scores"], abs=1e-5)
    run("--clips", "clips", "--json")
    together = json.loads(capsys.readouterr().out)
    assert [answer["file"] for answer in together] == [one["file"] for (one,) in alone]
    for answer, (other,) in zip(together, alone, strict=True):
        assert answer["scores"] != pytest.approx(other["scores"], abs=1e-3)


def test_speakers_from_an_rttm(call, capsys):
    turns = ((0.0, 1.1, "S0"), (1.1, 1.0, "S1"))
    lines = (f"SPEAKER call 1 {a} {b} <NA> <NA> {name} <NA> <NA>\n" for a, b, name in turns)
    Path("call.rttm").write_text("".join(lines))
    run("--file", "call.srt", "--rttm", "call.rttm", "--csv")
    assert [row["speaker"] for row in table(capsys.readouterr().out)] == ["S0", "S1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--file", "mixed.txt", "--recording", "call.wav"], "mixed.txt, line 1"),
        (["--file", "call.srt", "--recording", "no.wav"], "recording = 'no.wav': cannot be opened"),
        (["--file", "own.json", "--recording", "call.wav"], "names a recording of its own"),
        (["--file", "two.json", "--recording", "call.wav"], "two.json"),
        (["--file", "no.srt"], "no.srt does not exist"),
        (["--file", "call.wav"], "call.wav"),
        (["--clips", "*.ogg"], "clips = *.ogg: nothing matches"),
        (["--text", "Hi!", "--prediction_set", "2"], "prediction_set = 2.0"),
        (["--text", "Hi!", "--output", "x.srt"], "x.srt: utterance 0, 'Hi!', has no times"),
        (["--file", "two.json", "--output", "x.json"], "x.json: expected a folder for 2"),
        (["--file", "call.srt", "--output", "call.srt"], "call.srt is read as input"),
        (["--file", "call.srt", "--output", "."], "call.srt is read as input"),
        (["no.wav", "--output", "x.html", "--embed"], "no.wav"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options, message, call, capsys):
    assert run(*options) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and "Traceback" not in printed.err
    assert message in printed.err.partition("synctva predict: error: ")[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "Hi!", "--independent"], "--independent: expected --clips"),
        (["--clips", "a.wav", "--recording", "b.wav"], "recording = b.wav: expected --file"),
        (["--text", "Hi!", "--rttm", "b.rttm"], "--rttm: expected a recording, or --file"),
        (["--text", "Hi!", "--speakers", "2"], "--speakers: expected a recording without"),
        (["a.wav", "--file", "a.srt", "--speakers", "2"], "--speakers: expected a recording"),
        ([], "expected a recording, --text, --clips or --file"),
        (["--text", "Hi!", "--csv", "--csv_bom"], "not allowed with argument"),
        (["--text", "Hi!", "--csv", "--output", "x"], "not allowed with argument"),
        (["--text", "Hi!", "--output", "x.doc"], "output = x.doc: expected a folder, or a file"),
        (["--text", "Hi!", "--embed"], "--embed: expected --output"),
        (["--text", "Hi!", "--output", "x.srt", "--embed"], "--embed: expected a report"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(options, message, capsys):
    with pytest.raises(SystemExit) as stop:
        run(*options)
    assert stop.value.code == 2 and message in capsys.readouterr().err


def test_an_answer_that_says_little_is_marked(call, capsys):
    run("--clips", "call.wav")
    assert "(says little)  call.wav" in capsys.readouterr().out
    run("--text", "I am so happy, I won the race!")
    assert "(says little)" not in capsys.readouterr().out


def test_the_output_has_the_form_of_its_suffix(call, capsys):
    options = ["--file", "call.srt", "--recording", "call.wav", "--top_k", "7"]
    assert run(*options, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert run(*options, "--output", "out/a.json") == 0
    assert capsys.readouterr().out == "out/a.json\n"
    written = json.loads(Path("out/a.json").read_text())
    assert written == [{**answer, "file": "../call.wav"} for answer in printed]
    assert run(*options, "--output", "b.vtt") == 0
    assert [(u["speaker"], u["text"], u["start"], u["end"]) for u in read_transcript("b.vtt")] == [
        ("Jürgen", "Schön, I won!", 0.1, 1.0), ("=Ann", "Oh no.", 1.2, 2.0),
    ]  # fmt: skip
    assert f"emotion: {printed[0]['label']}" in Path("b.vtt").read_text()


def test_a_folder_gets_every_form(call, capsys):
    options = ["--file", "call.srt", "--recording", "call.wav", "--model", SYNCTVA_MELD]
    assert run(*options, "--output", "out", "--embed") == 0
    names = {f"call{form}" for form in FORMS}
    assert {path.name for path in Path("out").iterdir()} == names
    assert set(capsys.readouterr().out.split()) == {f"out/{name}" for name in names}
    report = Path("out/call.html").read_text()
    assert "data:audio/x-wav;base64," in report and str(Path.cwd()) not in report
    assert SYNCTVA_MELD not in report and Path(SYNCTVA_MELD).name in report
    assert run("--file", "two.json", "--output", "several") == 0
    assert {"two-0.html", "two-1.html"} < {path.name for path in Path("several").iterdir()}


def test_what_cannot_be_read_is_in_the_output(call, capsys):
    assert run("--clips", "call.wav", str(Path("broken.wav").absolute()), "--output", "out") == 0
    one, broken = json.loads(Path("out/conversation.json").read_text())
    assert one["label"] and broken["error"].startswith("broken.wav: cannot be read")
    assert "broken.wav: cannot be read" in Path("out/conversation.html").read_text()
    assert not Path("out/conversation.srt").exists()  # clips have no times
