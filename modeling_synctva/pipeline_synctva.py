"""The pipeline "emotion-recognition", which returns an emotion for each utterance."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from transformers import Pipeline

from .calibration import (
    INFORMATIVE_FROM,
    calibrated_probabilities,
    distance_from_base_rates,
    prediction_sets,
    warn_of_renamed_labels,
)
from .configuration_synctva import MODALITIES
from .conversation_input import file_advice, is_columns, is_recording, is_turn, read_table
from .explanation import explain_utterance
from .text_encoder import PRECISIONS

_FORM = (
    'expected a conversation, a list of utterances such as ["Hi!", {"text": "Go away.", '
    '"speaker": "Ann"}], or a list of such lists'
)

_PARAMETERS = ("top_k", "calibrate", "abstain_below", "prediction_set", "precision")

_READ_FROM_OUTPUT = ("logits", "strengths", "modality_mask")

_SAID = ("said", "cautions", "precision")
"""What `preprocess` returns beside tensors: see `SyncTVAProcessor.read`."""

ROW = (
    *("conversation", "utterance", "speaker", "text", "start", "end"),
    *("label", "score", "prediction_set", "informative", "cautions", "precision"),
    *(f"strength_{name}" for name in MODALITIES),
)
"""Columns of a table of answers, before the score of each label."""


class _AsSet:
    """The default of an argument that falls back to what `pipeline()` was given."""

    def __repr__(self) -> str:
        return "as set"


AS_SET: Any = _AsSet()


class EmotionRecognitionPipeline(Pipeline):
    """Recognise the emotion of every utterance of a conversation.

    Call it with one conversation (a list of utterances, each a string, a tuple (speaker, text) or a
    dictionary with any of `text`, `speaker`, `audio`, `video`, `channel`, `start`, `end`,
    `text_features`, `visual_features`, `audio_features`) or with several (a list of such lists). A
    conversation may also be a mapping of columns, such as a row of `datasets`, or a recording: a
    `pathlib.Path`, or {"recording": path} with any of `speakers`, `language` and `transcript`,
    whose words are recognised first, see `synctva.transcribe`. A plain string is never opened as a
    file. A `pandas.DataFrame` or a dataset with an utterance per row is one conversation, or with a
    column `dialogue_id` several. For a dataset or a generator of conversations, it returns an
    iterator that computes the answers lazily.

    Args:
        top_k: 1 for only the label and its score, k to add the `scores` of the k likeliest labels,
            None for those of all labels.
        calibrate: whether to apply the checkpoint's temperature, which was fitted on dev. It does
            not change the order of the scores. Uncalibrated checkpoints have a temperature of 1.
        abstain_below: the label is None if its score is below this number in [0, 1].
        prediction_set: coverage of the prediction sets, in (0, 1); needs a calibrated checkpoint.
        batch_size: number of conversations in a forward pass, which changes the answers by rounding
            errors only; default: 32, or 1 where the input does not say how many there are.
        precision: "auto" for a frozen text encoder in bfloat16 where that is faster and agrees with
            float32, see `TextEncoder.fast_precision`; or "float32".

    Returns:
        For one conversation, a list with a dictionary for each utterance; for several, a list of
        such lists. The dictionaries have
        `speaker`, `text`, `start` and `end` in seconds, where the utterance has them;
        `label`: the likeliest emotion, or None for an abstention; `score`: its probability;
        `scores`: the probabilities by label, likeliest first (unless top_k is 1);
        `prediction_set`, if requested: labels, likeliest first. For conversations like those of dev
        and an utterance drawn at random from each, the set contains the true label with at least
        the requested probability. This does not hold for each utterance, for each emotion or for
        other data; None where the text could not be read, see `cautions`;
        `strengths`: the enhancement's strength in [0, 1] for each modality, 0 if it is missing: how
        far the model opened that modality's gate, which need not be a cause of the label;
        `modalities`: those present; empty if the utterance is recognised only from its context;
        `informative`: False if the answer says nothing of this utterance: the probabilities are
        close to the base rates of training or to equal shares, see `distance_from_base_rates`, or
        no modality is present;
        `cautions`: short sentences on why the answer rests on less than it seems;
        `precision`: "bfloat16" or "float32", in which the text encoder computed.

    Example:
        >>> from transformers import pipeline
        >>> recognise = pipeline("emotion-recognition")  # doctest: +SKIP
        >>> recognise(["I got the job!", "That is wonderful!"])  # doctest: +SKIP
    """

    # transformers annotates these with narrower types than it assigns.
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
                    "conformal_thresholds: expected a checkpoint calibrated by `synctva train` or "
                    "`synctva calibrate`"
                )
        precision = parameters.pop("precision", None)
        if precision not in (None, *PRECISIONS):
            raise ValueError(f"precision = {precision!r}: expected one of {PRECISIONS}")
        return {} if precision is None else {"precision": precision}, {}, parameters

    def __call__(  # type: ignore[override]  # no further positional arguments
        self,
        inputs: Any,
        *,
        top_k: int | None = AS_SET,
        calibrate: bool = AS_SET,
        abstain_below: float | None = AS_SET,
        prediction_set: float | None = AS_SET,
        precision: str = AS_SET,
        as_frame: bool = False,
        batch_size: int | None = None,
        num_workers: int | None = None,
    ) -> Any:
        """Recognise the emotions of one or several conversations; see the class.

        Args:
            inputs: a conversation, or several.
            top_k, calibrate, abstain_below, prediction_set, precision, batch_size: see the class;
                default: what `pipeline()` was given.
            as_frame: return a `pandas.DataFrame` with a row for each utterance, see `answer_rows`.
            num_workers: accepted, as by every pipeline, but not used: texts are embedded in batches
                in this process.

        Raises:
            ValueError: the input is no conversation, a field of an utterance has the wrong type, or
                an argument is out of range.
            ImportError: `as_frame`, and pandas is not installed.
        """
        del num_workers
        given = {
            "top_k": top_k,
            "calibrate": calibrate,
            "abstain_below": abstain_below,
            "prediction_set": prediction_set,
            "precision": precision,
        }
        before, _, after = self._sanitize_parameters(
            **{name: value for name, value in given.items() if value is not AS_SET}
        )
        parameters = {**self._postprocess_params, **after}
        frame = _pandas().DataFrame if as_frame else None
        inputs = read_table(inputs)
        is_one = self._is_one(inputs)
        # Answers to a stream of conversations are not held back.
        batch_size = batch_size or self._batch_size or (32 if hasattr(inputs, "__len__") else 1)
        before = {**self._preprocess_params, **before}
        answers = self._answer([inputs] if is_one else inputs, batch_size, before, parameters)
        if frame is not None:
            labels = self.model.config.id2label.values()
            scores = [f"score_{label}" for label in labels if parameters.get("top_k", 1) != 1]
            return frame(answer_rows(answers), columns=[*ROW, *scores])
        if is_one:
            return next(answers)
        return list(answers) if isinstance(inputs, list | tuple) else answers

    def explain(self, conversation: Any, utterance: int, label: str | None = None) -> dict:
        """Explain an utterance's label: Shapley values of its modalities, and attention.

        Args:
            conversation: a single conversation, as for `__call__`.
            utterance: index of the utterance, from 0, or from the end: -1 is the last.
            label: the emotion to explain; default: the likeliest.

        Returns:
            Plain data, see `explain_utterance`, and the answer's `cautions`.

        Raises:
            ValueError: there are several conversations, or there is no such utterance or label.
        """
        conversation = read_table(conversation)
        if not self._is_one(conversation):
            raise ValueError("the input holds several conversations: expected one")
        inputs = self.preprocess([conversation], **self._preprocess_params)
        with self.device_placement():
            tensors = self._ensure_tensor_on_device(_tensors(inputs), device=self.device)
            explanation = explain_utterance(self.model, tensors, utterance, label)
        cautions = _cautions(
            inputs["cautions"][0].get(explanation["utterance"]),
            explanation["informative"],
            explanation["modalities"],
        )
        return {**explanation, "cautions": cautions}

    def _is_one(self, conversations: Any) -> bool:
        """Return whether the input is one conversation, and not several.

        Raises:
            ValueError: the input is neither.
        """
        if is_recording(conversations) or is_columns(conversations):
            return True
        if isinstance(conversations, str | bytes | Mapping):
            advice = file_advice(conversations) if isinstance(conversations, str) else None
            expected = _FORM if advice is None else f"expected {advice[1]}"
            raise ValueError(f"the input is {conversations!r}: {expected}")
        is_iterable = isinstance(conversations, Iterable) or hasattr(conversations, "__getitem__")
        if not is_iterable or getattr(conversations, "ndim", 1) == 0:
            raise ValueError(f"the input is of type {type(conversations).__name__}: {_FORM}")
        if not isinstance(conversations, list | tuple):
            return False
        if not conversations:
            raise ValueError(f"the input is empty: {_FORM}")
        utterances = [
            is_turn(item)
            or (isinstance(item, str | Mapping) and not is_columns(item) and not is_recording(item))
            for item in conversations
        ]
        if any(utterances) and not all(utterances):
            odd = utterances.index(not utterances[0])
            raise ValueError(
                f"the input mixes utterances and conversations (item 0 and item {odd}): {_FORM}"
            )
        return utterances[0]

    def _answer(
        self,
        conversations: Iterable[Any],
        batch_size: int,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the answers, computed in batches of `batch_size` conversations."""
        remaining = iter(conversations)
        done = 0
        while batch := list(islice(remaining, batch_size)):
            yield from self.run_single(batch, {"first_index": done, **before}, {}, after)
            done += len(batch)

    # The next three methods process a batch of conversations, not a single one.

    def preprocess(  # type: ignore[override]
        self, conversations: Sequence[Any], first_index: int = 0, precision: str = "auto"
    ) -> dict[str, Any]:
        batch, said, cautions, used = self.processor.read(
            conversations, device=self.device, first_index=first_index, precision=precision
        )
        tensors = {name: tensor for name, tensor in batch.items() if name != "labels"}
        return {**tensors, "said": said, "cautions": cautions, "precision": used}

    def _forward(self, inputs: dict[str, Any]) -> dict[str, Any]:  # type: ignore[override]
        outputs = self.model(**_tensors(inputs))
        answers = {name: outputs[name] for name in _READ_FROM_OUTPUT}
        return {**answers, **{name: inputs[name] for name in ("attention_mask", *_SAID)}}

    def postprocess(  # type: ignore[override]
        self,
        outputs: dict[str, Any],
        top_k: int | None = 1,
        calibrate: bool = True,
        abstain_below: float | None = None,
        prediction_set: float | None = None,
    ) -> list[list[dict[str, Any]]]:
        config = self.model.config
        if calibrate or prediction_set is not None:
            warn_of_renamed_labels(config)
        logits = outputs["logits"].float()  # (B, N, C)
        calibrated = calibrated_probabilities(logits, config.calibration_temperature)
        probabilities = calibrated if calibrate else logits.softmax(-1)
        present = outputs["modality_mask"].bool()  # (B, N, 3)
        strengths = outputs["strengths"].float().masked_fill(~present, 0.0)  # (B, N, 3)
        distance = distance_from_base_rates(calibrated, self.model.class_prior)
        informative = (distance >= INFORMATIVE_FROM) & present.any(-1)  # (B, N)
        columns = [probabilities, strengths, present, informative]
        if prediction_set is not None:
            # Always from calibrated probabilities, because the thresholds were fitted on them.
            columns.append(prediction_sets(calibrated, prediction_set, config.conformal_thresholds))
        lengths = outputs["attention_mask"].bool().sum(-1).tolist()
        return [
            [
                outputs["said"][i][t]
                | self._describe(
                    outputs["cautions"][i].get(t),
                    *values,
                    top_k=top_k,
                    abstain_below=abstain_below,
                )
                | {"precision": outputs["precision"]}
                for t, values in enumerate(
                    zip(*(column[i, :length].tolist() for column in columns), strict=True)
                )
            ]
            for i, length in enumerate(lengths)
        ]

    def _describe(
        self,
        unread: str | None,
        probabilities: list[float],
        strengths: list[float],
        present: list[bool],
        informative: bool,
        members: list[bool] | None = None,
        *,
        top_k: int | None,
        abstain_below: float | None,
    ) -> dict[str, Any]:
        """Return the answer for one utterance."""
        names = self.model.config.id2label
        order = sorted(range(len(probabilities)), key=lambda c: -probabilities[c])
        score = probabilities[order[0]]
        unsure = abstain_below is not None and score < abstain_below
        answer: dict[str, Any] = {"label": None if unsure else names[order[0]], "score": score}
        if top_k != 1:
            answer["scores"] = {names[c]: probabilities[c] for c in order[:top_k]}
        if members is not None:
            likely = [names[c] for c in order if members[c]]
            answer["prediction_set"] = None if unread else likely
        answer["strengths"] = dict(zip(MODALITIES, strengths, strict=True))
        answer["modalities"] = [
            name for name, is_present in zip(MODALITIES, present, strict=True) if is_present
        ]
        answer["informative"] = informative
        answer["cautions"] = _cautions(unread, informative, answer["modalities"])
        return answer

    def __repr__(self) -> str:
        config = self.model.config
        kind = str(self.model.dtype).removeprefix("torch.")
        defaults = dict.fromkeys(("abstain_below", "prediction_set"))
        settings = {"top_k": 1, "calibrate": True, **defaults, **self._postprocess_params}
        lines = {
            "model": f"{config.name_or_path or type(self.model).__name__}, {kind} on {self.device}",
            **self.processor.inputs(),
            "labels": ", ".join(config.label_names),
            "calibration": f"temperature {config.calibration_temperature:.2f}, "
            f"{'no ' * (config.conformal_thresholds is None)}prediction sets",
            "settings": ", ".join(f"{name}={value!r}" for name, value in settings.items()),
        }
        return "\n  ".join(
            [type(self).__name__, *(f"{name}: {text}" for name, text in lines.items())]
        )

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Save the model and the processor, with the code that a checkpoint carries."""
        # Not the base class's method, which leaves out the processor and fails on the model's
        # config, in which `pipeline()` has replaced class names by classes.
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)


def answer_rows(answers: Iterable[Iterable[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the answers for several conversations as rows of a table, one for each utterance.

    Conversations and utterances are counted from 0. The labels of a prediction set are separated by
    spaces, and cautions by semicolons. Scores and strengths have a column for each label and
    modality: `score_joy`, `strength_text`. Other fields of an answer stay as they are.
    """
    for conversation, emotions in enumerate(answers):
        for utterance, answer in enumerate(emotions):
            row = {"conversation": conversation, "utterance": utterance, **answer}
            for name, separator in (("prediction_set", " "), ("cautions", "; ")):
                row[name] = None if answer.get(name) is None else separator.join(answer[name])
            for name, values in (("strength", "strengths"), ("score", "scores")):
                row |= {f"{name}_{key}": value for key, value in row.pop(values, {}).items()}
            row.pop("modalities", None)
            yield row


def _tensors(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model's inputs of those that `preprocess` returns."""
    return {name: value for name, value in inputs.items() if name not in _SAID}


def _cautions(unread: str | None, informative: bool, modalities: Sequence[str]) -> list[str]:
    """Return sentences on why an answer rests on less than it seems."""
    if not modalities:
        own = "nothing of the utterance was read: the answer comes from the conversation alone"
    elif not informative:
        own = "the answer is close to the base rates of training: it says nothing of the utterance"
    else:
        own = None
    return [caution for caution in (unread, own) if caution]


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "as_frame = True: expected the package pandas. Install it with: pip install pandas"
        ) from error
    return pandas


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


__all__ = ["ROW", "EmotionRecognitionPipeline", "answer_rows"]
