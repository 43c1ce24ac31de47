"""`synctva predict` with a folder or a table of recordings."""

import shutil

import pytest

import synctva_command_line
from synctva.recording_jobs import recogniser
from tests.support.recording_jobs import toy_recogniser


@pytest.fixture
def predict(toy_sound_model, monkeypatch):
    monkeypatch.setattr(recogniser, "whisper_recogniser", lambda *_: toy_recogniser)

    def run(*arguments):
        words = ["predict", "--model", toy_sound_model, *map(str, arguments)]
        return synctva_command_line.main(words)

    return run


def test_a_folder(job, predict, capsys):
    shutil.rmtree(job.output)
    assert predict(job.source, "--output", job.output, "--speakers", "1") == 1
    printed = capsys.readouterr()
    names = ("summary.csv", "utterances.csv", "failures.csv")
    assert printed.out.split() == [str(job.output / name) for name in names]
    assert "Not answered, 3 of 7:\n  empty.mp4: is empty" in printed.err
    assert (job.output / "0.wav" / "answers.html").is_file()
    for name in ("empty.mp4", "silence.wav", "words.mp3"):
        (job.source / name).unlink()
    assert predict(job.source, "--output", job.output, "--speakers", "1") == 0
    printed = capsys.readouterr().err
    assert printed.count("(done before)") == 4 and "Not answered" not in printed
    assert (job.output / "failures.csv").read_text() == "recording,reason\n"


def test_a_table_with_an_rttm_over_all(job, predict):
    (job.source / "list.csv").write_text("recording,speakers\n0.wav,\n1.wav,1\n")
    rttm = job.source / "turns.rttm"
    line = "SPEAKER {} 1 0 9 <NA> <NA> {} <NA> <NA>\n"
    rttm.write_text(line.format(0, "Ann") + line.format(1, "Bo"))
    output = job.output.with_name("of_table")
    assert predict(job.source / "list.csv", "--output", output, "--rttm", rttm) == 0
    rows = (output / "summary.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["0.wav", "Ann"], ["1.wav", "Speaker 1"]]


def test_an_embedded_recording_is_in_the_report(job, predict):
    (job.source / "list.csv").write_text("recording\n0.wav\n")
    output = job.output.with_name("embedded")
    assert predict(job.source / "list.csv", "--output", output, "--embed") == 0
    assert "data:audio" in (output / "0.wav" / "answers.html").read_text()


@pytest.mark.parametrize("output", [[], ["--output", "out.html"], ["--json"]])
def test_many_recordings_need_a_folder_for_their_answers(job, predict, output, capsys):
    assert predict(job.source, *output) == 1
    assert "expected a folder for the answers to many recordings" in capsys.readouterr().err


def test_a_folder_without_recordings(tmp_path, predict, capsys):
    assert predict(tmp_path, "--output", tmp_path / "out") == 1
    assert "has no recording: expected files that end in" in capsys.readouterr().err
