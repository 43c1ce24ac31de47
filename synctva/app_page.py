"""The demo page, which `synctva app` serves: its fields, and what it shows as HTML."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from synctva import MODALITIES, EmotionRecognitionPipeline
from synctva.modeling_synctva.configuration_synctva import how_to_install
from synctva.modeling_synctva.explanation import explain_utterance
from synctva.plots import plot_attention, plot_scores, plot_shapley, plot_timeline
from synctva.plots.html import STYLE, panels, plot, table
from synctva.transcripts.line import TIMED_EXAMPLE, Line
from synctva.transcripts.reading import read_text

CONVERSATION = """\
Ann: I got the job! Can you believe it?
Bo: That is wonderful! I knew you would.
Ann: There is one thing: it is in Alaska.
Bo: What? You never said a word about that!
Ann: I am so sorry. I was afraid to tell you.
Bo: Well, I suppose they have aeroplanes there.
"""
"""The text in the field when the page opens."""

INTRODUCTION = """\
# Emotions in a conversation
The emotion that Sync-TVA recognises in each utterance, from {modalities}, and why.

**For research.** A score is the probability that an annotator would have chosen the label, not a
measurement of what someone feels. The shipped model was trained on a television comedy in English;
it recognises fear and disgust poorly. Inferring the emotions of people at work or in education is
banned in the European Union."""

KEPT = 3600
"""Seconds after which an uploaded recording is deleted."""

PAGE_STYLE = (
    STYLE
    + """
