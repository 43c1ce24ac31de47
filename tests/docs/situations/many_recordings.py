"""Many recordings."""

from __future__ import annotations

from pathlib import Path

from synctva.commands import predict
from synctva.recording_jobs.listing import list_recordings

from . import said, situation


def _table(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text)
    return path


@situation("a folder has no recordings")
def no_recordings(folder: Path) -> str:
    (folder / "notes.txt").write_text("Nothing to hear.")
    return said(lambda: list_recordings(folder))


@situation("some files of a folder are not named as recordings are")
def other_files(folder: Path) -> str:
    for name in ("call.wav", "notes.txt"):
        (folder / name).write_bytes(b"x")
    return said(lambda: list_recordings(folder))


@situation("many recordings are given, and the output is a file")
def no_output(folder: Path) -> str:
    return said(lambda: predict.main([str(folder), "--output", f"{folder}/answers.html"]))


@situation("a table of recordings has a wrong number of speakers")
def wrong_speakers(folder: Path) -> str:
    return said(lambda: list_recordings(_table(folder, "recording,speakers\ncall.wav,two\n")))


@situation("a table lists a recording twice")
def listed_twice(folder: Path) -> str:
    return said(lambda: list_recordings(_table(folder, "recording\ncall.wav\n./call.wav\n")))


@situation("the answers would stand where a recording is")
def output_in_place(folder: Path) -> str:
    (folder / "call.wav").write_bytes(b"x")
    return said(lambda: list_recordings(folder, folder))
