"""Text that was damaged by a wrong encoding is repaired, other text stays as it is."""

# ruff: noqa: RUF001  typographic quotes are repaired

import pytest

from synctva.datasets_scripts.text_repair import decode, repair_text


@pytest.mark.parametrize(
    ("damaged", "sound"),
    [
        ("It\x92s", "It’s"),
        ("\x93Well\x85\x94 he said \x96 no\x97", "“Well…” he said – no—"),
        ("Itâ€™s", "It’s"),
        ("Itâ\x80\x99s", "It’s"),
        ("fiancÃ©e", "fiancée"),
        (" Olé…” ", "Olé…”"),
        ("sautéed", "sautéed"),
    ],
)
def test_repair_of_damaged_text(damaged, sound):
    assert repair_text(damaged) == sound


def test_decode_takes_utf8_with_stray_windows_bytes():
    assert decode(b"\xef\xbb\xbfcaf\xc3\xa9 it\x92s \x85 \xe9") == "café it’s … é"
