"""A job answers what it can, says what it could not, and goes on where it was stopped."""

import csv
import json
import os
import shutil

import numpy as np
import pytest

from synctva.answering import answer_each
from synctva.recording_jobs import recogniser as recogniser_module
from synctva.recording_jobs.listing import list_recordings
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.recording_jobs.running import shown
from synctva.recording_jobs.tables import summarise
from synctva.speech.recognition import Recognition
from synctva.speech.transcription import transcribe
from tests.support.media_files import clip
from tests.support.recording_jobs import FAILED, toy_recogniser, turns

from .conftest import Job

ANSWERED = ["0.flac", "0.wav", "1.wav", "later/0.wav"]


def read(output, table):
    with (output / table).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_every_recording_is_answered_or_its_failure_is_said(done):
    assert tuple(done.errors) == FAILED
    failures = read(done.output, "failures.csv")
    assert [(row["recording"], row["reason"]) for row in failures] == list(done.errors.items())
    assert done.errors["empty.mp4"].startswith("is empty: expected")
    assert done.errors["silence.wav"] == "no speech was recognised, and nothing can be answered"


def test_a_result_is_that_of_the_pipeline(done):
    for name in ANSWERED:
        conversation = transcribe(done.source / name, recogniser=toy_recogniser)
        (expected,) = answer_each(done.recogniser.recognise, [conversation], top_k=None)
        found = json.loads((done.output / name / "answers.json").read_text())
        for utterance, answer, said in zip(found, expected, conversation, strict=True):
            assert utterance["scores"] == pytest.approx(answer["scores"])
            assert [utterance[key] for key in ("text", "start", "end", "speaker")] == [
                said[key] for key in ("text", "start", "end", "speaker")
            ]
    assert {path.suffix for path in (done.output / "0.wav").iterdir()} >= {".html", ".srt", ".csv"}


def test_the_tables_are_over_all_recordings(done):
    utterances, summary = read(done.output, "utterances.csv"), read(done.output, "summary.csv")
    assert list(dict.fromkeys(row["recording"] for row in utterances)) == ANSWERED
    assert [row["recording"] for row in summary] == ANSWERED
    for row in summary:
        own = [u for u in utterances if u["recording"] == row["recording"]]
        assert int(row["utterances"]) == len(own)
        lengths = np.array([float(u["end"]) - float(u["start"]) for u in own])
        assert float(row["seconds"]) == pytest.approx(lengths.sum())
        for label in ("calm", "glad", "cross"):
            share = lengths[[u["label"] == label for u in own]].sum() / lengths.sum()
            assert float(row[f"share_{label}"]) == pytest.approx(share, abs=1e-4)


def test_no_path_is_in_any_result(done):
    for path, data in contents(done.output).items():
        assert os.fsencode(done.source.parent) not in data, path


def test_what_is_done_is_not_done_again(job, done, capsys):
    assert tuple(job.run()) == FAILED
    assert contents(job.output) == contents(done.output)
    assert job.heard == 1  # silence.wav, which has failed
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")]
    assert [line.split(":")[0].split("] ")[1] for line in lines] == [*FAILED, *ANSWERED]
    assert lines[0].startswith("[1 of 7] empty.mp4: not answered: is empty")
    assert lines[5] == "[6 of 7] 1.wav: 1 utterance, 1 speaker (done before)"


def test_only_what_has_changed_is_done_again(job):
    (job.source / "0.wav").write_bytes(clip("wav", None, "pcm_s16le", samples=turns(5)))
    os.utime(job.source / "1.wav", (1, 1))
    shutil.rmtree(job.output / "0.flac")
    job.run()
    assert job.heard == 4  # with silence.wav
    assert [row["utterances"] for row in read(job.output, "summary.csv")] == ["2", "2", "1", "2"]


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"top_k": None, "abstain_below": 0.5}},
        {"strict": True},
        {"speech_model": "small"},
    ],
)
def test_other_options_do_it_again(job, change, toy_sound_model):
    heard = job.hear
    job.recogniser = RecordingRecogniser(
        toy_sound_model, job.output, **{"parameters": {"top_k": None}, "recogniser": heard} | change
    )
    (flac, *_) = list_recordings(job.source)[3:]
    assert flac.name == "0.flac"
    assert not job.recogniser(flac).kept
    assert job.recogniser(flac).kept


def test_other_weights_do_it_again_and_another_place_does_not(job, toy_sound_model, tmp_path):
    flac = list_recordings(job.source)[3]
    moved = shutil.copytree(toy_sound_model, tmp_path / "moved")
    again = Job(moved, job.source, job.output).recogniser
    assert again(flac).kept
    again.recognise.model.config.calibration_temperature = 2.0
    again.recognise.model.save_pretrained(moved)
    again = Job(moved, job.source, job.output).recogniser
    assert not again(flac).kept and again(flac).kept


def test_a_half_written_result_does_not_count(job, done):
    (job.output / "0.wav" / "made_from.json").unlink()
    (job.output / "0.wav" / "answers.json").write_text("[")
    (job.output / "1.wav" / "made_from.json").write_text('{"labels": [')
    (job.output / "1.wav" / "_unfinished-x").mkdir()
    (job.output / "_unfinished-y").mkdir()
    job.run()
    assert job.heard == 3
    assert contents(job.output) == contents(done.output)
    assert not [*job.output.rglob("_unfinished-*")]


@pytest.fixture
def undone(job):
    shutil.rmtree(job.output)
    return job


