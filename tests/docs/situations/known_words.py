"""A recording, and a transcript of your own."""

from __future__ import annotations

from pathlib import Path

from synctva import transcribe
from synctva.speech.recognition import Recognition, Word
from tests.support.media_files import clip

from . import said, situation

WORDS = [Word("I", 0.1, 0.3, 0.9), Word("got", 0.3, 0.5, 0.9), Word("the", 0.5, 0.6, 0.9)]


def _with(folder: Path, transcript: str, **options: object) -> str:
    call, text = folder / "call.wav", folder / "call.txt"
    call.write_bytes(clip("wav", None, "pcm_s16le"))
    text.write_text(transcript)
    return said(
        lambda: transcribe(
            call, transcript=text, recogniser=lambda *_: Recognition(WORDS, "en"), **options
        )
    )


@situation("the transcript has no times")
def no_times(folder: Path) -> str:
    return _with(folder, "Ann: I got the job!\n")


@situation("the transcript has no times, and an utterance of it was not recognised")
def not_recognised(folder: Path) -> str:
    return _with(folder, "Ann: I got the job!\nBo: Mhm.\n")


@situation("the transcript is of another recording")
def other_recording(folder: Path) -> str:
    return _with(folder, "Ann: Does the roof leak again?\n")


@situation("some lines of the transcript have no times")
def some_times(folder: Path) -> str:
    return _with(folder, "speaker,text,start,end\nAnn,I got the job!,0,1\nBo,Again?,,\n")


@situation("a number of speakers is given beside the transcript")
def speakers(folder: Path) -> str:
    return _with(folder, "Ann: I got the job!\n", speakers=2)
