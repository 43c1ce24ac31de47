"""A recording → its conversation: utterances with speaker, text and times, for the pipeline."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from synctva.audio.decoding import audio_pieces
from synctva.audio.resampling import resampled
from synctva.recordings.containers import Recording
from synctva.recordings.sources import MediaError
from synctva.speech.hub_voice import hub_voice
from synctva.speech.known_words import Transcript, with_transcript
from synctva.speech.recognition import (
    SAMPLE_RATE,
    Recogniser,
    Word,
    detect_speech,
    whisper_recogniser,
)
from synctva.speech.speakers import assign_speakers
from synctva.speech.utterances import Limits, Part, as_utterance, phrases, utterances
from synctva.speech.whisper_weights import BASE
from synctva.transcripts.line import Line
from synctva.transcripts.reading import read_rttm

PIECE = 60.0
"""Seconds of a recording that are decoded at a time, at its own sample rate."""

LONGEST = 6 * 3600.0
"""Seconds of the longest recording that is transcribed: its sound takes 0.23 GB an hour."""

CHUNK = 300.0
"""Seconds of sound that are recognised at a time at most, which bounds the memory."""

DEFAULT_LIMITS = Limits()

CHANNELS = "channels"
"""In place of the number of speakers: each has a channel."""


def transcribe(
    recording: str | os.PathLike,
    *,
    transcript: Transcript | None = None,
    language: str | None = None,
    speakers: int | str | os.PathLike | None = None,
    model: str = BASE,
    voice_model: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    recogniser: Recogniser | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[dict[str, Any]]:
    """Recognise what is said in a recording, when and by whom.

    Nothing leaves the machine; a model that is not here is downloaded by name.

    Args:
        recording: path of a sound or video file. Only regular files are read, no addresses.
        transcript: what is said, if it is known: the path of a transcript in any form that
            `read_transcript` reads, or utterances. Its words, its speakers and its times, if it has
            any, stay as they are. Without times, the words are recognised as well and the
            transcript is aligned with them, see `align`; a warning says how many of its words were
            recognised, and which utterances have no times, so that only their text is read.
        language: code of the language, such as "en"; None to detect it.
        speakers: number of speakers; None to estimate it; "channels" if each channel of the sound
            is a speaker's own; or the path of an RTTM that says who speaks when. With a transcript
            only None or an RTTM.
        model: of Whisper: "base", another size, a Hub name or a folder in CTranslate2's format.
        voice_model: folder or Hub name of a model that tells voices apart, see `hub_voice`; needs
            the number of speakers. None for the network that ships with the package.
        limits: where utterances are cut.
        recogniser: in place of Whisper.
        progress: is called again and again with the part of the recording that is recognised, in
            [0, 1].

    Returns:
        An utterance is a dictionary for the pipeline with `speaker` (of the RTTM; otherwise
        "Speaker 1" and so on, in order of appearance or of channels), `text`, `start` and `end` in
        s, `confidence`, the recogniser's mean probability of the words, the recording as `video` or
        `audio`, and `channel`, if the speakers have their own. In order of time; utterances of
        different channels may overlap. Empty if nothing was recognised. Those of a transcript
        have what it says, without `confidence`, because its words are no guess.

    Raises:
        MediaError: the file cannot be read, has no sound, or only one channel although `speakers`
            is "channels".
        ImportError: faster-whisper or PyAV is not installed.
        OSError: the recogniser's weights are neither here nor can they be downloaded.
        ValueError: speakers is less than 1, or no number although there is a `voice_model`; Whisper
            does not know the language; the RTTM or the transcript cannot be read; or too few of the
            transcript's words were recognised.

    Example:
        >>> conversation = transcribe("call.mp4")  # doctest: +SKIP
        >>> recognise(conversation)  # doctest: +SKIP
    """
    if isinstance(speakers, int) and speakers < 1:
        raise ValueError(f"speakers = {speakers}: expected at least 1, or None to estimate it")
    if voice_model is not None and not isinstance(speakers, int):
        raise ValueError(
            f"speakers = {speakers!r}: expected their number beside voice_model = {voice_model}, "
            "because how unlike two speakers are differs between models"
        )
    path = _regular_file(recording)
    rttm = None
    if not (speakers is None or speakers == CHANNELS or isinstance(speakers, int)):
        rttm = Path(speakers)
    if transcript is not None:
        if speakers is not None and rttm is None:
            raise ValueError(
                f"speakers = {speakers!r}: expected None or an RTTM beside a transcript"
            )

        def words() -> list[Word]:
            return _words(
                read_speech(path), recogniser or whisper_recogniser(model), language, progress
            )

        return with_transcript(path, transcript, rttm, words)
    embed = None if voice_model is None else hub_voice(voice_model)
    turns = None if rttm is None else read_rttm(rttm, Path(path).stem)
    recogniser = recogniser or whisper_recogniser(model)
    with Recording(path) as opened:
        field = "audio" if opened.track("video") is None else "video"
    found: list[tuple[Part, dict[str, Any]]] = []
    channels: Sequence[int | None] = _channels(path) if speakers == CHANNELS else (None,)
    for done, channel in enumerate(channels):
        samples = read_speech(path, channel)
        report = progress and partial(_report, progress, done, len(channels))
        parts = phrases(_words(samples, recogniser, language, report), limits)
        who: Sequence[str | int | None]
        if channel is not None:
            who = [channel] * len(parts)
        elif turns is not None:
            who = [_speaker_at(part, turns) for part in parts]
        else:
            number = speakers if isinstance(speakers, int) else None
            spans = [(part.start, part.end) for part in parts]
            who = assign_speakers(samples, spans, number, embed)
        named = [Part(part.words, name) for part, name in zip(parts, who, strict=True)]
        origin = {field: path} if channel is None else {field: path, "channel": channel}
        found += [(part, origin) for part in utterances(named, limits)]
    found.sort(key=lambda each: each[0].start)
    return [as_utterance(part) | origin for part, origin in found]


def _speaker_at(part: Part, turns: Sequence[Line]) -> str | None:
    """Return who speaks longest during a part; None if nobody does."""

    def overlap(turn: Line) -> float:
        return min(part.end, turn.end or 0.0) - max(part.start, turn.start or 0.0)

    longest = max(turns, key=overlap)
    return longest.speaker if overlap(longest) > 0 else None


def _channels(path: str) -> range:
    """Return the indices of the sound's channels.

    Raises:
        MediaError: it has only one, or none.
    """
    with Recording(path) as recording:
        track = recording.track("audio")
        count = 0 if track is None else track.codec_context.layout.nb_channels
    if count < 2:
        raise MediaError(
            f"speakers = {CHANNELS!r}, but {path} has {count} channel{'s' * (count != 1)}: "
            "expected a channel for each speaker"
        )
    return range(count)


def _regular_file(recording: str | os.PathLike) -> str:
    path = os.fspath(recording)
    if not isinstance(path, str) or "://" in path:
        raise MediaError(f"recording = {path!r}: expected the path of a local file")
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(
            f"recording = {path!r}: cannot be opened: {reason}: expected the path of a local file"
        ) from None
    if not stat.S_ISREG(mode):
        raise MediaError(f"recording = {path!r}: is not a file: expected a recording")
    return path


def read_speech(path: str, channel: int | None = None) -> np.ndarray:
    """Return the sound of a recording, or one channel of it, as (N,) float32 at 16 kHz.

    Raises:
        MediaError: it cannot be read, has no sound, or is longer than `LONGEST`.
    """
    samples = np.zeros(round(LONGEST * SAMPLE_RATE), np.float32)  # pages that stay 0 take no room
    filled = 0
    for piece in audio_pieces(path, PIECE, channel):
        sound = piece.samples
        if sound.any():
            sound = resampled(sound, piece.sample_rate, SAMPLE_RATE)
        # Resampling rounds up: a whole piece has to have its exact length.
        length = round(piece.duration * SAMPLE_RATE)
        if filled + length > len(samples):
            raise MediaError(
                f"{path}: is longer than {LONGEST / 3600:.0f} hours: expected shorter recordings"
            )
        if sound is not piece.samples:
            samples[filled : filled + length] = sound[:length]
        filled += length
    if not filled:
        raise MediaError(f"{path}: has no sound: expected a recording in which somebody speaks")
    return samples[:filled]


def _words(
    samples: np.ndarray,
    recogniser: Recogniser,
    language: str | None,
    progress: Callable[[float], None] | None = None,
) -> list[Word]:
    """Return the words of the sound, recognised in chunks."""
    words: list[Word] = []
    length = len(samples) / SAMPLE_RATE
    for start, end in _chunks(samples):
        chunk = samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        if progress is None:
            found = recogniser(chunk, language)
        else:
            progress(start / length)
            found = recogniser(chunk, language, partial(_report, progress, start, length))
        language = language or found.language
        words += [
            word._replace(start=word.start + start, end=word.end + start) for word in found.words
        ]
    if progress is not None:
        progress(1.0)
    return words


def _report(progress: Callable[[float], None], before: float, total: float, done: float) -> None:
    """Report which part of the total is done, together with what was done before."""
    progress(min((before + done) / total, 1.0))


def _chunks(samples: np.ndarray) -> Iterator[tuple[float, float]]:
    """Yield start and end in s of chunks that begin and end where nobody speaks.

    A chunk is cut in the longest silence of its second half.
    """
    length = len(samples) / SAMPLE_RATE
    start = 0.0
    silences = None
    while length - start > CHUNK:
        if silences is None:
            speech = detect_speech(samples)
            edges = [0.0, *(edge for span in speech for edge in span), length]
            silences = list(pairwise(edges))[::2]
        inside = [
            (max(a, start + CHUNK / 2), min(b, start + CHUNK))
            for a, b in silences
            if a < start + CHUNK and b > start + CHUNK / 2
        ]
        longest = max(inside, key=lambda silence: silence[1] - silence[0], default=None)
        end = start + CHUNK if longest is None else sum(longest) / 2
        yield start, end
        start = end
    yield start, length


__all__ = ["CHANNELS", "DEFAULT_LIMITS", "read_speech", "transcribe"]
