"""The progress of listening is shown on a terminal, and nowhere else."""

import io
import sys

from synctva.speech.progress_bar import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_part_that_is_done_and_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar() as progress:
        for done in (0.25, 0.25, 0.2, 1.0):
            progress(done)
    written = terminal.getvalue()
    assert "listening:   0% |" in written and "left" in written
    assert written.endswith("\r")  # it goes away


def test_a_file_or_a_pipe_gets_nothing(capsys):
    with progress_bar() as progress:
        assert progress is None
    assert capsys.readouterr().err == ""
