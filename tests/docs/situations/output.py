"""Files of answers, and the report."""

from __future__ import annotations

from pathlib import Path

from synctva.answer_files import write_answers
from synctva.commands.predict import main as predict

from . import said, situation
from .command_line import printed

ANSWERED = {"text": "I got the job!", "label": "joy", "score": 0.9}
SRT = "1\n00:00:00,000 --> 00:00:01,500\nAnn: I got the job!\n"


@situation("the output ends in something that is no form")
def unknown_suffix(folder: Path) -> str:
    return printed(folder, "predict", "--text", "I got the job!", "--output", "call.docx")


@situation("subtitles are asked for, and an utterance has no times")
def subtitles_without_times(folder: Path) -> str:
    return printed(folder, "predict", "--text", "I got the job!", "--output", "call.srt")


@situation("a folder gets every form, and an utterance has no times")
def folder_without_times(folder: Path) -> str:
    return said(lambda: write_answers(folder / "answers", [ANSWERED]))


@situation("the output would replace the transcript that is read")
def output_is_input(folder: Path) -> str:
    (folder / "call.srt").write_text(SRT)
    return printed(folder, "predict", "--file", "call.srt", "--output", "call.srt")


@situation("the report cannot name where its recording is without telling a path of the machine")
def recording_elsewhere(folder: Path) -> str:
    answered = [{**ANSWERED, "audio": "/call.wav"}]
    return said(lambda: write_answers(folder / "call.html", answered))


@situation("a recording is too large to be contained in the report")
def too_large(folder: Path) -> str:
    with (folder / "call.mp4").open("wb") as file:
        file.truncate(200_000_000)
    options = [str(folder / "call.mp4"), "--output", str(folder / "call.html"), "--embed"]
    return said(lambda: predict(options))
