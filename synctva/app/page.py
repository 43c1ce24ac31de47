"""The layout of the page, and what happens when its buttons are pressed."""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from synctva import EmotionRecognitionPipeline
from synctva.answer_files import FORMS
from synctva.modeling_synctva.configuration_synctva import how_to_install
from synctva.plots.html import STYLE
from synctva.report import report_page
from synctva.temporary import private_folder
from synctva.transcripts.line import TIMED_EXAMPLE

from .analysis import Analysis, Stopped, analyse_recording, analyse_text
from .explanation import show_explanation, show_utterances

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
# Who felt what, and when?
Choose a recording, or type a conversation. You get a timeline of the emotions that each utterance
seems to show, and why.

**For research: it makes mistakes, and it does not know what anybody feels.** Inferring the emotions
of people at work or in education is banned in the European Union."""

MORE = """\
- It goes by {modalities}, and by the conversation around each utterance.
- A percentage is the probability that a person who hears or reads the utterance would choose this
  name for it. It is not a measurement of what somebody feels.
- The model that ships with Sync-TVA has learnt from a television comedy in English. It recognises
  fear and disgust poorly, and other languages hardly. Words and speakers that were recognised from
  sound may be wrong, too.
- Recordings and texts stay on the computer that serves this page, in a folder that only its user
  can open. They are deleted after one to two hours, and when the page is ended.
- Voices and faces are personal data: ask before you record, and before you analyse."""

SPEAKERS: list[tuple[str, int | str]] = [
    ("Find out", 0),
    *((str(number), number) for number in range(1, 9)),
    ("One on each channel, as in recorded calls", "channels"),
]

KEPT = 3600
"""Seconds after which an uploaded recording and files to download are deleted."""

CLEAR = "() => ['', {__type__: 'update', visible: false}, '', '', '', null]"
"""Clears and hides the answer, in the browser."""

_HERE = Path(__file__).parent

APPEARANCE = STYLE + (_HERE / "page.css").read_text("utf-8")
"""Style sheet of the page."""


class Input:
    """Counts how often a visitor's input has changed, so that nobody works for an old one."""

    def __init__(self) -> None:
        self.changes = 0


