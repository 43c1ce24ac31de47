"""A transcript that cannot be read as it is, or not all of it."""

from __future__ import annotations

from pathlib import Path

from synctva import parse_transcript, read_transcript

from . import said, situation

SRT = "1\n0:00:00,0 --> 0:00:02,0\nIt leaks.\n\n2\n0:00:09,0 --> 0:00:10,0\nAgain?\n"


def _reading(folder: Path, name: str, text: str | bytes, speakers: Path | None = None) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return said(lambda: read_transcript(path, speakers))


@situation("a file is in no form that is read")
def unknown_form(folder: Path) -> str:
    return _reading(folder, "meeting.txt", "<!DOCTYPE html><html>Ann: Hi!</html>")


@situation("a file is not in UTF-8 or UTF-16")
def other_encoding(folder: Path) -> str:
    return _reading(folder, "meeting.txt", b"Ann: It\x92s late.")


@situation("some lines begin with a time, and others do not")
def mixed_times(folder: Path) -> str:
    return _reading(folder, "meeting.txt", "[0:01] Ann: It leaks.\nBo: Again?")


@situation("the end of an utterance is before its start")
def end_before_start(folder: Path) -> str:
    return _reading(folder, "meeting.srt", SRT.replace("0:00:00,0", "0:00:03,0"))


@situation("an utterance starts before the one above it")
def backwards(folder: Path) -> str:
    return _reading(folder, "meeting.txt", "8-9 Bo: Again?\n0-2 Ann: It leaks.")


@situation("a table has columns that are not read")
def unread_columns(folder: Path) -> str:
    return _reading(folder, "own.csv", "text;speaker;emotion\nIt leaks.;Ann;sadness\n")


@situation("a chat has notices and media")
def notices(folder: Path) -> str:
    chat = "1/2/24, 9:41 AM - Ann: <Media omitted>\n1/2/24, 9:42 AM - Bo: Again?\n"
    return _reading(folder, "chat.txt", chat)


@situation("an RTTM is given by itself")
def rttm_alone(folder: Path) -> str:
    return _reading(folder, "m.rttm", "SPEAKER m 1 0.00 2.00 <NA> <NA> Ann <NA> <NA>\n")


@situation("nobody speaks during an utterance, by the RTTM")
def nobody_speaks(folder: Path) -> str:
    rttm = folder / "m.rttm"
    rttm.write_text("SPEAKER m 1 0.00 2.00 <NA> <NA> Ann <NA> <NA>\n", encoding="utf-8")
    return _reading(folder, "m.srt", SRT, rttm)


@situation("an XML file has a DOCTYPE, which could hold entities")
def doctype(folder: Path) -> str:
    xml = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "ha">]>\n<ANNOTATION_DOCUMENT/>'
    return _reading(folder, "meeting.eaf", xml)


@situation("a recording is given, and a line has no times")
def no_times(folder: Path) -> str:
    return said(lambda: parse_transcript("0-1 Ann: It leaks.\nBo: Again?", timed=True))
