"""Chats as WhatsApp exports them, and as they are copied from Telegram.

    [31/12/2023, 21:41:07] Ann: I got the job!     WhatsApp on an iPhone
    12/31/23, 9:41 PM - Ann: I got the job!        WhatsApp on Android
    Ann, [31.12.2023 21:41]                        Telegram, with the text below

The date may have any order. Further lines belong to the message above. The times are those of the
messages, and not of a recording: they are not read.
"""

from __future__ import annotations

import re

from .line import Line, Transcript, TranscriptError, numbers

_DATE = r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}\.?"
# With AM or PM, in any language, before or behind.
_CLOCK = r"(?:[^\W\d]{1,4}\s?)?\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[^\W\d]\.?\s?[^\W\d]{0,5}\.?)?"
_WHATSAPP = re.compile(
    rf"[\u200e\u200f]*(?:\[{_DATE},?\s{_CLOCK}\]\s|{_DATE},?\s{_CLOCK}\s[-\u2013]\s)(.*)"
)
_TELEGRAM = re.compile(
    r"([^\[\]]{1,80}),\s\[[^\[\]]{0,30}(?:[./-]\d{2}|\d{4})[^\[\]]{0,9}\s\d{1,2}[:.]\d{2}"
    r"[^\[\]]{0,30}\]:?(?:\s(.*))?"
)
# Notices of the program have no colon, or have one in a title between quotation marks.
_MESSAGE = re.compile('([^:"\u201c\u201d\u200e]{1,80}?):\\s(.*)')

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_EDITED = re.compile(r" ?(?:\u200e<[^<>]*>|<This message was edited>)$")
# WhatsApp on an iPhone puts a mark before what it writes itself, in every language.
_PLACEHOLDER = re.compile(
    r"\u200e.*|<[^<>]+>|[\w-]+\.\w{2,4}\s\([^()]+\)|null|"
    r"(?:image|video|audio|sticker|GIF|document|Contact card) omitted|"
    r"(?:This message was deleted|You deleted this message|Missed (?:voice|video) call)\.?"
)
_BRACKETED = re.compile(r"\[[^\[\]]*\]")


def is_message(line: str) -> bool:
    """Return whether a line begins a message, with its date."""
    return bool(_WHATSAPP.match(line) or _TELEGRAM.fullmatch(line))


def is_chat(text: str) -> bool:
    return is_message(next((line for line in text.split("\n") if line.strip()), "").strip())


def read_chat(text: str) -> Transcript:
    """Read a chat.

    Raises:
        TranscriptError: no message has a text.
    """
    lines: list[Line] = []
    skipped: list[int] = []
    for number, name, words in _messages(text):
        kept = [_EDITED.sub("", " ".join(line.split())) for line in words]
        kept = [_MARKS.sub("", line) for line in kept if not _PLACEHOLDER.fullmatch(line)]
        said = " ".join(" ".join(kept).split())
        if name is None or not said:
            skipped.append(number)
        else:
            lines.append(Line(number, said, _MARKS.sub("", name).strip()))
    if not lines:
        raise TranscriptError(
            f"there is no utterance: all {len(skipped)} messages are notices or media: expected "
            "messages with a text"
        )
    notes = [f"{numbers(skipped)}: notices and media are not read"] if skipped else []
    return Transcript([lines], notes=notes)


def _messages(text: str) -> list[tuple[int, str | None, list[str]]]:
    """Return (number of the first line, name, lines) of each message; None: a notice."""
    found: list[tuple[int, str | None, list[str]]] = []
    telegram = False
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        whatsapp = _WHATSAPP.fullmatch(line)
        copied = _TELEGRAM.fullmatch(line)
        if whatsapp:
            message = _MESSAGE.fullmatch(_unmarked_name(whatsapp[1]))
            found.append((number, message[1], [message[2]]) if message else (number, None, [line]))
        elif copied:
            telegram = True
            found.append((number, copied[1], [copied[2] or ""]))
        elif line and not (telegram and _BRACKETED.fullmatch(line)):  # [In reply to Bo], [ Photo ]
            found[-1][2].append(line)
    return found


def _unmarked_name(line: str) -> str:
    """Return a line without the marks around its name; those of the text stay."""
    name, colon, text = line.partition(":")
    return _MARKS.sub("", name) + colon + text


__all__ = ["is_chat", "is_message", "read_chat"]
