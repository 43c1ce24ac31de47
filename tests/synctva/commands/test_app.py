"""`synctva app`: how the page is served, and the page in a browser, which is slow."""

import pytest

from synctva import SYNCTVA_MELD
from synctva.commands import app
from tests.support import app_browser
from tests.support.app_browser import answered, find, open_page, press, wait_until
from tests.support.media_files import clip
from tests.support.model_folder import write_model_folder

HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


@pytest.mark.skipif(app_browser.find_spec("gradio") is None, reason="gradio is not installed")
def test_only_this_machine_is_served_by_default(monkeypatch, tmp_path):
    import gradio

    launched = []
    monkeypatch.setattr(gradio.Blocks, "launch", lambda page, **how: launched.append(how))
    folder = str(write_model_folder(tmp_path / "model"))
    app.main(["--model", folder])
    app.main(["--model", folder, "--host", "0.0.0.0", "--port", "8000"])
    assert [how["server_name"] for how in launched] == ["127.0.0.1", "0.0.0.0"]
    assert [how["server_port"] for how in launched] == [None, 8000]
    assert not any(how["share"] for how in launched)


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
    """Return the tag and the label of the element that has the focus."""
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
    """Replace the text in the field that has the focus."""
    press(driver, "\ue009", "a")  # Control
    for number, line in enumerate(text.split("\n")):
        if number:
            press(driver, "\ue007")  # Enter
        press(driver, line)


def cells(driver):
    """Return the rows of the table of emotions."""
    rows = driver.find_elements("css selector", ".panels > .numbers tbody tr")
    return [[c.text for c in row.find_elements("css selector", "td")] for row in rows]


@pytest.mark.slow
@needs_browser
def test_by_keyboard_only(driver):
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
def test_a_mistake_is_shown_on_the_page_and_can_be_corrected(driver):
    tab_to(driver, "TEXTAREA", "Conversation")
    type_instead(driver, "Ann: Hi!\nBo:")
    press(driver, "\ue008", "\ue007")  # Shift, Enter
    wait_until(lambda: find(driver, "[role=alert]"), "the message")
    assert find(driver, "[role=alert]")[0].text.startswith("line 2, 'Bo:': has no text")
    assert not find(driver, ".plot")
    press(driver, " Hello.")
    press(driver, "\ue008", "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    assert not find(driver, "[role=alert]")


@pytest.mark.slow
@needs_browser
def test_typed_text_is_shown_unchanged(driver):
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


@pytest.mark.parametrize("options", [[], ["--model", "synctva-meld"]])
def test_a_space_of_the_shipped_checkpoint(options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written = []
    monkeypatch.setattr(app, "write_space", lambda folder, model: written.append(model))
    app.main(["--write_space", "space", *options])
    assert written == [SYNCTVA_MELD]
