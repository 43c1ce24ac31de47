"""A conversation that cannot be read."""

from __future__ import annotations

from pathlib import Path

from . import said, shipped, situation

SENTENCES = (
    "I never thought that she would come back after all",
    "and now she is standing there as if nothing had happened",
)


@situation("the name of a recording is given as a string")
def name_of_a_recording(folder: Path) -> str:
    return said(lambda: shipped()("call.mp4"))


@situation("a web address is given as a recording")
def address(folder: Path) -> str:
    return said(lambda: shipped()({"recording": "http://localhost/call.mp4"}))


@situation("a recording has a field that it cannot have")
def field_of_a_recording(folder: Path) -> str:
    return said(lambda: shipped()({"recording": "call.mp4", "text": "I got the job!"}))


@situation("tuples are given as (text, speaker)")
def swapped_turns(folder: Path) -> str:
    return said(lambda: shipped()([(text, "Ann") for text in SENTENCES]))


@situation("a text is given where a conversation is expected")
def text_for_conversation(folder: Path) -> str:
    return said(lambda: shipped()("I got the job!"))
