"""Answers for many conversations, of which some cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from transformers.utils import logging

from synctva import EmotionRecognitionPipeline
from synctva.modeling_synctva.conversation_input import SOURCES, is_recording, read_utterances
from synctva.modeling_synctva.processing_synctva import transcribed
from synctva.recordings.features import add_media_features

logger = logging.get_logger(__name__)

BATCH = 32
"""Conversations that are answered at a time."""


def answer_each(
    recognise: EmotionRecognitionPipeline,
    conversations: Sequence[Any],
    strict: bool = False,
    **parameters: Any,
) -> Iterator[list[dict[str, Any]]]:
    """Yield the answers for each conversation, and go on after what cannot be read.

    An utterance whose recording cannot be read is answered from its text, with the reason among its
    `cautions` and a warning for each conversation, or else not at all. The other utterances of its
    conversation keep their places.

    Args:
        recognise: the pipeline.
        conversations: lists of utterances or recordings, as for the pipeline.
        strict: whether to raise the first such error instead.
        parameters: of the pipeline.

    Yields:
        For each utterance the pipeline's answer, or {"error": the reason}.

    Raises:
        OSError, ImportError: the text encoder, PyAV or the speech recogniser is missing, which
            concerns all of them.
        ValueError: a parameter is wrong; or `strict`, and something cannot be read.
    """
    before, _, after = recognise._sanitize_parameters(**parameters)
    before = {**recognise._preprocess_params, **before}

    def answer(batch: Sequence[_Unanswered]) -> Iterator[list[dict[str, Any]]]:
        """Answer consecutive conversations together; if that fails, one by one."""
        if not batch:
            return
        inputs = [each.utterances for each in batch]
        try:
            answers = recognise.run_single(
                inputs, {"first_index": batch[0].number, **before}, {}, after
            )
        except ValueError as error:
            if strict:
                raise
            if len(batch) == 1:
                yield batch[0].failed(error)
            else:
                for each in batch:
                    yield from answer([each])
            return
        for each, own in zip(batch, answers, strict=True):
            yield each.with_reasons(own)

    waiting: list[_Unanswered] = []
    for number, conversation in enumerate(conversations):
        name = f"conversation {number}"
        one = _Unanswered(number, [{}] * (is_recording(conversation) or len(conversation)), {})
        try:
            utterances = _read(recognise, transcribed(conversation, name), name)
            one = one._replace(utterances=utterances)
            for t, reason in _add_media_features(recognise, utterances):
                if strict:
                    raise ValueError(f"conversation {number}, utterance {t}: {reason}")
                one.unread[t] = reason
        except ValueError as error:
            if strict:
                raise
            yield from answer(waiting)
            waiting = []
            yield one.failed(error)
            continue
        waiting.append(one)
        if len(waiting) == BATCH:
            yield from answer(waiting)
            waiting = []
    yield from answer(waiting)


class _Unanswered(NamedTuple):
    """A conversation that was read: its number, its utterances, and which recordings were not."""

    number: int
    utterances: list[dict[str, Any]]
    unread: dict[int, str]

    def failed(self, error: ValueError) -> list[dict[str, Any]]:
        """Return the reason in place of each answer."""
        return [{"error": self.unread.get(t, str(error))} for t in range(len(self.utterances))]

    def with_reasons(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answers, with the reasons why recordings were not read."""
        silent = [t for t in self.unread if answers[t]["modalities"]]
        if silent:
            others = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
            logger.warning(
                f"conversation {self.number}, utterance {silent[0]}{others}: only the text is "
                f"read, because of the recording: {self.unread[silent[0]]}"
            )
        for t, reason in self.unread.items():
            if answers[t]["modalities"]:
                answers[t]["cautions"] = [*answers[t]["cautions"], reason]
            else:
                answers[t] = {"error": reason}
        return answers


def _read(
    recognise: EmotionRecognitionPipeline, conversation: Sequence[Any], name: str
) -> list[dict[str, Any]]:
    processor = recognise.processor
    return read_utterances(conversation, name, processor.feature_names, processor.widths)


def _add_media_features(
    recognise: EmotionRecognitionPipeline, utterances: list[dict[str, Any]]
) -> Iterator[tuple[int, str]]:
    """Compute the features of recordings, and yield the utterances that have an unreadable one.

    Yields:
        The number of the utterance, which keeps its other fields, and the reason.
    """
    processor = recognise.processor
    specs = processor.audio_encoder, processor.visual_encoder
    for t, utterance in enumerate(utterances):
        if not any(specs) or all(utterance.get(source) is None for source in SOURCES):
            continue
        reason = None
        try:
            add_media_features([utterance], "", *specs, processor._folder, recognise.device)
        except ValueError as error:
            reason = str(error.__cause__ or error)  # the cause does not count from this utterance
        if reason or specs[1]:  # else the processor will say that pictures are not read
            for field in (*SOURCES, "channel"):
                utterance.pop(field, None)
            utterance.setdefault("text", None)  # an utterance has a field
        if reason:
            yield t, reason


def failures(answers: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return a line for each utterance without an answer; one if a conversation has none."""
    lines: dict[str, None] = {}
    for number, emotions in enumerate(answers):
        for t, answer in enumerate(emotions):
            reason = answer.get("error")
            if reason is not None and not reason.startswith(f"conversation {number}"):
                reason = f"conversation {number}, utterance {t}: {reason}"
            if reason is not None:
                lines[reason] = None
    return list(lines)


__all__ = ["answer_each", "failures"]
