"""What the readers warn of."""

import logging

import pytest


@pytest.fixture
def said():
    """Return a function that returns the warnings so far."""
    messages = []

    class Recorder(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    logger = logging.getLogger("synctva.transcripts.reading")
    recorder = Recorder(logging.WARNING)
    logger.addHandler(recorder)
    yield lambda: messages
    logger.removeHandler(recorder)
