"""What the page's buttons do: a recording or a text becomes a conversation with emotions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from synctva import EmotionRecognitionPipeline
from synctva.answer_files import FORMS, write_answers
from synctva.recordings.clips import recording_field
from synctva.report.timeline import clock
from synctva.transcripts.reading import read_text

Progress = Callable[[float, str], None]
"""Called with the part that is done, in [0, 1], and what is being done."""

LISTENING = 0.85
"""Part of the work that recognising speech is, where it has to be recognised."""


class Stopped(Exception):
    """The input has changed, and nobody waits for the answer."""


@dataclass(frozen=True)
class Analysis:
    """A conversation with the model's answers.

    Attributes:
        conversation: the utterances, as the pipeline takes them.
        inputs: the model's input tensors, kept so that a recording is read only once.
        answers: of the pipeline, with all scores.
        recording: path of the upload, if there is one.
        notes: what was not read of the transcript.
    """

    conversation: list[dict[str, Any]]
    inputs: dict[str, Any]
    answers: list[dict[str, Any]]
    recording: str | None = None
    notes: Sequence[str] = ()

    @property
    def answered(self) -> list[dict[str, Any]]:
        """The utterances with their answers."""
        return [u | a for u, a in zip(self.conversation, self.answers, strict=True)]

    @property
    def title(self) -> str:
        return Path(self.recording).name if self.recording else "Conversation"

    def place(self, utterance: int) -> str:
        """Return when an utterance begins, such as 0:12, or without times its number from 1."""
        start = self.conversation[utterance].get("start")
        return str(utterance + 1) if start is None else clock(start)

    def files(self) -> list[str]:
        """Write the answers in every form that fits, for downloading, and return the paths.

        They name the recording as a file beside them.
        """
        folder = Path(mkdtemp())
        name = Path(self.recording).stem if self.recording else "conversation"
        timed = all(utterance.get("start") is not None for utterance in self.conversation)
        beside = None
        if self.recording:
            beside = folder / Path(self.recording).name
            beside.symlink_to(self.recording)
        written = (
            write_answers(folder / f"{name}{suffix}", self.answered, recording=beside, name=name)
            for suffix, form in FORMS.items()
            if timed or not form.timed
        )
        return [str(path) for paths in written for path in paths]


def analyse_text(
    recognise: EmotionRecognitionPipeline, transcript: str, recording: str | None = None
) -> Analysis:
    """Recognise the emotions of a transcript, with its recording if there is one.

    Raises:
        ValueError: a line cannot be read, or its times lie outside the recording.
    """
    read = read_text(transcript, timed=recording is not None)
    lines = read.conversations[0]
    conversation = []
    for line in lines:
        utterance: dict[str, Any] = {"text": line.text, "speaker": line.speaker}
        if line.start is not None:
            utterance |= {"start": line.start, "end": line.end}
            if recording:
                utterance[recording_field(recording)] = recording
        conversation.append(utterance)
    try:
        return _recognised(recognise, conversation, recording, read.notes)
    except ValueError as error:
        raise ValueError(
            re.sub(
                r"conversation 0, utterance (\d+)",
                lambda match: f"line {lines[int(match[1])].number}",
                str(error),
            )
        ) from error


def analyse_recording(
    recognise: EmotionRecognitionPipeline,
    recording: str,
    speakers: int | str | None = None,
    progress: Progress = lambda *_: None,
) -> Analysis:
    """Recognise what is said in a recording, by whom, and with which emotions.

    Args:
        recognise: the pipeline.
        recording: path of a sound or video file.
        speakers: see `transcribe`.
        progress: is told what is being done. An exception from it, such as `Stopped`, ends the
            work.

    Raises:
        ValueError: no speech was recognised, or the recording cannot be read.
        ImportError, OSError: see `transcribe`.
    """
    # Here, because it needs the extra `speech`.
    from synctva.speech.transcription import transcribe

    progress(0.0, "Getting ready to listen")
    began = time.monotonic()

    def listened(part: float) -> None:
        left = (time.monotonic() - began) / part * (1 - part) if part else 0.0
        progress(LISTENING * part, f"Listening; {duration(left)} left" if part else "Listening")

    conversation = transcribe(recording, speakers=speakers, progress=listened)
    if not conversation:
        raise ValueError(
            f"{Path(recording).name}: no speech was recognised: expected a recording in which "
            "somebody speaks"
        )
    progress(LISTENING, "Recognising emotions")
    return _recognised(recognise, conversation, recording)


def duration(seconds: float) -> str:
    """Return a rough length of time in words.

    >>> duration(3.2), duration(47.0), duration(100.0)
    ('a few seconds', 'about 50 seconds', 'about 2 minutes')
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {round(seconds, -1):.0f} seconds"
    minutes = max(round(seconds / 60), 1)
    return f"about {minutes} minute{'s' * (minutes != 1)}"


def _recognised(
    recognise: EmotionRecognitionPipeline,
    conversation: list[dict[str, Any]],
    recording: str | None,
    notes: Sequence[str] = (),
) -> Analysis:
    inputs = recognise.preprocess([conversation])
    answers = recognise.postprocess(recognise.forward(inputs), top_k=None)[0]
    return Analysis(conversation, inputs, answers, recording, notes)


__all__ = [
    "Analysis",
    "Progress",
    "Stopped",
    "analyse_recording",
    "analyse_text",
    "duration",
]
