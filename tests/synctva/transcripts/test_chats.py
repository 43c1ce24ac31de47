"""Chats from WhatsApp and Telegram."""

import pytest

from synctva.transcripts.line import TranscriptError
from synctva.transcripts.reading import parse_transcript


def read(transcript):
    """Return (number, speaker, text) of each utterance."""
    return [(x.number, x.speaker, x.text) for x in parse_transcript(transcript)]


@pytest.mark.parametrize(
    "date",
    [
        "[31/12/2023, 21:41:07] ",
        "[12/31/23, 9:41:07\u202fPM] ",
        "\u200e[31.12.23, 21:41:07] ",
        "[2023-12-31, 21:41:07] ",
        "[31.12.2023 21.41.07] ",
        "31/12/2023, 21:41 - ",
        "12/31/23, 9:41 PM - ",
        "12/31/23, 9:41\u202fp.\u00a0m. - ",
        "31.12.23, 21:41 - ",
        "31-12-2023 21:41 - ",
        "2023/12/31 \u4e0b\u53489:41 - ",
        "2023. 12. 31. 21:41 - ",
    ],
)
def test_dates_of_whatsapp(date):
    chat = f"{date}Ann: The roof leaks.\n{date}Bo Lee: Again? At 10:30: yes.\n"
    assert read(chat) == [(1, "Ann", "The roof leaks."), (2, "Bo Lee", "Again? At 10:30: yes.")]
    assert all(line.start is None for line in parse_transcript(chat))


def test_messages_of_several_lines():
    chat = "1/2/24, 9:41 AM - Ann: One\n\n  two: three\n1/2/24, 9:42 AM - +49 151 00: Four"
    assert read(chat) == [(1, "Ann", "One two: three"), (4, "+49 151 00", "Four")]


@pytest.mark.parametrize(
    "notice",
    [
        "Messages and calls are end-to-end encrypted.",
        "Ann added Bo",
        "Ann changed the subject from \u201cOld: one\u201d to \u201cNew: one\u201d",
        "Ann: <Media omitted>",
        "Ann: <Medien ausgeschlossen>",
        "Ann: \u200eimage omitted",
        "Ann: \u200e<attached: 00000012-PHOTO-2024-01-02-09-41-07.jpg>",
        "Ann: IMG-20240102-WA0001.jpg (file attached)",
        "Ann: sticker omitted",
        "Ann: This message was deleted",
        "Ann: You deleted this message.",
        "Ann: Missed voice call",
        "Ann: null",
        "Family: \u200eYou created this group",
    ],
)
def test_notices_and_media_are_not_utterances_and_are_said(said, notice):
    chat = f"1/2/24, 9:41 AM - {notice}\n1/2/24, 9:42 AM - Bo: Hi!\n1/2/24, 9:43 AM - {notice}"
    assert read(chat) == [(2, "Bo", "Hi!")]
    assert said() == ["the transcript: lines 1, 3: notices and media are not read"]
    with pytest.raises(TranscriptError, match="all 1 messages are notices or media"):
        read(f"1/2/24, 9:41 AM - {notice}")


def test_what_is_said_beside_media_is_read():
    chat = (
        "1/2/24, 9:41 AM - Ann: IMG-1.jpg (file attached)\nLook at the roof!\n"
        "[1/2/24, 9:42:00 AM] Bo: Oh no.\u200e<This message was edited>\n"
        "1/2/24, 9:43 AM - \u2068Bo\u2069: Ask @\u2068Ann\u2069. <This message was edited>\n"
    )
    assert read(chat) == [
        (1, "Ann", "Look at the roof!"),
        (3, "Bo", "Oh no."),
        (4, "Bo", "Ask @Ann."),
    ]


@pytest.mark.parametrize(
    "stamp",
    [
        "[31.12.2023 21:41]",
        "[31.12.23 21:41]",
        "[31 Dec 2023 at 21:41:07]:",
        "[Dec 31, 2023 at 9:41:07\u202fPM]:",
    ],
)
def test_what_is_copied_from_telegram(stamp):
    chat = (
        f"Ann Lee, {stamp}\nThe roof leaks.\n\nBo, {stamp}\n[In reply to Ann Lee]\nAgain?\n"
        f"I see: yes.\n\nBo, {stamp}\n[ Photo ]\n"
    )
    assert read(chat) == [(1, "Ann Lee", "The roof leaks."), (4, "Bo", "Again? I see: yes.")]
