"""The usage section of a model card: code with its real output, plots and an explanation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transformers.utils import logging

from synctva.audio.prosody import PROSODY_MEASURES
from synctva.files import written_whole
from synctva.modeling_synctva.configuration_synctva import SyncTVAConfig
from synctva.modeling_synctva.pipeline_synctva import EmotionRecognitionPipeline
from synctva.plots import plot_attention, plot_shapley, plot_timeline

logger = logging.get_logger(__name__)

CONVERSATION = (
    ("Ann", "I got the job!", (1.2, 68, 9, 290, 70, 260, 4.2, 11)),
    ("Bo", "That is wonderful!", (1.4, 66, 8, 210, 60, 230, 3.9, 9)),
    ("Ann", "But I have to move to Alaska.", (2.1, 58, 7, 190, 25, 110, 3.6, 8)),
    ("Bo", "What? You never told me!", (1.3, 71, 11, 260, 75, 290, 4.8, 6)),
)
"""Invented utterances: speaker, text, and eight plausible prosodic measures."""

EXPLAINED = 2
"""The utterance that the plots explain."""


@dataclass(frozen=True)
class CardExample:
    """A model's answers to `CONVERSATION`.

    Attributes:
        from_text: the pipeline's answer for each utterance, from text only.
        answers: the same with all scores, from text and, if the model reads it, prosody.
        explanation: of utterance `EXPLAINED` in `answers`, see `explain_utterance`.
    """

    from_text: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    explanation: dict[str, Any]


def run_example(model: Any, processor: Any) -> CardExample | None:
    """Let a model answer `CONVERSATION`.

    Args:
        model: a `SyncTVAForEmotionRecognition`; it is put into evaluation mode.
        processor: its `SyncTVAProcessor`.

    Returns:
        None if the model does not read texts, or if its text encoder cannot be loaded.
    """
    if processor.text_encoder is None and processor.text_tokens is None:
        return None
    recognise = EmotionRecognitionPipeline(
        model=model.eval(), processor=processor, device=model.device
    )
    with_text: list[Any] = [{"speaker": name, "text": text} for name, text, _ in CONVERSATION]
    with_prosody = with_text
    if processor.audio_features == list(PROSODY_MEASURES):
        with_prosody = [
            {**item, "audio_features": list(map(float, measures))}
            for item, (_, _, measures) in zip(with_text, CONVERSATION, strict=True)
        ]
    try:
        return CardExample(
            from_text=recognise(with_text),
            answers=recognise(with_prosody, top_k=None),
            explanation=recognise.explain(with_prosody, EXPLAINED),
        )
    except OSError as error:
        logger.warning(f"The card will have no example: {error}")
        return None


EXAMPLE_PLOTS = {
    "timeline.png": "Emotions over the conversation, one panel per speaker",
    "shapley.png": "What each modality adds to the answer",
    "attention.png": "What the utterance attends to",
}
"""Plots of the example, which the model card shows, and their titles."""


def write_example_plots(folder: str | os.PathLike, example: CardExample) -> None:
    """Write `EXAMPLE_PLOTS` into a model folder."""
    figures = (
        plot_timeline(example.answers, [name for name, _, _ in CONVERSATION]),
        plot_shapley(example.explanation),
        plot_attention(example.explanation),
    )
    with written_whole(folder) as unfinished:
        for name, figure in zip(EXAMPLE_PLOTS, figures, strict=True):
            figure.savefig(unfinished / name, dpi=80)


def usage(
    model_name: str,
    results: Mapping[str, Any],
    config: SyncTVAConfig,
    text_encoder: Mapping[str, Any] | None,
    example: CardExample | None,
) -> str:
    """Return the card's section on how to use the model; arguments as for `model_card`."""
    if text_encoder is None and config.text_backbone is None:
        return _use_of_features(model_name, results, config)
    if text_encoder is not None:
        source = f"by `{text_encoder['name']}`, frozen, which is downloaded separately"
    else:
        source = f"by `{config.text_backbone}`, trained with the model and saved in it"
    utterances = "\n".join(
        f'    {{"speaker": "{n}", "text": "{text}"}},' for n, text, _ in CONVERSATION
    )
    lines = [
        "```python\n"
        "from transformers import pipeline\n\n"
        "import synctva  # or, without the package, trust_remote_code=True below\n\n"
        f'recognise = pipeline("emotion-recognition", model="{model_name}")\n'
        f"conversation = [\n{utterances}\n]\n"
        "for utterance, answer in zip(conversation, recognise(conversation)):\n"
        "    print(f\"{answer['label']:8} {answer['score']:.2f}  {utterance['text']}\")\n"
        "```",
    ]
    if example is not None:
        printed = "\n".join(
            f"{answer['label']:8} {answer['score']:.2f}  {text}"
            for answer, (_, text, _) in zip(example.from_text, CONVERSATION, strict=True)
        )
        lines[0] += f"\n```\n{printed}\n```"
    lines.append(
        f"Texts are embedded {source}. "
        "An utterance may also carry `text_features`, `audio_features` and `visual_features`, "
        "and recordings as `audio` and `video` where the processor names the encoder of that "
        "modality. "
        "An answer's `strengths` say how strongly each modality was used, in [0, 1]; they are not "
        "causes."
    )
    if example is not None:
        lines.append(_plots(example))
    return "\n\n".join(lines)


def _plots(example: CardExample) -> str:
    """Return the plots, and in words what they show."""
    read = " and ".join(example.explanation["modalities"])
    invented = ", with invented prosody," if "audio" in example.explanation["modalities"] else ""
    shapley = example.explanation["shapley"]
    added = ", ".join(f"{m} {shapley[m]:+.2f}" for m in example.explanation["modalities"])
    shown = "\n\n".join(f"![{title}]({name})" for name, title in EXAMPLE_PLOTS.items())
    return (
        f"Plots by `synctva.plots` of the same conversation{invented} from {read}: the emotions; "
        f"why utterance {EXPLAINED} got {example.explanation['label']}, according to "
        f"`recognise.explain` (Shapley values in nats: {added}); and the utterances that it "
        f"attends to.\n\n{shown}"
    )


def _use_of_features(model_name: str, results: Mapping[str, Any], config: SyncTVAConfig) -> str:
    widths = {m: config.modality_dims[m] for m in results.get("modalities", [])}
    arguments = ",\n".join(
        f"    {name}_features=torch.randn(1, 5, {width})" for name, width in widths.items()
    )
    return (
        "```python\n"
        "import torch\n"
        "from transformers import AutoModelForTokenClassification\n\n"
        "import synctva  # or, without the package, trust_remote_code=True below\n\n"
        f'model = AutoModelForTokenClassification.from_pretrained("{model_name}").eval()\n'
        f"output = model(  # one conversation of five utterances\n{arguments},\n)\n"
        "print(output.logits.softmax(-1).shape)  # (conversations, utterances, emotions)\n"
        "```\n"
        f"```\ntorch.Size([1, 5, {config.num_labels}])\n```"
    )


__all__ = [
    "CONVERSATION",
    "EXAMPLE_PLOTS",
    "CardExample",
    "run_example",
    "usage",
    "write_example_plots",
]
