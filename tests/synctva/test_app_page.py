"""The content of the demo page; tests/synctva/commands/test_app_page.py opens it in a browser."""

import sys
from html.parser import HTMLParser
from importlib.util import find_spec

import pytest
import torch
from transformers import pipeline

from synctva import app_page
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support.media_files import clip
from tests.support.toy import LABELS, toy_config

TYPED = "Ann: I got the <job>!\n\nBo: No way: you did?\nThat is all."
TIMED = "0-0.4 Ann: No way!\n0:00.4 - 0:00.9 Bo:\n"


@pytest.fixture(scope="module")
def recognise(tmp_path_factory, toy_encoder_spec):
    folder = tmp_path_factory.mktemp("app")
    torch.manual_seed(0)
    config = toy_config(text_dim=16, audio_dim=8)
    SyncTVAForEmotionRecognition(config).save_pretrained(folder)
    sound = {"name": "prosody", "version": 1, "fill": [0.0] * 8}
    processor = SyncTVAProcessor(16, None, 8, text_encoder=toy_encoder_spec, audio_encoder=sound)
    processor.save_pretrained(folder)
    return pipeline("emotion-recognition", model=str(folder))


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "talk.mp4"
    path.write_bytes(clip())
    return str(path)


class Page(HTMLParser):
    """The tables by caption, the alternative texts of plots, and all tags of a page."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.alts, self.tags = {}, [], []
        self._cells, self._inside = None, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self._inside = tag
        if tag == "img":
            self.alts.append(dict(attributes)["alt"])
        elif tag == "caption":
            self._caption = ""
        elif tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        elif tag in ("th", "td"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "caption":
            self._caption += data
        elif self._inside in ("th", "td"):
            self.tables[self._caption][-1][-1] += data


def test_what_is_not_read_is_said(recognise):
    chat = "1/2/24, 9:41 AM - Ann: <Media omitted>\n1/2/24, 9:42 AM - Bo: No way!"
    analysis = app_page.analyse(recognise, chat)
    assert analysis.notes == ["line 1: notices and media are not read"]
    assert len(analysis.answers) == 1


def test_answers_are_those_of_the_pipeline(recognise):
    analysis = app_page.analyse(recognise, TYPED)
    conversation = [
        {"speaker": "Ann", "text": "I got the <job>!"},
        {"speaker": "Bo", "text": "No way: you did?"},
        "That is all.",
    ]
    assert analysis.answers == recognise(conversation, top_k=None)
    assert analysis.choices == [
        ("0. Ann: I got the <job>!", 0),
        ("1. Bo: No way: you did?", 1),
        ("2. That is all.", 2),
    ]
    explanation = recognise.explain(conversation, 1)
    shown = Page(app_page.show_utterance(recognise, analysis, 1))
    (title,) = (name for name in shown.tables if "Shapley" in name)
    assert f"“{explanation['label']}”" in title
    text = f"{explanation['shapley']['text']:+.2f}"
    assert shown.tables[title][1:] == [["text", text], ["visual", "missing"], ["audio", "missing"]]
    (title,) = (name for name in shown.tables if "attention" in name)
    assert len(shown.tables[title]) == 1 + len(explanation["edges"])
    assert {float(row[-1]) for row in shown.tables[title][1:]} == {
        round(edge["attention"], 3) for edge in explanation["edges"]
    }


def test_every_plot_has_its_numbers_beside_it(recognise):
    analysis = app_page.analyse(recognise, TYPED)
    html = app_page.show_timeline(analysis) + app_page.show_utterance(recognise, analysis, 2)
    page = Page(html)
    assert len(page.alts) == 4
    assert {alt.removesuffix("; the numbers are below") for alt in page.alts} < set(page.tables)
    timeline = page.tables["Timeline: each emotion's score, by speaker"]
    assert timeline[0] == ["utterance", *sorted(LABELS)]
    for row, answer in zip(timeline[1:], analysis.answers, strict=True):
        assert [float(cell) for cell in row[1:]] == [
            round(answer["scores"][name], 2) for name in sorted(LABELS)
        ]
    rows = [row[:3] for row in page.tables["Emotions"][1:]]
    assert rows[0] == ["0", "Ann", "I got the <job>!"]
    assert rows[2] == ["2", "", "That is all."]
    assert "job" not in page.tags


def test_a_recording_is_cut_at_the_times_of_the_lines(recognise, recording):
    analysis = app_page.analyse(recognise, TIMED, recording)
    conversation = [
        {"speaker": "Ann", "text": "No way!", "video": recording, "start": 0, "end": 0.4},
        {"speaker": "Bo", "video": recording, "start": 0.4, "end": 0.9},
    ]
    assert analysis.answers == recognise(conversation, top_k=None)
    assert [answer["modalities"] for answer in analysis.answers] == [["text", "audio"], ["audio"]]
    with pytest.MonkeyPatch.context() as patch:  # the recording is not read again
        patch.setattr(recognise, "preprocess", None)
        app_page.show_utterance(recognise, analysis, 1)


@pytest.mark.parametrize(
    ("transcript", "message"),
    [
        ("Ann: No way!", "line 1, 'Ann: No way!': has no times"),
        (
            "0-0.5 Ann: No!\n\n7-8 Bo: Oh!",
            r"line 3: talk\.mp4: start = 7.0 s: expected less than 1.\d\d s, where it ends",
        ),
    ],
)
def test_a_mistake_names_the_line_and_what_was_expected(recognise, recording, transcript, message):
    with pytest.raises(ValueError, match=message):
        app_page.analyse(recognise, transcript, recording)


def test_a_file_that_is_not_a_recording_is_named(recognise, tmp_path):
    path = tmp_path / "notes.wav"
    path.write_text("Buy milk.")
    with pytest.raises(ValueError, match=r"^line 1: notes\.wav: cannot be read as a recording"):
        app_page.analyse(recognise, TIMED, str(path))


def test_a_message_is_text():
    assert app_page.message('<img src=x onerror="alert()">', "alert").count("<") == 2
    assert 'role="alert"' in app_page.message("", "alert")


gradio_installed = pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")


@pytest.fixture
def page(recognise):
    return app_page.build_page(recognise)


@gradio_installed
def test_an_error_is_shown_and_hides_the_previous_answer(page):
    callback = next(fn.fn for fn in page.fns.values() if fn.name == "on_recognise")
    status, results, analysis, *plots = callback(TYPED, None)
    assert "3 utterances" in status and results.visible and len(analysis.lines) == 3
    assert [isinstance(plot, str) for plot in plots] == [True, False, True]
    assert plots[1].value == 2  # of the dropdown
    status, results, analysis, *_ = callback("Ann:", None)
    assert 'role="alert">line 1' in status and not results.visible and analysis is None


@gradio_installed
def test_every_field_has_a_label_and_usage_is_not_reported(page):
    config = page.get_config_file()
    fields = ("textbox", "file", "dropdown")
    labels = {part["type"]: part["props"]["label"] for part in config["components"]
              if part["type"] in fields}  # fmt: skip
    assert labels.keys() == set(fields) and all(labels.values())
    assert not config["analytics_enabled"]


def test_without_gradio_the_error_says_what_to_install(monkeypatch, recognise):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r"needs Gradio: .*pip install '\.\[app\]'"):
        app_page.build_page(recognise)
