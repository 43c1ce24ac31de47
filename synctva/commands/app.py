"""Show the emotions of a conversation on a page in the browser, and why.

    synctva app                          # http://127.0.0.1:7860, for this machine alone
    synctva app --model runs/meld-seed0 --port 8000
    synctva app --write_space space      # a folder to upload as a Space of the Hub

Needs Gradio: pip install 'synctva[app]'. docs/app.md says more.
"""

from __future__ import annotations

import argparse
import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from transformers import pipeline
from transformers.utils import logging

from synctva import MODALITIES, EmotionRecognitionPipeline
from synctva.modeling_synctva.explanation import explain_utterance
from synctva.plots import plot_attention, plot_scores, plot_shapley, plot_timeline
from synctva.plots.html import STYLE, panels, plot, table
from synctva.recordings.transcripts import TIMED_EXAMPLE, Line, parse_transcript
from synctva.space import write_space

CONVERSATION = """\
Ann: I got the job! Can you believe it?
Bo: That is wonderful! I knew you would.
Ann: There is one thing: it is in Alaska.
Bo: What? You never said a word about that!
Ann: I am so sorry. I was afraid to tell you.
Bo: Well, I suppose they have aeroplanes there.
"""
"""What stands in the field at first."""

INTRODUCTION = """\
# Emotions in a conversation
What Sync-TVA takes each utterance for, from {modalities}, and why.

**For research.** A score is the probability of a label that annotators would have given, not a
measurement of what someone feels. The model that ships has learned from a television comedy in
English; fear and disgust are poorly recognised. Inferring emotions of people at work or in
education is banned in the European Union."""

KEPT = 3600
"""Seconds until an uploaded recording is deleted."""

MESSAGE_STYLE = """
.message {padding: 6px 12px; white-space: pre-line; border-left: 4px solid #0072B2}
.message[role=alert] {border-color: #D55E00}
:focus-visible {outline: 3px solid #0072B2 !important; outline-offset: 2px}
"""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva app", description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="model folder or Hub name; default: the shipped one")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: other machines may connect")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    parser.add_argument("--write_space", type=Path, help="write a Space into this folder, and end")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    if options.write_space:
        write_space(options.write_space, options.model)
        print(f"hf upload --repo-type space <user/name> {options.write_space} .")
        return
    gradio = import_gradio()
    # Letters that its font lacks are the browser's to draw.
    warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
    logging.disable_progress_bar()
    page = build_page(pipeline("emotion-recognition", model=options.model))
    page.launch(
        server_name=options.host,
        server_port=options.port,
        share=False,
        show_error=True,
        max_file_size="500mb",
        footer_links=[],
        # Darker than Gradio's: what has to be read stands out from its ground by 4.5 to 1.
        theme=gradio.themes.Default(primary_hue="blue").set(
            button_primary_background_fill="*primary_700",
            button_primary_background_fill_hover="*primary_800",
            block_info_text_color="*neutral_600",
        ),
        css=STYLE + MESSAGE_STYLE,
    )


