"""The demo page: what it says, without a browser; then in one, which is slow."""

import sys
from html.parser import HTMLParser

import pytest
import torch
from transformers import pipeline

from synctva.commands import app
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.modeling_synctva.processing_synctva import SyncTVAProcessor
from tests.support import app_browser
from tests.support.app_browser import answered, find, open_page, press, wait_until
from tests.support.media_files import clip
from tests.support.toy import LABELS, toy_config

TYPED = "Ann: I got the <b>job</b>!\n\nBo: No way: you did?\nThat is all."
TIMED = "0-0.4 Ann: No way!\n0:00.4 - 0:00.9 Bo:\n"
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


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
    """Tables by caption, the texts of plots, and every tag."""

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


def test_answers_are_the_pipelines(recognise):
    analysis = app.analyse(recognise, TYPED)
    conversation = [
        {"speaker": "Ann", "text": "I got the <b>job</b>!"},
        {"speaker": "Bo", "text": "No way: you did?"},
        "That is all.",
    ]
    assert analysis.answers == recognise(conversation, top_k=None)
    assert analysis.choices == [
        ("0. Ann: I got the <b>job</b>!", 0),
        ("1. Bo: No way: you did?", 1),
        ("2. That is all.", 2),
    ]
    explanation = recognise.explain(conversation, 1)
    shown = Page(app.show_utterance(recognise, analysis, 1))
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
    analysis = app.analyse(recognise, TYPED)
    html = app.show_timeline(analysis) + app.show_utterance(recognise, analysis, 2)
    page = Page(html)
    assert len(page.alts) == 4
    assert {alt.removesuffix("; the numbers are below") for alt in page.alts} < set(page.tables)
    timeline = page.tables["Timeline: each emotion's score, by speaker"]
    assert timeline[0] == ["utterance", *sorted(LABELS)]
    for row, answer in zip(timeline[1:], analysis.answers, strict=True):
        assert [float(cell) for cell in row[1:]] == [
            round(answer["scores"][name], 2) for name in sorted(LABELS)
        ]
    said = [row[:3] for row in page.tables["Emotions"][1:]]
    assert said[0] == ["0", "Ann", "I got the <b>job</b>!"]
    assert said[2] == ["2", "", "That is all."]
    assert "b" not in page.tags


def test_a_recording_is_heard_by_its_times(recognise, recording):
    analysis = app.analyse(recognise, TIMED, recording)
    conversation = [
        {"speaker": "Ann", "text": "No way!", "video": recording, "start": 0, "end": 0.4},
        {"speaker": "Bo", "video": recording, "start": 0.4, "end": 0.9},
    ]
    assert analysis.answers == recognise(conversation, top_k=None)
    assert [answer["modalities"] for answer in analysis.answers] == [["text", "audio"], ["audio"]]
    with pytest.MonkeyPatch.context() as patch:  # what was read once is not read again
        patch.setattr(recognise, "preprocess", None)
        app.show_utterance(recognise, analysis, 1)


@pytest.mark.parametrize(
    ("transcript", "message"),
    [
        ("Ann: No way!", "line 1, 'Ann: No way!': has no times"),
        ("0-0.5 Ann: No!\n\n7-8 Bo: Oh!", r"line 3: talk\.mp4: start = 7.0 s: it ends at 1.\d\d s"),
    ],
)
def test_a_mistake_names_the_line_and_what_was_expected(recognise, recording, transcript, message):
    with pytest.raises(ValueError, match=message):
        app.analyse(recognise, transcript, recording)


def test_what_is_no_recording_is_called_by_its_name(recognise, tmp_path):
    path = tmp_path / "notes.wav"
    path.write_text("Buy milk.")
    with pytest.raises(ValueError, match=r"^line 1: notes\.wav: cannot be read as a recording"):
        app.analyse(recognise, TIMED, str(path))


def test_a_message_is_text():
    assert app.message(HOSTILE, "alert").count("<") == 2
    assert 'role="alert"' in app.message("", "alert")


gradio_installed = pytest.mark.skipif(
    app_browser.find_spec("gradio") is None, reason="gradio is not installed"
)


@pytest.fixture
def page(recognise):
    return app.build_page(recognise)


@gradio_installed
def test_the_page_says_what_is_wrong_and_hides_the_last_answer(page):
    callback = next(fn.fn for fn in page.fns.values() if fn.name == "on_recognise")
    said, results, analysis, *plots = callback(TYPED, None)
    assert "3 utterances" in said and results.visible and len(analysis.lines) == 3
    assert [isinstance(plot, str) for plot in plots] == [True, False, True]
    assert plots[1].value == 2  # of the dropdown
    said, results, analysis, *_ = callback("Ann:", None)
    assert 'role="alert">line 1' in said and not results.visible and analysis is None


@gradio_installed
def test_every_field_has_a_label_and_nobody_is_told(page):
    config = page.get_config_file()
    fields = ("textbox", "file", "dropdown")
    labels = {part["type"]: part["props"]["label"] for part in config["components"]
              if part["type"] in fields}  # fmt: skip
    assert labels.keys() == set(fields) and all(labels.values())
    assert not config["analytics_enabled"]


