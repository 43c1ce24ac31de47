"""Repair text whose punctuation was damaged by a wrong encoding, as in the MELD release."""

from __future__ import annotations

import re


def _cp1252(byte: int) -> str:
    """Return the character of a Windows-1252 byte; its five undefined bytes stay as they are."""
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


_BYTE_OF = {_cp1252(byte): byte for byte in range(0x80, 0x100)}
_BYTE_OF.update({chr(byte): byte for byte in range(0x80, 0x100)})

# No sentence contains the control characters U+0080-U+009F: they are Windows-1252 bytes that were
# read as Latin-1.
_CONTROL = {byte: _cp1252(byte) for byte in range(0x80, 0xA0)}

# Bytes that are not UTF-8: `surrogateescape` keeps byte b as U+DC00 + b.
_UNDECODED = {0xDC00 + byte: _cp1252(byte) for byte in range(0x80, 0x100)}

# UTF-8 read as Windows-1252 or Latin-1. Only the sequences of general punctuation ("â€.") and of
# Latin letters ("Ã.", "Â.") are repaired, because others also occur in undamaged text ("é…”").
_CONTINUATION = "".join(re.escape(char) for char, byte in _BYTE_OF.items() if byte < 0xC0)
_MOJIBAKE = re.compile(f"â[€\x80][{_CONTINUATION}]|[ÂÃ][{_CONTINUATION}]")


def decode(data: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark, in which some bytes may be Windows-1252."""
    return data.decode("utf-8-sig", errors="surrogateescape").translate(_UNDECODED)


def repair_text(text: str) -> str:
    """Return `text` without mojibake, Windows-1252 control characters and outer space.

    >>> ascii(repair_text("It\\x92s"))
    "'It\\\\u2019s'"
    """
    text = _MOJIBAKE.sub(_utf8, text)
    return text.translate(_CONTROL).strip()


def _utf8(match: re.Match[str]) -> str:
    return bytes(_BYTE_OF[char] for char in match.group()).decode("utf-8", errors="replace")
