"""The page on messages says what Sync-TVA says."""

import pytest

from .situations import headings, said
from .write_messages import PAGE, cell

SITUATIONS = [
    pytest.param(situation, id=situation.when)
    for situations in headings().values()
    for situation in situations
]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_message_is_on_the_page(situation, tmp_path):
    words = situation.words(tmp_path)
    row = f"| {cell(situation.when)} | {cell(words)} |"
    assert row in PAGE.read_text(encoding="utf-8").splitlines(), words


def test_nothing_said_is_an_error():
    with pytest.raises(AssertionError, match="nothing was said"):
        said(lambda: None)