def import_gradio() -> Any:
    """Gradio, which only the page needs; it reports to nobody that it is used."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise ImportError("the page needs Gradio: pip install 'synctva[app]'") from error
    return gradio


def build_page(recognise: EmotionRecognitionPipeline) -> Any:
    """The page, a `gradio.Blocks` to launch."""
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
            message(f"{last + 1} utterances; their emotions are below.", "status"),
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
                label="Conversation, a line an utterance",
                info="Speaker: sentence, or the sentence alone. With a recording each line begins "
                f"with its times in seconds ({TIMED_EXAMPLE}), or paste SRT subtitles.",
                lines=7,
                max_lines=12,
                scale=2,
            )
            recording = gr.File(
                label="Recording, sound or video (optional)",
                file_types=["audio", "video"],
                height=150,
            )
        button = gr.Button("Recognise emotions (Shift+Enter in the text)", variant="primary")
        said = gr.HTML()
        analysis = gr.State()
        with gr.Column(visible=False) as results:
            timeline = gr.HTML()
            chosen = gr.Dropdown(label="Utterance to explain", interactive=True)
            explained = gr.HTML()
        gr.on(
            [button.click, transcript.submit],
            on_recognise,
            [transcript, recording],
            [said, results, analysis, timeline, chosen, explained],
            api_visibility="private",
        )
        chosen.input(on_choose, [analysis, chosen], explained, api_visibility="private")
    return page


@dataclass(frozen=True)
class Analysis:
    """A conversation that was answered.

    Attributes:
        lines: what was typed, an utterance each.
        inputs: the model's tensors, so that a recording is read once.
        answers: the pipeline's, with all scores.
    """

    lines: list[Line]
    inputs: dict[str, Any]
    answers: list[dict[str, Any]]

    @property
    def choices(self) -> list[tuple[str, int]]:
        """What each utterance is called, and its number."""
        return [
            (f"{i}. {line.speaker + ': ' if line.speaker else ''}{line.text}", i)
            for i, line in enumerate(self.lines)
        ]


def analyse(
    recognise: EmotionRecognitionPipeline, transcript: str, recording: str | None = None
) -> Analysis:
    """Recognise the emotions of a typed conversation, with its recording if there is one.

    Raises:
        ValueError: a line that cannot be read, or whose times the recording does not have.
    """
    lines = parse_transcript(transcript, timed=recording is not None)
    media = [
        {"video": recording, "start": line.start, "end": line.end} if recording else {}
        for line in lines
    ]
    conversation = [
        {"text": line.text, "speaker": line.speaker, **clip}
        for line, clip in zip(lines, media, strict=True)
    ]
    try:
        inputs = recognise.preprocess([conversation])
    except ValueError as error:
        # By the line and the file that the person knows.
        text = re.sub(
            r"conversation 0, utterance (\d+)",
            lambda match: f"line {lines[int(match[1])].number}",
            str(error).replace(recording or "\0", Path(recording or "").name),
        )
        raise ValueError(text) from error
    return Analysis(lines, inputs, recognise.postprocess(recognise.forward(inputs), top_k=None)[0])


def show_timeline(analysis: Analysis) -> str:
    """The emotions of the conversation as HTML."""
    answers = analysis.answers
    speakers = [line.speaker for line in analysis.lines]
    labels = sorted(answers[0]["scores"])
    said = ([i, line.speaker or "", line.text] for i, line in enumerate(analysis.lines))
    found = ([a["label"], f"{a['score']:.2f}", ", ".join(a["modalities"])] for a in answers)
    return panels(
        plot(
            plot_timeline(answers, speakers if any(speakers) else None),
            "Timeline: each emotion's score, by speaker",
            ["utterance", *labels],
            ([i, *(f"{a['scores'][name]:.2f}" for name in labels)] for i, a in enumerate(answers)),
        ),
        table(
            "Emotions",
            ["utterance", "speaker", "said", "emotion", "score", "from"],
            ([*one, *other] for one, other in zip(said, found, strict=True)),
        ),
    )


def show_utterance(
    recognise: EmotionRecognitionPipeline, analysis: Analysis, utterance: int
) -> str:
    """An utterance's scores, its modalities' strengths and its attention as HTML."""
    answer = analysis.answers[utterance]
    inputs = {name: tensor.to(recognise.device) for name, tensor in analysis.inputs.items()}
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
            f"What each modality adds to “{explanation['label']}” (Shapley values, not calibrated)",
            ["modality", "Shapley value, nats"],
            ([m, f"{shapley[m]:+.2f}" if m in present else "missing"] for m in MODALITIES),
        ),
        plot(
            plot_attention(explanation),
            f"Where utterance {utterance} looked (attention; not what it found there)",
            [*(name.replace("_", " ") for name in edge), "attention"],
            ([*(e[k] for k in edge), f"{e['attention']:.3f}"] for e in explanation["edges"]),
        ),
    )


def message(text: str, role: str) -> str:
    """What the person at the page has to know; a screen reader reads it out."""
    return f'<p class="message" role="{role}">{escape(text)}</p>'