.message {padding: 6px 12px; white-space: pre-line; border-left: 4px solid #0072B2}
.message[role=alert] {border-color: #D55E00}
:focus-visible {outline: 3px solid #0072B2 !important; outline-offset: 2px}
"""
)


def import_gradio() -> Any:
    """Import Gradio, with its reports of usage switched off.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise ImportError(f"the page needs Gradio: {how_to_install('app')}") from error
    return gradio


def build_page(recognise: EmotionRecognitionPipeline) -> Any:
    """Return the page, a `gradio.Blocks` to launch."""
    gr = import_gradio()
    modalities = [name for name, width in recognise.processor.widths.items() if width is not None]

    def on_recognise(transcript: str, recording: str | None) -> list[Any]:
        try:
            analysis = analyse(recognise, transcript, recording)
        except (ValueError, OSError, ImportError) as error:
            hidden = gr.Column(visible=False)
            return [message(str(error), "alert"), hidden, None, gr.skip(), gr.skip(), gr.skip()]
        last = len(analysis.lines) - 1
        return [
            message(
                "\n".join([f"{last + 1} utterances; their emotions are below.", *analysis.notes]),
                "status",
            ),
            gr.Column(visible=True),
            analysis,
            show_timeline(analysis),
            gr.Dropdown(choices=analysis.choices, value=last),
            show_utterance(recognise, analysis, last),
        ]

    def on_choose(analysis: Analysis, utterance: int) -> str:
        return show_utterance(recognise, analysis, utterance)

    with gr.Blocks(
        title="Emotions in a conversation",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(KEPT // 2, KEPT),
    ) as page:
        gr.Markdown(INTRODUCTION.format(modalities=" and ".join(modalities)))
        with gr.Row():
            transcript = gr.Textbox(
                CONVERSATION,
                label="Conversation, one line per utterance",
                info="Speaker: sentence, or only the sentence. With a recording, each line begins "
                f"with its times in seconds ({TIMED_EXAMPLE}). Subtitles and other transcripts are "
                "read as well.",
                lines=7,
                max_lines=12,
                scale=2,
            )
            recording = gr.File(
                label="Recording, audio or video (optional)",
                file_types=["audio", "video"],
                height=150,
            )
        button = gr.Button("Recognise emotions (Shift+Enter in the text)", variant="primary")
        status = gr.HTML()
        analysis = gr.State()
        with gr.Column(visible=False) as results:
            timeline = gr.HTML()
            chosen = gr.Dropdown(label="Utterance to explain", interactive=True)
            explained = gr.HTML()
        gr.on(
            [button.click, transcript.submit],
            on_recognise,
            [transcript, recording],
            [status, results, analysis, timeline, chosen, explained],
            api_visibility="private",
        )
        chosen.input(on_choose, [analysis, chosen], explained, api_visibility="private")
    return page


@dataclass(frozen=True)
class Analysis:
    """A conversation with the model's answers.

    Attributes:
        lines: the typed lines, one per utterance.
        inputs: the model's input tensors, kept so that a recording is read only once.
        answers: of the pipeline, with all scores.
        notes: what was not read of the transcript.
    """

    lines: list[Line]
    inputs: dict[str, Any]
    answers: list[dict[str, Any]]
    notes: Sequence[str] = ()

    @property
    def choices(self) -> list[tuple[str, int]]:
        """Title and number of each utterance."""
        return [
            (f"{i}. {line.speaker + ': ' if line.speaker else ''}{line.text}", i)
            for i, line in enumerate(self.lines)
        ]


def analyse(
    recognise: EmotionRecognitionPipeline, transcript: str, recording: str | None = None
) -> Analysis:
    """Recognise the emotions of a typed conversation, with its recording if there is one.

    Raises:
        ValueError: a line cannot be read, or its times lie outside the recording.
    """
    read = read_text(transcript, timed=recording is not None)
    lines = read.conversations[0]
    media = [
        {"video": recording, "start": line.start, "end": line.end}
        if recording and line.start is not None
        else {}
        for line in lines
    ]
    conversation = [
        {"text": line.text, "speaker": line.speaker, **clip}
        for line, clip in zip(lines, media, strict=True)
    ]
    try:
        inputs = recognise.preprocess([conversation])
    except ValueError as error:
        # Name the line and the file as the user knows them.
        text = re.sub(
            r"conversation 0, utterance (\d+)",
            lambda match: f"line {lines[int(match[1])].number}",
            str(error).replace(recording or "\0", Path(recording or "").name),
        )
        raise ValueError(text) from error
    answers = recognise.postprocess(recognise.forward(inputs), top_k=None)[0]
    return Analysis(lines, inputs, answers, read.notes)


def show_timeline(analysis: Analysis) -> str:
    """Return the emotions of the conversation as HTML."""
    answers = analysis.answers
    speakers = [line.speaker for line in analysis.lines]
    labels = sorted(answers[0]["scores"])
    rows = (
        [
            i,
            line.speaker or "",
            line.text,
            a["label"] if a["informative"] else f"{a['label']} (says little)",
            f"{a['score']:.2f}",
            ", ".join(a["modalities"]),
            "; ".join(a["cautions"]),
        ]
        for i, (line, a) in enumerate(zip(analysis.lines, answers, strict=True))
    )
    return panels(
        plot(
            plot_timeline(answers, speakers if any(speakers) else None),
            "Timeline: each emotion's score, by speaker",
            ["utterance", *labels],
            ([i, *(f"{a['scores'][name]:.2f}" for name in labels)] for i, a in enumerate(answers)),
        ),
        table(
            "Emotions",
            ["utterance", "speaker", "text", "emotion", "score", "modalities", "cautions"],
            rows,
        ),
    )


def show_utterance(
    recognise: EmotionRecognitionPipeline, analysis: Analysis, utterance: int
) -> str:
    """Return an utterance's scores, Shapley values and attention as HTML."""
    answer = analysis.answers[utterance]
    tensors = {name: value for name, value in analysis.inputs.items() if hasattr(value, "to")}
    inputs = {name: tensor.to(recognise.device) for name, tensor in tensors.items()}
    explanation = explain_utterance(recognise.model, inputs, utterance)
    shapley, present = explanation["shapley"], explanation["modalities"]
    edge = ["layer", "source_utterance", "source_modality", "destination_modality", "relation"]
    return panels(
        plot(
            plot_scores(answer),
            f"Scores of utterance {utterance}",
            ["emotion", "score"],
            ([name, f"{score:.2f}"] for name, score in answer["scores"].items()),
        ),
        plot(
            plot_shapley(explanation),
            f"What each modality adds to “{explanation['label']}” (Shapley values)",
            ["modality", "Shapley value, nats"],
            ([m, f"{shapley[m]:+.2f}" if m in present else "missing"] for m in MODALITIES),
        ),
        plot(
            plot_attention(explanation),
            f"What utterance {utterance} attends to (attention weights, not causes)",
            [*(name.replace("_", " ") for name in edge), "attention"],
            ([*(e[k] for k in edge), f"{e['attention']:.3f}"] for e in explanation["edges"]),
        ),
    )


def message(text: str, role: str) -> str:
    """Return a message as HTML, which a screen reader reads out."""
    return f'<p class="message" role="{role}">{escape(text)}</p>'
