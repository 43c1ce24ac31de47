"""Who felt what, and when, in one recording after another: the models are loaded once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import pipeline

import synctva
from synctva import EmotionRecognitionPipeline
from synctva.answer_files import write_answers
from synctva.answering import answer_each
from synctva.files import write_whole
from synctva.model_lookup import find_model
from synctva.recordings.sources import MediaError
from synctva.registration import SHIPPED
from synctva.report.media import require_small
from synctva.speech.recognition import Recogniser, whisper_recogniser
from synctva.speech.transcription import transcribe
from synctva.speech.whisper_weights import BASE

from .listing import ListedRecording
from .tables import ANSWERS, MADE_FROM, read_json


class Outcome(NamedTuple):
    """What became of a recording.

    Attributes:
        utterances, speakers: their numbers.
        error: why it was not answered; None if it was.
        kept: whether the answers were there already.
    """

    utterances: int = 0
    speakers: int = 0
    error: str | None = None
    kept: bool = False


class RecordingRecogniser:
    """Answers recordings, and keeps each one's answers in a folder of its name in the output.

    What is there already is not computed again if it was made from the same file (by its size and
    time of change) with the same model and options. A result is complete or does not count, so that
    a job that was killed continues where it stopped. A recording that fails is said to, and tried
    again by the next run.

    Args:
        model: folder or Hub name of a checkpoint; None for the shipped one.
        output: folder of the results.
        speech_model: of Whisper, see `synctva.transcribe`; loaded when it is first needed.
        parameters: of the pipeline, such as `abstain_below`.
        strict: whether a recording fails with its first utterance that cannot be read.
        embed: whether the reports contain the recordings.
        recogniser: in place of Whisper.

    Raises:
        OSError: there is no such model.
        ValueError: a parameter is wrong.
    """

    def __init__(
        self,
        model: str | None,
        output: str | os.PathLike,
        speech_model: str = BASE,
        parameters: Mapping[str, Any] | None = None,
        strict: bool = False,
        embed: bool = False,
        recogniser: Recogniser | None = None,
    ):
        self.output = Path(output)
        self.parameters = dict(parameters or {})
        self.strict = strict
        self.embed = embed
        self.recognise = pipeline("emotion-recognition", model=find_model(model))
        self.recognise._sanitize_parameters(**self.parameters)
        model = model or SHIPPED
        self._name = Path(model).name if Path(model).is_dir() else model
        self._speech_model = speech_model
        self._recogniser = recogniser
        self._made_with = {
            "labels": list(self.recognise.model.config.id2label.values()),
            "model": _checksum(self.recognise),
            "speech_model": speech_model,
            "options": {**self.parameters, "strict": strict, "embed": embed},
            "version": synctva.__version__,
        }

    def __call__(self, listed: ListedRecording) -> Outcome:
        """Answer a recording, unless that has been done.

        Raises:
            ImportError: PyAV or faster-whisper is not installed.
            OSError: the weights of the speech recogniser are missing, or the results cannot be
                written.
        """
        folder = self.output / listed.name
        try:
            made_from = {**self._made_with, **_read(listed)}
            if _made_from(folder) == made_from:
                return _outcome(read_json(folder / f"{ANSWERS}.json"), kept=True)
            if self.embed:
                require_small([listed.path])
            if listed.transcript is None and self._recogniser is None:
                self._recogniser = whisper_recogniser(self._speech_model)
            answered = answer_recording(
                self.recognise, listed, self._recogniser, self.strict, **self.parameters
            )
            self._write(listed, answered, made_from)
        except Exception as error:  # one bad recording must not end a job of thousands
            if isinstance(error, ImportError | OSError) and not isinstance(error, ValueError):
                raise
            return _failed(error, listed)
        return _outcome(answered)

    def _write(self, listed: ListedRecording, answered: Any, made_from: dict[str, Any]) -> None:
        """Write the results, and at last what they were made from, which makes them count."""
        folder = self.output / listed.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_answers(
            folder,
            answered,
            recording=listed.path,
            name=ANSWERS,
            embed=self.embed,
            model=self._name,
        )
        write_whole(folder / MADE_FROM, json.dumps(made_from, indent=2) + "\n")


def answer_recording(
    recognise: EmotionRecognitionPipeline,
    listed: ListedRecording,
    recogniser: Recogniser | None = None,
    strict: bool = False,
    **parameters: Any,
) -> list[dict[str, Any]]:
    """Return the utterances of a recording with their emotions.

    Args:
        recognise: the pipeline.
        listed: the recording.
        recogniser: in place of Whisper.
        strict: whether to raise an error for the first utterance that cannot be read.
        parameters: of the pipeline.

    Returns:
        The utterances, each with the pipeline's answer or `error`.

    Raises:
        ValueError: a file cannot be read, no speech was recognised, or there is no answer to any
            utterance.
        OSError, ImportError: weights or a package are missing, which concerns every recording.
    """
    if listed.transcript is None:
        recogniser = recogniser or whisper_recogniser()
    try:
        conversation = conversation_of(listed, recogniser)
    except OSError as error:  # of this recording's files
        raise MediaError(str(error)) from error
    (answers,) = answer_each(recognise, [conversation], strict, **parameters)
    if all("error" in answer for answer in answers):
        raise ValueError(answers[0]["error"])
    return [
        {**utterance, **answer} for utterance, answer in zip(conversation, answers, strict=True)
    ]


def conversation_of(
    listed: ListedRecording, recogniser: Recogniser | None = None
) -> list[dict[str, Any]]:
    """Return the conversation of a recording, as its transcript has it or as it is recognised.

    Raises:
        OSError, ValueError: a file cannot be read; the transcript does not fit the recording, names
            recordings or has several conversations; or no speech was recognised.
    """
    conversation = transcribe(
        listed.path,
        transcript=listed.transcript,
        language=listed.language,
        speakers=listed.speakers if listed.rttm is None else listed.rttm,
        recogniser=recogniser,
    )
    if not conversation:
        raise ValueError("no speech was recognised, and nothing can be answered")
    return conversation


def _made_from(folder: Path) -> Any:
    """Return what the results in a folder were made from; None if they are not complete."""
    try:
        return read_json(folder / MADE_FROM)
    except (OSError, ValueError):
        return None


def _read(listed: ListedRecording) -> dict[str, Any]:
    """Return what tells whether a recording, or what is said about it, has changed.

    Raises:
        MediaError: a file cannot be opened.
    """
    files = {"recording": listed.path, "transcript": listed.transcript, "rttm": listed.rttm}
    found: dict[str, Any] = {"speakers": listed.speakers, "language": listed.language}
    for name, path in files.items():
        if path is None:
            continue
        try:
            status = Path(path).stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise MediaError(
                f"{name} = {path!r}: cannot be opened: {reason}: expected a file"
            ) from None
        found[name] = {"bytes": status.st_size, "modified_ns": status.st_mtime_ns}
    return found


def _outcome(answered: list[dict[str, Any]], kept: bool = False) -> Outcome:
    speakers = {item["speaker"] for item in answered if item.get("speaker") is not None}
    return Outcome(len(answered), len(speakers), kept=kept)


def _failed(error: Exception, listed: ListedRecording) -> Outcome:
    """Return the reason with names in place of paths, which may tell of a user."""
    reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    reason = reason.removeprefix(f"{listed.path}: ")
    for path in filter(None, (listed.path, listed.transcript, listed.rttm)):
        for form in (repr(path)[1:-1], path):
            reason = reason.replace(form, Path(path).name)
    return Outcome(error=reason)


def _checksum(recognise: EmotionRecognitionPipeline) -> str:
    """Return the SHA-256 of a model's weights, config and processor, wherever they lie."""
    digest = hashlib.sha256()
    for name, tensor in sorted(recognise.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    config = recognise.model.config.to_diff_dict()
    settings = [config, recognise.processor.to_dict()]
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    return digest.hexdigest()


__all__ = ["Outcome", "RecordingRecogniser", "answer_recording"]
