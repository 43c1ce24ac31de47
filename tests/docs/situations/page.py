"""The page of `synctva app`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest.mock import patch

from synctva.app.analysis import analyse_recording, analyse_text
from synctva.app.page import import_gradio
from synctva.speech import recognition, transcription
from synctva.speech.recognition import Recognition
from tests.support.media_files import clip, tone

from . import said, shipped, situation


def _sound(folder: Path) -> str:
    path = folder / "call.wav"
    path.write_bytes(clip("wav", None, "pcm_s16le", samples=tone()))
    return str(path)


@situation("the page is started without Gradio")
def no_gradio(folder: Path) -> str:
    private = patch("synctva.app.page.private_folder", return_value=folder)
    with patch.dict(sys.modules, {"gradio": None}), patch.dict(os.environ), private:
        return said(import_gradio)


@situation("a recording has no transcript, and speech recognition is not installed")
def no_speech_recognition(folder: Path) -> str:
    recognition.whisper_recogniser.cache_clear()
    with patch.dict(sys.modules, {"faster_whisper": None}):
        return said(lambda: analyse_recording(shipped(), _sound(folder)))


@situation("nobody speaks in a recording")
def nobody_speaks(folder: Path) -> str:
    def silence(*_: object) -> Recognition:
        return Recognition([], None)

    with patch.object(transcription, "whisper_recogniser", lambda _: silence):
        return said(lambda: analyse_recording(shipped(), _sound(folder)))


@situation("a line of the transcript lies behind the end of the recording")
def behind_the_end(folder: Path) -> str:
    return said(lambda: analyse_text(shipped(), "0-1 Ann: Hi!\n7-8 Bo: Oh!", _sound(folder)))
