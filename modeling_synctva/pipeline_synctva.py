"""`pipeline("emotion-recognition")`: a conversation in, an emotion for each utterance out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from transformers import Pipeline

from .calibration import calibrated_probabilities, prediction_sets
from .configuration_synctva import MODALITIES
from .conversation_input import is_columns
from .explanation import explain_utterance

_FORM = (
    'expected a conversation, a list of utterances such as ["Hi!", {"text": "Go away.", '
    '"speaker": "Ann"}], or a list of such lists'
)

_PARAMETERS = ("top_k", "calibrate", "abstain_below", "prediction_set")

_READ_FROM_OUTPUT = ("logits", "strengths", "modality_mask")


class EmotionRecognitionPipeline(Pipeline):
    """Emotion of every utterance of a conversation.

    Call it with one conversation (a list of utterances, each a string or a dictionary with any of
    `text`, `speaker`, `text_features`, `visual_features`, `audio_features`) or with many (a list
    of such lists). A conversation may also be a mapping of columns, as a row of `datasets` is. A
    dataset or a generator of conversations is answered lazily, by an iterator.

    Args:
        top_k: 1 for label and score alone; k also for the k best `scores`; None for all of them.
        calibrate: whether the checkpoint's temperature, fitted on dev, is applied to the scores; it
            does not change their order. A checkpoint without one has 1, which changes nothing.
        abstain_below: the label is None where the score is lower than this, a number in [0, 1].
        prediction_set: coverage of the sets of labels, a number in (0, 1); needs a checkpoint that
            has been calibrated.
        batch_size: conversations a forward pass; does not change the answers.

    Returns:
        For one conversation a list with a dictionary an utterance; for many a list of such lists:
        `label`: the likeliest emotion, or None for an abstention; `score`: its probability;
        `scores`: probability by label, likeliest first (unless top_k is 1);
        `prediction_set`: labels, likeliest first, which hold the true one in at least the asked
        share of utterances (if it was asked for): a promise over conversations like those of dev,
        an utterance drawn from each, and not for each utterance, each emotion or other data;
        `strengths`: by modality, the enhancement's strength in [0, 1], 0 where it is missing:
        how far the model opened that modality's gate, not a cause;
        `modalities`: those present; empty where the utterance is answered from its context alone.

    Example:
        >>> from transformers import pipeline
        >>> recognise = pipeline("emotion-recognition")  # doctest: +SKIP
        >>> recognise(["I got the job!", "That is wonderful!"])  # doctest: +SKIP
    """

    # transformers declares these as None and narrower than what it puts in them.
    model: Any
    processor: Any
    _load_processor: Any = True
    _load_tokenizer: Any = False
    _load_feature_extractor: Any = False
    _load_image_processor: Any = False
    _load_video_processor: Any = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.processor is None:
            raise ValueError(
                "processor is None: expected the checkpoint's processor, such as "
                "AutoProcessor.from_pretrained(folder)"
            )

    def _sanitize_parameters(self, **parameters: Any) -> tuple[dict, dict, dict]:
        unknown = sorted(set(parameters) - set(_PARAMETERS))
        if unknown:
            raise TypeError(
                f"unknown arguments {unknown}: expected {', '.join(_PARAMETERS)}, batch_size"
            )
        top_k = parameters.get("top_k")
        if top_k is not None and (
            not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1
        ):
            raise ValueError(f"top_k = {top_k!r}: expected an integer of at least 1, or None")
        calibrate = parameters.get("calibrate", True)
        if not isinstance(calibrate, bool):
            raise ValueError(f"calibrate = {calibrate!r}: expected True or False")
        limit = parameters.get("abstain_below")
        if limit is not None and not (_is_number(limit) and 0 <= limit <= 1):
            raise ValueError(f"abstain_below = {limit!r}: expected a number in [0, 1], or None")
        coverage = parameters.get("prediction_set")
        if coverage is not None:
            if not (_is_number(coverage) and 0 < coverage < 1):
                raise ValueError(
                    f"prediction_set = {coverage!r}: expected a coverage in (0, 1), or None"
                )
            if self.model.config.conformal_thresholds is None:
                raise ValueError(
                    f"prediction_set = {coverage!r}, but the checkpoint's config has no "
                    "conformal_thresholds: expected one that `synctva train` or "
                    "synctva/commands/calibrate.py has calibrated"
                )
        return {}, {}, parameters

    def __call__(  # type: ignore[override]  # no further positional arguments
        self,
        inputs: Any,
        *,
        batch_size: int | None = None,
        num_workers: int | None = None,
        **parameters: Any,
    ) -> Any:
        """Answer one conversation, or many; see the class.

        `num_workers` is accepted as every pipeline does, and not used: texts are embedded a batch
        at a time in this process.
        """
        del num_workers
        _, _, chosen = self._sanitize_parameters(**parameters)
        parameters = {**self._postprocess_params, **chosen}
        batch_size = batch_size or self._batch_size or 1
        if self._is_one(inputs):
            return self.run_single([inputs], {}, {}, parameters)[0]
        answers = self._answer(inputs, batch_size, parameters)
        return list(answers) if isinstance(inputs, list | tuple) else answers

    def explain(self, conversation: Any, utterance: int, label: str | None = None) -> dict:
        """Why an utterance got its label: Shapley values of its modalities, and attention.

        Args:
            conversation: one, as for `__call__`.
            utterance: its number, from 0.
            label: the emotion to explain; default: the likeliest.

        Returns:
            Plain data, see `explain_utterance`.

        Raises:
            ValueError: several conversations, or no such utterance or label.
        """
        if not self._is_one(conversation):
            raise ValueError("explain was given several conversations: expected one")
        inputs = self.preprocess([conversation])
        with self.device_placement():
            inputs = self._ensure_tensor_on_device(inputs, device=self.device)
            return explain_utterance(self.model, inputs, utterance, label)

    def _is_one(self, conversations: Any) -> bool:
        """Whether the input is one conversation. Raises ValueError where it is none at all."""
        if isinstance(conversations, Mapping) and is_columns(conversations):
            return True
        if isinstance(conversations, str | bytes | Mapping):
            raise ValueError(f"the input is {conversations!r}: {_FORM}")
        if not isinstance(conversations, Iterable) and not hasattr(conversations, "__getitem__"):
            raise ValueError(f"the input is a {type(conversations).__name__}: {_FORM}")
        if not isinstance(conversations, list | tuple):
            return False
        if not conversations:
            raise ValueError(f"the input is empty: {_FORM}")
        utterances = [
            isinstance(item, str | Mapping) and not is_columns(item) for item in conversations
        ]
        if any(utterances) and not all(utterances):
            odd = utterances.index(not utterances[0])
            raise ValueError(
                f"the input mixes utterances and conversations (item 0 and item {odd}): {_FORM}"
            )
        return utterances[0]

    def _answer(
        self, conversations: Iterable[Any], batch_size: int, parameters: dict[str, Any]
    ) -> Iterator[list[dict[str, Any]]]:
        """Answers one by one, computed `batch_size` conversations at a time."""
        remaining = iter(conversations)
        done = 0
        while batch := list(islice(remaining, batch_size)):
            yield from self.run_single(batch, {"first_index": done}, {}, parameters)
            done += len(batch)

    # The three steps take and give a batch of conversations.

    def preprocess(  # type: ignore[override]
        self, conversations: Sequence[Any], first_index: int = 0
    ) -> dict[str, Any]:
        batch = self.processor(conversations, device=self.device, first_index=first_index)
        return {name: tensor for name, tensor in batch.items() if name != "labels"}

    def _forward(self, inputs: dict[str, Any]) -> dict[str, Any]:  # type: ignore[override]
        outputs = self.model(**inputs)
        answers = {name: outputs[name] for name in _READ_FROM_OUTPUT}
        return {**answers, "attention_mask": inputs["attention_mask"]}

    def postprocess(  # type: ignore[override]
        self,
        outputs: dict[str, Any],
        top_k: int | None = 1,
        calibrate: bool = True,
        abstain_below: float | None = None,
        prediction_set: float | None = None,
    ) -> list[list[dict[str, Any]]]:
        config = self.model.config
        logits = outputs["logits"].float()  # (B, N, C)
        calibrated = calibrated_probabilities(logits, config.calibration_temperature)
        probabilities = calibrated if calibrate else logits.softmax(-1)
        present = outputs["modality_mask"].bool()  # (B, N, 3)
        strengths = outputs["strengths"].float().masked_fill(~present, 0.0)  # (B, N, 3)
        columns = [probabilities, strengths, present]
        if prediction_set is not None:
            # Of the calibrated probabilities in any case: the thresholds are theirs.
            columns.append(prediction_sets(calibrated, prediction_set, config.conformal_thresholds))
        lengths = outputs["attention_mask"].bool().sum(-1).tolist()
        return [
            [
                self._describe(*values, top_k=top_k, abstain_below=abstain_below)
                for values in zip(*(column[i, :length].tolist() for column in columns), strict=True)
            ]
            for i, length in enumerate(lengths)
        ]

    def _describe(
        self,
        probabilities: list[float],
        strengths: list[float],
        present: list[bool],
        members: list[bool] | None = None,
        *,
        top_k: int | None,
        abstain_below: float | None,
    ) -> dict[str, Any]:
        """One utterance's answer."""
        names = self.model.config.id2label
        order = sorted(range(len(probabilities)), key=lambda c: -probabilities[c])
        score = probabilities[order[0]]
        unsure = abstain_below is not None and score < abstain_below
        answer: dict[str, Any] = {"label": None if unsure else names[order[0]], "score": score}
        if top_k != 1:
            answer["scores"] = {names[c]: probabilities[c] for c in order[:top_k]}
        if members is not None:
            answer["prediction_set"] = [names[c] for c in order if members[c]]
        answer["strengths"] = dict(zip(MODALITIES, strengths, strict=True))
        answer["modalities"] = [
            name for name, here in zip(MODALITIES, present, strict=True) if here
        ]
        return answer

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Save model and processor, with all the code that a checkpoint carries."""
        # Not the base class's: it leaves the processor out, and writes the class names that
        # `pipeline()` has swapped for classes into the model's config.
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


__all__ = ["EmotionRecognitionPipeline"]