@gradio_installed
def test_only_this_machine_is_served_unless_more_is_asked_for(monkeypatch, recognise):
    import gradio

    launched = []
    monkeypatch.setattr(gradio.Blocks, "launch", lambda page, **how: launched.append(how))
    folder = recognise.model.name_or_path
    app.main(["--model", folder])
    app.main(["--model", folder, "--host", "0.0.0.0", "--port", "8000"])
    assert [how["server_name"] for how in launched] == ["127.0.0.1", "0.0.0.0"]
    assert [how["server_port"] for how in launched] == [None, 8000]
    assert not any(how["share"] for how in launched)


def test_without_gradio_the_page_says_what_to_install(monkeypatch, recognise):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r"pip install 'synctva\[app\]'"):
        app.build_page(recognise)


# In a browser


needs_browser = pytest.mark.skipif(
    app_browser.missing() is not None, reason=str(app_browser.missing())
)


@pytest.fixture(scope="module")
def server():
    with app_browser.serve() as server:
        yield server


@pytest.fixture
def driver(server):
    with app_browser.chromium() as driver:
        open_page(driver, server.url)
        yield driver


def focused(driver):
    """What has the focus: its tag, and how it is called."""
    return driver.execute_script(
        "let e = document.activeElement, label = e.labels && e.labels[0];"
        "return [e.tagName, e.ariaLabel || (label || e).innerText]"
    )


def tab_to(driver, tag, name):
    for _ in range(12):
        press(driver, "\ue004")  # Tab
        if focused(driver)[0] == tag and name in focused(driver)[1]:
            return
    raise AssertionError(f"Tab does not reach {tag} {name}")


def type_instead(driver, text):
    """Replace what stands in the field that has the focus."""
    press(driver, "\ue009", "a")  # Control
    for number, line in enumerate(text.split("\n")):
        if number:
            press(driver, "\ue007")  # Enter
        press(driver, line)


def cells(driver):
    """The rows of the table of emotions."""
    rows = driver.find_elements("css selector", ".panels > .numbers tbody tr")
    return [[c.text for c in row.find_elements("css selector", "td")] for row in rows]


@pytest.mark.slow
@needs_browser
def test_by_keyboard_alone(driver):
    tab_to(driver, "TEXTAREA", "Conversation")
    type_instead(driver, "Ann: I got the job!\nZoë: That is wonderful!")
    tab_to(driver, "BUTTON", "upload")
    tab_to(driver, "BUTTON", "Recognise")
    press(driver, "\ue007")  # Enter
    wait_until(lambda: answered(driver), "the answer")
    assert [row[:4] for row in cells(driver)] == [
        ["0", "Ann", "I got the job!", "joy"],
        ["1", "Zoë", "That is wonderful!", "joy"],
    ]
    assert "2 utterances" in find(driver, "[role=status]")[0].text
    tab_to(driver, "SUMMARY", "numbers")
    press(driver, "\ue007")
    wait_until(lambda: find(driver, "details[open] td"), "the numbers of the timeline")
    tab_to(driver, "INPUT", "Utterance to explain")
    press(driver, "\ue013")  # up
    press(driver, "\ue007")

    def first_explained():
        alts = [one.get_attribute("alt") for one in find(driver, ".plot img")]
        return any("Scores of utterance 0" in alt for alt in alts)

    wait_until(first_explained, "the other utterance's scores")


@pytest.mark.slow
@needs_browser
def test_a_mistake_is_told_on_the_page_and_can_be_mended(driver):
    tab_to(driver, "TEXTAREA", "Conversation")
    type_instead(driver, "Ann: Hi!\nBo:")
    press(driver, "\ue008", "\ue007")  # Shift, Enter
    wait_until(lambda: find(driver, "[role=alert]"), "the message")
    assert find(driver, "[role=alert]")[0].text.startswith("line 2, 'Bo:': nothing is said")
    assert not find(driver, ".plot")
    press(driver, " Hello.")
    press(driver, "\ue008", "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    assert not find(driver, "[role=alert]")


@pytest.mark.slow
@needs_browser
def test_what_is_typed_is_shown_as_it_is(driver):
    hostile = [HOSTILE, "${document.title='broken'} ${7*7}", "{{7*7}} {{#if value}}", "小明 & <b>"]
    tab_to(driver, "TEXTAREA", "Conversation")
    type_instead(driver, "\n".join(f": {text}" for text in hostile))
    press(driver, "\ue008", "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    assert [row[2] for row in cells(driver)] == hostile
    assert driver.title == "Emotions in a conversation"


@pytest.mark.slow
@needs_browser
def test_a_recording_with_its_transcript(driver, tmp_path):
    field = driver.find_element("css selector", "input[type=file]")
    talk = tmp_path / "talk.mp4"
    talk.write_bytes(clip())
    field.send_keys(str(talk))
    wait_until(lambda: "talk" in find(driver, "body")[0].text, "the upload")
    find(driver, "textarea")[0].click()
    type_instead(driver, "0-0.4 Ann: No way!\n0.4-0.9 Bo: I see.")
    press(driver, "\ue008", "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    assert [row[5] for row in cells(driver)] == ["text, audio"] * 2


@pytest.mark.slow
@needs_browser
def test_nothing_leaves_this_machine(server, driver):
    find(driver, "textarea")[0].send_keys("\ue008", "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    urls = app_browser.requested(driver)
    assert any(url.startswith(server.url) for url in urls)
    elsewhere = [url for url in urls if not url.startswith((server.url, "data:", "chrome"))]
    assert not elsewhere
    assert "127.0.0.1" in server.addresses <= {"127.0.0.1", "localhost"}
    assert "Traceback" not in server.printed
    errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors
