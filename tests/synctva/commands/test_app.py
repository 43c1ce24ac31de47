"""`synctva app`: how the page is served, and the page in a browser, which is slow."""

import stat

import pytest

from synctva import SYNCTVA_MELD
from synctva.commands import app
from synctva.temporary import PREFIX
from tests.support import app_browser
from tests.support.app_browser import (
    HEARD,
    answered,
    ask,
    choose_tab,
    find,
    open_page,
    press,
    upload,
    wait_until,
)
from tests.support.media_files import RATE, clip, tone
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
    with app_browser.serve(before=HEARD) as server:
        yield server


@pytest.fixture
def driver(server, tmp_path):
    with app_browser.chromium(downloads=tmp_path) as driver:
        open_page(driver, server.url)
        yield driver


def write_call(path, seconds=6.0):
    """Write sound without pictures."""
    path.write_bytes(clip("wav", None, "pcm_s16le", samples=tone(seconds), rate=RATE))
    return path


def focused(driver):
    """Return the tag and the label of the element that has the focus."""
    return driver.execute_script(
        "let e = document.activeElement, label = e.labels && e.labels[0];"
        "return [e.tagName, e.ariaLabel || (label || e).innerText]"
    )


def tab_to(driver, tag, name):
    for _ in range(20):
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


def ask_for_text(driver, text):
    """Type a conversation in place of the one that is there, and recognise its emotions."""
    choose_tab(driver, "A text")
    find(driver, "textarea")[0].click()
    type_instead(driver, text)
    press(driver, "\ue008", "\ue007")  # Shift, Enter


def utterances(driver):
    """Go to the list of utterances, and return its cells."""
    choose_tab(driver, "Why?")
    wait_until(lambda: find(driver, ".utterances button"), "the utterances")
    return driver.execute_script(
        "return [...document.querySelectorAll('.utterances button')].map("
        "row => [...row.children].map(cell => cell.textContent))"
    )


def why(driver):
    """Return the heading of the explanation."""
    return driver.execute_script("return document.querySelector('.why h3')?.textContent ?? ''")


class Report:
    """The report in its frame; within `with`, the driver is in there."""

    def __init__(self, driver):
        self.driver = driver

    def __enter__(self):
        self.driver.switch_to.frame(find(self.driver, "iframe")[0])

    def __exit__(self, *_):
        self.driver.switch_to.default_content()


def fits(driver):
    """Return whether nothing is wider than the window."""
    return driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def is_dark(driver):
    color = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    return max(int(part) for part in color.strip("rgba()").split(",")[:3]) < 64


