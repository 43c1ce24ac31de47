"""How to use a model, for its card: code, and what it really prints, draws and explains."""

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
"""Invented: who speaks, what, and the eight prosodic measures that it might have been said with."""

EXPLAINED = 2
"""The utterance that the plots explain."""


@dataclass(frozen=True)
class CardExample:
    """What a model answers to `CONVERSATION`.

    Attributes:
        from_text: the pipeline's answers to what was said, one an utterance, best labels first.
        answers: the same with all scores, to text and, where the model reads it, prosody.
        explanation: of utterance `EXPLAINED` of the latter, see `explain_utterance`.
    """

    from_text: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    explanation: dict[str, Any]


def run_example(model: Any, processor: Any) -> CardExample | None:
    """Answer `CONVERSATION`.

    Args:
        model: a `SyncTVAForEmotionRecognition`; is put into evaluation mode.
        processor: its `SyncTVAProcessor`.

    Returns:
        None where the model reads no texts, or its text encoder is not to be had here.
    """
    if processor.text_encoder is None and processor.text_tokens is None:
        return None
    recognise = EmotionRecognitionPipeline(
        model=model.eval(), processor=processor, device=model.device
    )
    told: list[Any] = [{"speaker": name, "text": text} for name, text, _ in CONVERSATION]
    heard = told
    if processor.audio_features == list(PROSODY_MEASURES):
        heard = [
            {**item, "audio_features": list(map(float, measures))}
            for item, (_, _, measures) in zip(told, CONVERSATION, strict=True)
        ]
    try:
        return CardExample(
            from_text=recognise(told),
            answers=recognise(heard, top_k=None),
            explanation=recognise.explain(heard, EXPLAINED),
        )
    except OSError as error:
        logger.warning(f"The card goes without an example: {error}")
        return None


EXAMPLE_PLOTS = {
    "timeline.png": "Emotions over the conversation, a panel a speaker",
    "strengths.png": "What each modality adds",
    "attention.png": "What the utterance attends to",
}
"""Plots of the example beside a model, which its card shows, and their titles."""


def write_example_plots(folder: str | os.PathLike, example: CardExample) -> None:
    """Write `EXAMPLE_PLOTS` into a model folder that exists."""
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
    """The section of the card that says how to use the model; arguments are `model_card`'s."""
    if text_encoder is None and config.text_backbone is None:
        return _use_of_features(model_name, results, config)
    if text_encoder is not None:
        source = f"by `{text_encoder['name']}`, frozen, which is fetched separately"
    else:
        source = f"by `{config.text_backbone}`, trained with the model and saved in it"
    said = "\n".join(f'    {{"speaker": "{n}", "text": "{text}"}},' for n, text, _ in CONVERSATION)
    lines = [
        "```python\n"
        "from transformers import pipeline\n\n"
        "import synctva  # or, without the package, trust_remote_code=True below\n\n"
        f'recognise = pipeline("emotion-recognition", model="{model_name}")\n'
        f"conversation = [\n{said}\n]\n"
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
        "An answer's `strengths` are gate values in [0, 1], not causes."
    )
    if example is not None:
        lines.append(_plots(example))
    return "\n\n".join(lines)


def _plots(example: CardExample) -> str:
    """What the plots show, in words too."""
    read = " and ".join(example.explanation["modalities"])
    invented = ", with invented prosody," if "audio" in example.explanation["modalities"] else ""
    shapley = example.explanation["shapley"]
    added = ", ".join(f"{m} {shapley[m]:+.2f}" for m in example.explanation["modalities"])
    shown = "\n\n".join(f"![{title}]({name})" for name, title in EXAMPLE_PLOTS.items())
    return (
        f"The same conversation{invented} in plots (`synctva.plots`), from {read}: the "
        f"emotions; why utterance {EXPLAINED} got {example.explanation['label']} by "
        f"`recognise.explain` (Shapley values in nats: {added}); and which utterances it attended "
        f"to.\n\n{shown}"
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
