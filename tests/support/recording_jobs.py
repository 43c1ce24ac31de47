"""Folders of small recordings, a toy model that reads their sound, and a toy recogniser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from synctva.audio.encoder import PROSODY_SPEC
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from synctva.speech.recognition import SAMPLE_RATE, Recognition, Word

from .media_files import clip
from .toy import toy_config

WORDS = ("hello", "good", "day", "no", "way", "bad")


def toy_recogniser(samples: np.ndarray, language: str | None) -> Recognition:
    """Hear three words in each half second that is loud, chosen by how often it crosses 0."""
    words = []
    for start in range(0, len(samples) - SAMPLE_RATE // 2 + 1, SAMPLE_RATE // 2):
        part = samples[start : start + SAMPLE_RATE // 2]
        if np.abs(part).max(initial=0) > 0.01:
            crossings = int(np.diff(np.signbit(part)).sum())
            for third in range(3):
                text = WORDS[(crossings // 10 + third) % len(WORDS)] + "." * (third == 2)
                time = start / SAMPLE_RATE + 0.16 * third
                words.append(Word(text, time, time + 0.15, 0.9))
    return Recognition(words, language or "en")


def turns(number: int) -> np.ndarray:
    """Return (1, N) float32 at 16 kHz: tones of half a second with pauses, by the number."""
    clock = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    parts = []
    for turn in range(1 + number % 2):
        tone = 0.3 * np.sin(2 * np.pi * (110 + 60 * number + 90 * turn) * clock)
        parts += [tone, np.zeros(SAMPLE_RATE)]
    return np.concatenate(parts)[None].astype(np.float32)


def write_recordings(folder: Path, count: int = 3) -> None:
    """Write recordings of which two have the same stem, one in a sub-folder, and others that fail.

    The others are an empty file, silence, and a text.
    """
    for number in range(count):
        path = folder / ("later" if number % 2 else "") / f"{number // 2}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(clip("wav", None, "pcm_s16le", samples=turns(number)))
    (folder / "0.flac").write_bytes(clip("flac", None, "flac", samples=turns(7)))
    (folder / "empty.mp4").write_bytes(b"")
    silence = np.zeros((1, SAMPLE_RATE), np.float32)
    (folder / "silence.wav").write_bytes(clip("wav", None, "pcm_s16le", samples=silence))
    (folder / "words.mp3").write_text("No sound at all.\n" * 9)
    (folder / "notes.txt").write_text("Not a recording.")


FAILED = ("empty.mp4", "silence.wav", "words.mp3")


def write_toy_model(folder: Path) -> str:
    """Write a checkpoint that reads the sound alone, by its prosody."""
    torch.manual_seed(0)
    width = PROSODY_SPEC["width"]
    SyncTVAForEmotionRecognition(toy_config(audio_dim=width)).save_pretrained(folder)
    spec = {**PROSODY_SPEC, "fill": [0.0] * width}
    SyncTVAProcessor(
        text_dim=None, visual_dim=None, audio_dim=width, audio_encoder=spec
    ).save_pretrained(folder)
    return str(folder)
