"""A pipeline that reads text and sound, recordings, and a stand-in for Whisper."""

import tempfile

import pytest
import torch
from transformers import pipeline

from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.speech import transcription
from synctva.speech.recognition import Recognition
from tests.support.media_files import RATE, clip, tone
from tests.support.toy import toy_config

from ..speech.test_utterances import spoken


@pytest.fixture(scope="module")
def recognise(tmp_path_factory, toy_encoder_spec):
    folder = tmp_path_factory.mktemp("app")
    torch.manual_seed(0)
    config = toy_config(text_dim=16, audio_dim=8)
    SyncTVAForEmotionRecognition(config).save_pretrained(folder)
    sound = {"name": "prosody", "version": 1, "fill": [0.0] * 8}
    processor = SyncTVAProcessor(16, None, 8, text_encoder=toy_encoder_spec, audio_encoder=sound)
    processor.save_pretrained(folder)
    return pipeline("emotion-recognition", model=str(folder))


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Files to download go here."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def recording(tmp_path):
    """A video of a second."""
    path = tmp_path / "talk.mp4"
    path.write_bytes(clip())
    return str(path)


@pytest.fixture
def call(tmp_path):
    """Six seconds of sound."""
    path = tmp_path / "call.wav"
    sound = tone(6.0)
    path.write_bytes(clip("wav", None, "pcm_s16le", samples=sound, rate=RATE))
    return str(path)


@pytest.fixture
def heard(monkeypatch):
    """The words that are heard in every recording, to change."""
    words = [*spoken("No way at all! | | That is good.", 0.5), *spoken("I am so sorry.", 4.5)]

    def recogniser(samples, language, said=None):
        if said is not None:
            said(len(samples) / RATE / 2)
        return Recognition(words, "en")

    monkeypatch.setattr(transcription, "whisper_recogniser", lambda model: recogniser)
    return words
