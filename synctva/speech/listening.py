"""A live sound → its utterances, each as soon as its speaker pauses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from synctva.speech.recognition import SAMPLE_RATE, Recogniser, Word, detect_speech
from synctva.speech.speakers import MOST_SPEAKERS, UNLIKE, UNLIKE_SHORT, cut
from synctva.speech.utterances import Limits, Part, as_utterance, phrases, utterances
from synctva.speech.voice_encoder import embed_voice

PAUSE = 0.6
"""Seconds of silence after which what was said is answered."""

LONGEST = 15.0
"""Seconds of speech without such a pause after which it is answered up to its last word."""

EVERY = 0.5
"""Seconds of sound after which silence is looked for again."""

AROUND = 0.2
"""Seconds before and after speech that are recognised with it."""


class VoiceBook:
    """The voices heard so far, each with a number: who speaks is decided at once and for good.

    Args:
        most: number of speakers, if it is known; otherwise a voice that is unlike all others is a
            new one, up to `MOST_SPEAKERS`.
    """

    def __init__(self, most: int | None = None):
        self._most = most or MOST_SPEAKERS
        self._sums: list[np.ndarray] = []
        self._last = 0

    def number(self, samples: np.ndarray) -> int:
        """Return the number of the speaker of (N,) samples at 16 kHz, from 0 in order."""
        seconds = len(samples) / SAMPLE_RATE
        if self._most == 1 or (self._sums and seconds < 1.0):  # too short: nobody new, no change
            return self._last
        voice = embed_voice(samples)
        unlike = [1 - voice @ total / np.linalg.norm(total) for total in self._sums]
        nearest = int(np.argmin(unlike)) if unlike else 0
        limit = UNLIKE + UNLIKE_SHORT / seconds
        if len(self._sums) < self._most and (not unlike or unlike[nearest] > limit):
            nearest = len(self._sums)
            self._sums.append(np.zeros_like(voice))
        self._sums[nearest] = self._sums[nearest] + voice
        self._last = nearest
        return nearest


def listen(
    sound: Iterable[np.ndarray],
    recogniser: Recogniser,
    *,
    language: str | None = None,
    speakers: int | None = None,
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Recognise what is said in a sound while it is still going on.

    Args:
        sound: pieces of any length, float32 at 16 kHz in [-1, 1]. The sound ends with the last.
        recogniser: of the words.
        language: code of the language; None to detect it in what is said first.
        speakers: their number; None to estimate it, see `VoiceBook`.

    Yields:
        An utterance, as `transcribe` returns it but without a recording, and its samples (N,). A
        piece is only read after the utterances before it were taken.

    Raises:
        ImportError: faster-whisper is not installed.
        ValueError: speakers is less than 1.
    """
    if speakers is not None and speakers < 1:
        raise ValueError(f"speakers = {speakers}: expected at least 1, or None to estimate it")
    voices, limits = VoiceBook(speakers), Limits()
    waiting = np.zeros(0, np.float32)  # what is not answered yet
    begins = 0.0  # s, when it begins
    looked = 0  # samples of it in which silence was looked for

    def recognise(samples: np.ndarray, start: float) -> tuple[list[Word], str | None]:
        found = recogniser(samples, language)
        words = [w._replace(start=w.start + start, end=w.end + start) for w in found.words]
        return words, language or found.language

    def parts(words: list[Word]) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
        named = [
            Part(part.words, voices.number(cut(waiting, part.start - begins, part.end - begins)))
            for part in phrases(words, limits)
        ]
        for part in utterances(named, limits):
            yield as_utterance(part), cut(waiting, part.start - begins, part.end - begins)

    for piece in chain(sound, [None]):
        last = piece is None
        if piece is not None:
            waiting = np.concatenate([waiting, piece])
            if len(waiting) - looked < EVERY * SAMPLE_RATE:
                continue
        looked = len(waiting)
        length = len(waiting) / SAMPLE_RATE
        speech = detect_speech(waiting) if len(waiting) else []
        if not speech:
            done = length - AROUND
        elif last or length - speech[-1][1] >= PAUSE:
            done = min(length, speech[-1][1] + AROUND)
            first = max(0.0, speech[0][0] - AROUND)
            words, language = recognise(cut(waiting, first, done), begins + first)
            yield from parts(words)
        elif length - speech[0][0] > LONGEST:
            words, language = recognise(waiting, begins)
            yield from parts(words[:-1])
            done = words[-1].start - begins if len(words) > 1 else length
        else:
            continue
        dropped = max(0, round(done * SAMPLE_RATE))
        waiting, begins, looked = waiting[dropped:], begins + dropped / SAMPLE_RATE, 0


__all__ = ["LONGEST", "PAUSE", "VoiceBook", "listen"]