def test_an_interruption_keeps_what_is_done(undone, capsys):
    job = undone

    def hear(samples, language):
        if job.heard == 3:
            raise KeyboardInterrupt
        return job.hear(samples, language)

    job.recogniser._recogniser = hear
    with pytest.raises(KeyboardInterrupt):
        job.run()
    assert "Interrupted: the same command goes on" in capsys.readouterr().err
    assert [row["recording"] for row in read(job.output, "summary.csv")] == ANSWERED[:2]
    job.recogniser._recogniser = job.hear
    job.run()
    assert [row["recording"] for row in read(job.output, "summary.csv")] == ANSWERED


def test_a_recording_that_breaks_the_recogniser_does_not_end_the_job(undone):
    def hear(samples, language):
        if len(samples) == 24_000:  # one turn: 0.wav and 1.wav
            raise RuntimeError("out of luck")
        return toy_recogniser(samples, language)

    undone.recogniser._recogniser = hear
    assert undone.run()["0.wav"] == "RuntimeError: out of luck"
    assert [row["recording"] for row in read(undone.output, "summary.csv")] == [
        "0.flac",
        "later/0.wav",
    ]


@pytest.mark.parametrize("error", [ImportError("no package"), OSError("no weights")])
def test_what_concerns_every_recording_ends_the_job(undone, error, monkeypatch):
    def missing(*_):
        raise error

    monkeypatch.setattr(recogniser_module, "whisper_recogniser", missing)
    undone.recogniser._recogniser = None
    with pytest.raises(type(error), match=str(error)):
        undone.run()


def test_only_one_run_writes_into_a_folder(undone):
    def hear(samples, language):
        with pytest.raises(RuntimeError, match="is being written by another run"):
            undone.run()
        return Recognition([], None)

    undone.recogniser._recogniser = hear
    assert "0.wav" in undone.run()


CONVERSATION = [{"text": "Hi!", "start": 0, "end": 1}]
SRT = """\
1
00:00:00,000 --> 00:00:01,400
Ann: Good day.

2
00:00:02,500 --> 00:00:03,900
Bo: No way!
"""


def test_a_table_names_transcripts_and_speakers(undone):
    (undone.source / "1.srt").write_text(SRT)
    (undone.source / "two.json").write_text(json.dumps([CONVERSATION] * 2))
    rttm = "SPEAKER 0 1 0 9 <NA> <NA> Cy <NA> <NA>\n"
    (undone.source / "0.rttm").write_text(rttm)
    listed = undone.source / "list.csv"
    listed.write_text(
        "recording,transcript,rttm\n1.wav,1.srt,\n0.wav,,0.rttm\nmissing.wav,,\n"
        "later/0.wav,missing.srt,\n0.flac,two.json,\n"
    )
    undone.source = listed
    errors = undone.run()
    assert list(errors) == ["missing.wav", "later/0.wav", "0.flac"]
    reason = "cannot be opened: No such file or directory: expected a file"
    assert errors["missing.wav"] == f"recording = 'missing.wav': {reason}"
    assert errors["later/0.wav"] == f"transcript = 'missing.srt': {reason}"
    assert "two.json has 2 conversations" in errors["0.flac"]
    summary = read(undone.output, "summary.csv")
    assert [(row["recording"], row["speaker"]) for row in summary] == [
        ("1.wav", "Ann"),
        ("1.wav", "Bo"),
        ("0.wav", "Cy"),
    ]
    assert undone.heard == 1
    (listed.parent / "1.srt").write_text(SRT.replace("Bo", "Ann"))
    undone.run()
    assert [row["speaker"] for row in read(undone.output, "summary.csv")] == ["Ann", "Cy"]


HOSTILE = [
    "=1+1.wav",
    "-rf.wav",
    "two\nlines.wav",
    "\x1b[31mred.wav",
    "<img src=x onerror=alert(1)>.wav",
    "half \udcff.wav",
    "\u202egnp.wav",
    "  .wav",
    "%s %d {0}.wav",
    "'; drop table.wav",
    "ä" * 120 + ".wav",
]


def test_hostile_names_do_no_harm(undone, capsys):
    shutil.rmtree(undone.source)
    undone.source.mkdir()
    for name in HOSTILE:
        sound = clip("wav", None, "pcm_s16le", samples=turns(0))
        (undone.source / name).write_bytes(sound)
    (undone.source / "-\n\x1b.mp4").write_bytes(b"")
    assert len(undone.run()) == 1
    rows = read(undone.output, "summary.csv")
    assert len(rows) == len(HOSTILE)
    assert all(row["recording"][0] not in "=-+@\t" for row in rows)
    assert {path.name for path in undone.output.iterdir() if path.is_dir()} == set(HOSTILE)
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\u202e" not in said and "two\\nlines.wav" in said


def test_shares_count_time_where_it_is_known():
    timed = [
        {"label": "glad", "start": 0.0, "end": 3.0, "cautions": ["a"]},
        {"label": None, "start": 3.0, "end": 4.0, "cautions": ["a", "b"]},
        {"error": "cannot be read", "start": 4.0, "end": 6.0},
    ]
    assert summarise(timed, ["calm", "glad"]) == {
        "utterances": 3,
        "not_answered": 1,
        "seconds": 6.0,
        "share_calm": 0.0,
        "share_glad": 0.75,
        "share_unsure": 0.25,
        "cautions": "a; b",
    }
    untimed = [timed[0], {"label": None, "cautions": []}]
    found = summarise(untimed, ["glad"])
    assert "seconds" not in found and found["share_glad"] == 0.5
    assert summarise([timed[2]], ["glad"]).get("share_glad") is None
    instant = [{"label": "glad", "start": 1.0, "end": 1.0, "cautions": []}]
    assert summarise(instant, ["glad"])["share_glad"] == 1.0


def test_shown_is_one_harmless_line():
    assert shown("Jürgen 🙂\n\x1b[1m\u202e") == "Jürgen 🙂\\n\\x1b[1m\\u202e"