@pytest.mark.slow
@needs_browser
def test_by_keyboard_only(driver):
    tab_to(driver, "BUTTON", "A text")
    press(driver, "\ue007")  # Enter
    tab_to(driver, "TEXTAREA", "Conversation")
    type_instead(driver, "Ann: I got the job!\nZoë: That is wonderful!")
    tab_to(driver, "BUTTON", "Show the emotions")
    press(driver, "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    assert "2 utterances" in find(driver, ".message")[0].text
    tab_to(driver, "BUTTON", "Why?")
    press(driver, "\ue007")
    rows = utterances(driver)
    assert [row[:2] for row in rows] == [
        ["1", "Ann I got the job!"],
        ["2", "Zoë That is wonderful!"],
    ]
    assert all(row[2].startswith("joy") for row in rows)
    tab_to(driver, "BUTTON", "I got the job!")
    press(driver, "\ue015")  # down
    assert "wonderful" in focused(driver)[1]
    press(driver, "\ue007")
    wait_until(lambda: why(driver).startswith("2 · Zoë: joy"), "the other utterance's reasons")
    tab_to(driver, "SUMMARY", "exact terms")
    press(driver, "\ue007")
    wait_until(lambda: find(driver, ".plot img"), "the exact terms")


@pytest.mark.slow
@needs_browser
def test_a_mistake_is_shown_on_the_page_and_can_be_corrected(driver):
    ask_for_text(driver, "Ann: Hi!\nBo:")
    wait_until(lambda: find(driver, ".message[role=alert]"), "the message")
    assert find(driver, ".message")[0].text.startswith("line 2, 'Bo:': has no text")
    assert not find(driver, "iframe")
    press(driver, " Hello.")
    press(driver, "\ue008", "\ue007")
    wait_until(lambda: answered(driver), "the answer")
    assert not find(driver, ".message[role=alert]")
    choose_tab(driver, "A recording")
    ask(driver)
    wait_until(lambda: find(driver, ".message[role=alert]"), "the message")
    assert "there is no recording" in find(driver, ".message")[0].text


@pytest.mark.slow
@needs_browser
def test_typed_text_is_shown_unchanged(driver):
    hostile = [HOSTILE, "${document.title='broken'} ${7*7}", "{{7*7}} {{#if value}}", "小明 & <i"]
    ask_for_text(driver, "\n".join(f": {text}" for text in hostile))
    wait_until(lambda: answered(driver), "the answer")
    with Report(driver):
        assert [one.text for one in find(driver, "#transcript .words")] == hostile
        assert driver.execute_script("return document.title") != "broken"
    assert [row[1].strip() for row in utterances(driver)] == hostile
    assert driver.title == "Who felt what, and when?"


@pytest.mark.slow
@needs_browser
def test_a_recording_with_its_transcript(driver, tmp_path):
    talk = tmp_path / "talk.mp4"
    talk.write_bytes(clip())
    upload(driver, talk)
    if not find(driver, "textarea"):  # it is open where speech cannot be recognised
        next(one for one in find(driver, "button") if one.text.startswith("I have")).click()
    wait_until(lambda: find(driver, "textarea"), "the field for the transcript")
    find(driver, "textarea")[0].click()
    type_instead(driver, "0-0.4 Ann: No way!\n0.4-0.9 Bo: I see.")
    ask(driver)
    wait_until(lambda: answered(driver), "the answer")
    with Report(driver):
        player = driver.find_element("css selector", "#player")
        wait_until(lambda: player.get_property("videoWidth") == 64, "the picture")
    assert [row[:2] for row in utterances(driver)] == [
        ["0:00", "Ann No way!"],
        ["0:00", "Bo I see."],
    ]


@pytest.mark.slow
@needs_browser
def test_a_recording_without_a_transcript_on_a_phone_in_dark_mode(server, driver, tmp_path):
    app_browser.as_phone(driver)
    open_page(driver, server.url)
    upload(driver, write_call(tmp_path / 'call\'s <b>&"name".wav'))
    ask(driver)
    wait_until(lambda: "Listening" in find(driver, "#status")[0].text, "the progress")
    wait_until(lambda: answered(driver), "the answer")
    assert "3 utterances" in find(driver, ".message")[0].text
    assert fits(driver) and is_dark(driver)
    with Report(driver):
        assert fits(driver) and is_dark(driver)
        player = driver.find_element("css selector", "#player")
        wait_until(lambda: player.get_property("readyState") >= 1, "the recording")
        assert player.get_property("duration") == pytest.approx(6, abs=0.1)
        assert not find(driver, "#lost")
        rows = driver.find_elements("css selector", "#transcript .row")
        assert "That is <b>so</b> good ${7*7} {{7*7}}." in rows[1].text
        driver.execute_script("arguments[0].click()", rows[1])
        wait_until(lambda: 2.3 <= player.get_property("currentTime") < 4, "it plays")
    choose_tab(driver, "Why?")
    wait_until(lambda: why(driver).startswith("0:02 · Speaker"), "the chosen utterance's reasons")
    assert find(driver, "[aria-current=true]")[0].text.startswith("0:02")
    assert fits(driver)
    find(driver, ".utterances button")[2].click()
    wait_until(lambda: why(driver).startswith("0:04 · Speaker"), "the other utterance's reasons")
    driver.execute_script("document.querySelector('.why details').open = true")
    assert fits(driver)
    choose_tab(driver, "Download")
    wait_until(lambda: find(driver, ".files a"), "the files")
    links = {
        one.get_attribute("download").rpartition(".")[2]: one for one in find(driver, ".files a")
    }
    assert {"html", "json", "csv", "srt", "eaf"} < set(links)
    assert fits(driver)
    links["srt"].click()
    wait_until(lambda: list(tmp_path.glob("*.srt")), "the download")
    assert "I am so sorry &amp;amp; sad." in next(tmp_path.glob("*.srt")).read_text()


@pytest.mark.slow
@needs_browser
def test_old_answers_go_when_the_input_changes(driver, tmp_path):
    upload(driver, write_call(tmp_path / "first.wav"))
    ask(driver)
    wait_until(lambda: answered(driver), "the answer")
    find(driver, "input[role=listbox], input[aria-label='How many people speak?']")[0].click()
    wait_until(lambda: find(driver, "[role=option]"), "the numbers of speakers")
    next(one for one in find(driver, "[role=option]") if one.text == "2").click()
    wait_until(lambda: not find(driver, "iframe, .message"), "the old answer is gone")
    ask(driver)
    wait_until(lambda: answered(driver), "the answer")
    find(driver, "[aria-label='Clear'], [aria-label='Remove this file']")[0].click()
    wait_until(lambda: not find(driver, "iframe, .message"), "the old answer is gone")
    upload(driver, write_call(tmp_path / "long.wav", 60.0))
    ask(driver)
    wait_until(lambda: "Listening" in find(driver, "#status")[0].text, "the progress")
    choose_tab(driver, "A text")  # nobody waits for the recording any more
    ask_for_text(driver, "Ann: I got the job!")
    wait_until(lambda: answered(driver), "the answer", 5)
    assert len(utterances(driver)) == 1


@pytest.mark.slow
@needs_browser
def test_nothing_leaves_this_machine(server, driver, tmp_path):
    upload(driver, write_call(tmp_path / "call.wav", 2.0))
    ask(driver)
    wait_until(lambda: answered(driver), "the answer")
    urls = app_browser.requested(driver)
    with Report(driver):  # whose requests the log of the page lacks
        player = driver.find_element("css selector", "#player")
        wait_until(lambda: player.get_property("readyState") >= 1, "the recording")
        urls += driver.execute_script(
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
    assert any(url.startswith(server.url) for url in urls)
    elsewhere = [
        url for url in urls if not url.startswith((server.url, "data:", "chrome", "about:"))
    ]
    assert not elsewhere
    assert "127.0.0.1" in server.addresses <= {"127.0.0.1", "localhost"}
    assert "Traceback" not in server.printed
    errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors


@pytest.mark.slow
@needs_browser
def test_uploads_are_private_and_removed_even_after_a_kill(tmp_path):
    place = tmp_path / "temporary"
    place.mkdir()

    def folders():
        return set(place.glob(f"{PREFIX}*"))

    with app_browser.serve(temporary=place, before=HEARD) as killed:
        with app_browser.chromium() as driver:
            open_page(driver, killed.url)
            upload(driver, write_call(tmp_path / "call.wav"))
            ask(driver)
            wait_until(lambda: answered(driver), "the answer")
        (left,) = folders()
        assert {"call.wav", "call.html"} <= {path.name for path in left.rglob("*")}
        assert stat.S_IMODE(left.stat().st_mode) == 0o700
        assert set(place.iterdir()) == {left}
        killed.process.kill()
        killed.process.wait()
    assert folders() == {left}
    with app_browser.serve(temporary=place):
        assert left not in folders() and len(folders()) == 1
    assert not folders()


@pytest.mark.parametrize("options", [[], ["--model", "synctva-meld"]])
def test_a_space_of_the_shipped_checkpoint(options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    written = []
    monkeypatch.setattr(app, "write_space", lambda folder, model: written.append(model))
    app.main(["--write_space", "space", *options])
    assert written == [SYNCTVA_MELD]