def import_gradio() -> Any:
    """Import Gradio with its reports and its history of runs switched off, and its files private.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(private_folder())
    try:
        import gradio
    except ImportError as error:
        raise ImportError(f"the page needs Gradio: {how_to_install('app')}") from error
    return gradio


def build_page(recognise: EmotionRecognitionPipeline) -> Any:
    """Return the page, a `gradio.Blocks` to launch."""
    gr = import_gradio()

    def answer(analyse: Callable[[], Analysis], of: str | None) -> list[Any]:
        try:
            found = analyse()
        except (ValueError, OSError, ImportError) as error:
            text = str(error).replace(of or "\0", Path(of or "").name)
            return [message(text, "alert"), hidden(), None, *[gr.skip()] * 4]
        except Stopped:
            return [gr.skip()] * 7
        count = len(found.answers)
        said = [f"{count} utterance{'s' * (count != 1)}; the emotions are below.", *found.notes]
        return [
            message("\n".join(said), "status"),
            gr.Column(visible=True),
            found,
            frame(found),
            show_utterances(found, 0),
            show_explanation(recognise, found, 0),
            found.files(),
        ]

    def on_recording(
        recording: str | None,
        speakers: int | str,
        transcript: str,
        given: Input,
        progress: Any = gr.Progress(),  # noqa: B008  # the form by which Gradio knows it
    ) -> list[Any]:
        if recording is None:
            return answer(_no_recording, None)
        if transcript.strip():
            return answer(lambda: analyse_text(recognise, transcript, recording), recording)
        changes = given.changes

        def tell(part: float, what: str) -> None:
            if given.changes != changes:
                raise Stopped
            progress(part, desc=what)

        return answer(
            lambda: analyse_recording(recognise, recording, speakers or None, tell), recording
        )

    def on_text(transcript: str) -> list[Any]:
        return answer(lambda: analyse_text(recognise, transcript), None)

    def on_change(given: Input) -> None:
        given.changes += 1

    def on_row(found: Analysis, event: Any) -> str:
        return show_explanation(recognise, found, event.utterance)

    def on_timeline(found: Analysis, event: Any) -> list[str]:
        chosen = event.utterance
        return [show_utterances(found, chosen), show_explanation(recognise, found, chosen)]

    def hidden() -> Any:
        return gr.Column(visible=False)

    for on_choice in (on_row, on_timeline):
        # Gradio looks for its class, and finds a string in this module.
        on_choice.__annotations__["event"] = gr.EventData

    with gr.Blocks(
        title="Who felt what, and when?",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(KEPT // 2, KEPT),
    ) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Accordion("What it can do, and what it cannot", open=False):
            gr.Markdown(MORE.format(modalities=_modalities(recognise)))
        given = gr.State(Input())
        with gr.Tabs():
            with gr.Tab("A recording") as recording_tab:
                with gr.Row():
                    recording = gr.File(
                        label="Sound or video", file_types=["audio", "video"], height=150
                    )
                    speakers = gr.Dropdown(
                        SPEAKERS, value=0, label="How many people speak?",
                        info="If you know it, choose it: finding out is the weakest step.",
                    )  # fmt: skip
                with gr.Accordion("I have a transcript", open=not _listens()):
                    if not _listens():
                        gr.Markdown(
                            "Without a transcript, what is said has to be recognised. That needs a "
                            f"part that is not installed here: {how_to_install('speech')}"
                        )
                    transcript = gr.Textbox(
                        "",
                        label="Transcript with times",
                        info=f"Subtitles, or lines with times in seconds ({TIMED_EXAMPLE}).",
                        lines=4,
                        max_lines=12,
                    )
                listen = gr.Button("Show the emotions", variant="primary")
            with gr.Tab("A text") as text_tab:
                text = gr.Textbox(
                    CONVERSATION,
                    label="Conversation, one line per utterance",
                    info="Speaker: sentence, or only the sentence. Subtitles, chats and other "
                    "transcripts are read as well.",
                    lines=7,
                    max_lines=12,
                )
                read = gr.Button("Show the emotions (Shift+Enter in the text)", variant="primary")
        status = gr.HTML(elem_id="status")
        analysis = gr.State()
        with gr.Column(visible=False) as results, gr.Tabs():
            with gr.Tab("Timeline"):
                timeline = gr.HTML(js_on_load=_script("timeline.js"), apply_default_css=False)
            with gr.Tab("Why?"):
                gr.Markdown(
                    "Choose an utterance, here or on the timeline, to see what led to its emotion."
                )
                rows = gr.HTML(js_on_load=_script("rows.js"), apply_default_css=False)
                why = gr.HTML(apply_default_css=False)
            with gr.Tab("Download"):
                gr.Markdown(_forms())
                files = gr.File(
                    label="Files",
                    file_count="multiple",
                    interactive=False,
                    elem_classes="files",
                )
        shown = [status, results, analysis, timeline, rows, why, files]
        works = [
            listen.click(
                on_recording, [recording, speakers, transcript, given], shown,
                show_progress_on=status, api_visibility="private",
            ),
            gr.on(
                [read.click, text.submit], on_text, text, shown,
                show_progress_on=status, api_visibility="private",
            ),
        ]  # fmt: skip
        typed = [transcript.input, text.input]
        chosen = [
            *(recording.upload, recording.clear, speakers.input),
            *(recording_tab.select, text_tab.select),
        ]
        # Cleared in the browser, at once. What is typed cancels nothing: Gradio would also cancel
        # an answer that is asked for right after the last key.
        for changes, cancels in ((typed, None), (chosen, works)):
            gr.on(
                changes,
                None,
                None,
                [status, results, timeline, rows, why, files],
                js=CLEAR,
                cancels=cancels,
                api_visibility="private",
            )
        gr.on(
            [*chosen, transcript.input],
            on_change,
            given,
            queue=False,
            api_visibility="private",
        )
        rows.select(on_row, analysis, why, show_progress="minimal", api_visibility="private")
        timeline.select(
            on_timeline, analysis, [rows, why], show_progress="hidden", api_visibility="private"
        )
    return page


def frame(analysis: Analysis) -> str:
    """Return the report in a frame whose script cannot reach the page around it."""
    recording = analysis.recording
    address = f"gradio_api/file={quote(recording)}" if recording else None
    report = report_page(analysis.answered, title=analysis.title, address=address)
    return (
        '<iframe class="report" title="Timeline" sandbox="allow-scripts" '
        f'srcdoc="{escape(report)}"></iframe>'
    )


def message(text: str, role: str) -> str:
    """Return a message as HTML, which a screen reader reads out."""
    return f'<p class="message" role="{role}">{escape(text)}</p>'


def _no_recording() -> Analysis:
    raise ValueError("there is no recording: expected a file of sound or video, chosen above")


def _listens() -> bool:
    """Return whether speech can be recognised."""
    return find_spec("faster_whisper") is not None


def _modalities(recognise: EmotionRecognitionPipeline) -> str:
    names = {"text": "the words", "visual": "the faces", "audio": "the voices"}
    widths = recognise.processor.widths
    return " and ".join(names[name] for name, width in widths.items() if width is not None)


def _forms() -> str:
    listed = ", ".join(f"{form.title} (`{suffix}`)" for suffix, form in FORMS.items())
    return (
        f"{listed}. Without times, only those that need none. The report plays the recording if "
        "that lies beside it."
    )


def _script(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


__all__ = ["APPEARANCE", "build_page", "frame", "import_gradio", "message"]
