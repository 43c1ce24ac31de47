"""Speech recognition: sound → words with their times. Whisper, by faster-whisper."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from synctva.modeling_synctva.configuration_synctva import how_to_install
from synctva.speech.whisper_weights import BASE, locate_whisper

SAMPLE_RATE = 16_000
"""Of the sound that is recognised, in Hz."""

LIKELY_SILENCE = 0.6
"""Whisper's probability that a segment holds no speech, above which doubtful words are left out."""

DOUBTFUL = -1.0
"""Mean log-probability of a segment's tokens below which its words are doubtful."""


class Word(NamedTuple):
    """A recognised word.

    Attributes:
        text: with the punctuation around it.
        start, end: in s.
        confidence: the recogniser's probability, in [0, 1].
    """

    text: str
    start: float
    end: float
    confidence: float


class Recognition(NamedTuple):
    """What was recognised.

    Attributes:
        words: in order of time.
        language: ISO 639-1 code, None where nothing was spoken.
    """

    words: list[Word]
    language: str | None


class Recogniser(Protocol):
    """Anything that recognises speech: (N,) float32 at 16 kHz and a language (None: detect it).

    If somebody wants to see the progress, it is also given a function to call with the seconds of
    the sound that are done.
    """

    def __call__(
        self,
        samples: np.ndarray,
        language: str | None,
        heard: Callable[[float], None] | None = None,
        /,
    ) -> Recognition: ...


class WhisperRecogniser:
    """Whisper with its voice activity detection, on the CPU in 8 bits or on a GPU in 16.

    Each part of the sound is recognised without the words before it: with them, Whisper is known to
    repeat itself over silence and music.

    Args:
        model: see `locate_whisper`.

    Raises:
        ImportError: faster-whisper is not installed.
        ValueError, OSError: see `locate_whisper`.
    """

    def __init__(self, model: str = BASE):
        whisper = _faster_whisper()
        self._model = whisper.WhisperModel(locate_whisper(model), compute_type="auto")

    def __call__(
        self,
        samples: np.ndarray,
        language: str | None = None,
        heard: Callable[[float], None] | None = None,
    ) -> Recognition:
        """Recognise sound, see `Recogniser`.

        Raises:
            ValueError: Whisper does not know the language.
        """
        segments, about = self._model.transcribe(
            samples,
            language=language,
            word_timestamps=True,
            vad_filter=True,
            vad_parameters={"min_silence_duration_ms": 500, "speech_pad_ms": 200},
            condition_on_previous_text=False,
            hallucination_silence_threshold=2.0,
        )
        words: list[Word] = []
        for segment in segments:
            if heard is not None:
                heard(float(segment.end))
            if segment.no_speech_prob > LIKELY_SILENCE and segment.avg_logprob < DOUBTFUL:
                continue
            words += [
                Word(word.word.strip(), float(word.start), float(word.end), float(word.probability))
                for word in segment.words or ()
                if word.word.strip()
            ]
        return Recognition(words, about.language if words else None)


@functools.lru_cache(maxsize=2)
def whisper_recogniser(model: str = BASE) -> WhisperRecogniser:
    """Return the recogniser, loaded once per model."""
    return WhisperRecogniser(model)


def detect_speech(samples: np.ndarray) -> list[tuple[float, float]]:
    """Return where somebody speaks, (start, end) in s, by Silero's voice activity detection.

    Args:
        samples: (N,) float32 at 16 kHz.

    Raises:
        ImportError: faster-whisper is not installed.
    """
    _faster_whisper()
    from faster_whisper.vad import get_speech_timestamps

    found: Sequence[dict[str, int]] = get_speech_timestamps(
        samples, min_silence_duration_ms=200, speech_pad_ms=50
    )
    return [(span["start"] / SAMPLE_RATE, span["end"] / SAMPLE_RATE) for span in found]


def _faster_whisper() -> Any:
    try:
        import faster_whisper
    except ImportError as error:
        raise ImportError(
            f"recognising speech needs faster-whisper: {how_to_install('speech')}"
        ) from error
    return faster_whisper


__all__ = [
    "SAMPLE_RATE",
    "Recogniser",
    "Recognition",
    "WhisperRecogniser",
    "Word",
    "detect_speech",
    "whisper_recogniser",
]
