"""The report in a browser: it plays, works by keyboard, fits a phone, and nothing acts in it."""

import time

import pytest

from synctva.answer_files import write_answers
from synctva.answered import plain
from synctva.report import report_page
from tests.support import report_browser
from tests.support.app_browser import press, requested, wait_until
from tests.support.hostile_text import HOSTILE
from tests.support.report_browser import answers, opened, show_as, write_tone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(report_browser.missing() is not None, reason=str(report_browser.missing())),
]

TAB, ENTER, DOWN, RIGHT, END = "\ue004", "\ue007", "\ue015", "\ue014", "\ue010"
NUMBER = "return Number(document.activeElement.dataset.i)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report of six utterances beside its recording, one that contains it, and a large one."""
    folder = tmp_path_factory.mktemp("report")
    sound = write_tone(folder / "a call #1.wav", 13)
    six = [{**one, "audio": str(sound)} for one in answers(6)]
    write_answers(folder / "linked.html", six)
    write_answers(folder / "embedded.html", six, embed=True)
    return folder


def state(driver):
    return driver.execute_script("return [player.currentTime, player.paused]")


def errors(driver):
    """Return what the browser complains of, such as a breach of the page's policy."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def no_network(driver):
    urls = requested(driver)
    return urls and all(url.startswith(("file:", "data:", "about:", "chrome")) for url in urls)


def wait_for_sound(driver):
    wait_until(lambda: driver.execute_script("return player.readyState > 0"), "the recording")


@pytest.mark.parametrize("name", ["linked.html", "embedded.html"])
def test_a_click_plays_the_utterance_and_no_more(name, folder):
    with opened(folder / name) as driver:
        wait_for_sound(driver)
        driver.find_elements("css selector", ".row")[3].click()
        wait_until(lambda: not state(driver)[1] and state(driver)[0] > 6.1, "it plays")
        assert driver.find_element("id", "words").text.startswith("This is sentence number 4")
        wait_until(lambda: state(driver)[1], "it stops")
        assert 7.55 < state(driver)[0] < 8
        block = driver.find_element("css selector", "#track g[data-i='1'] .all")
        block.click()
        wait_until(lambda: 2 <= state(driver)[0] < 4, "the block in the timeline plays")
        driver.find_element("css selector", "#track g.unclear .all").click()
        number = "return Number(document.querySelector('.row.on').dataset.i)"
        unclear = "return Number(document.querySelector('g.unclear').dataset.i)"
        assert driver.execute_script(number) == driver.execute_script(unclear)
        driver.find_element("css selector", ".jump").click()
        assert not errors(driver) and no_network(driver)


def test_by_keyboard_only(folder):
    with opened(folder / "linked.html") as driver:
        wait_for_sound(driver)
        for _ in range(30):
            press(driver, TAB)
            if driver.execute_script("return document.activeElement.id") == "scroll":
                break
        else:
            raise AssertionError("Tab does not reach the timeline")
        press(driver, RIGHT)
        press(driver, RIGHT)
        assert "number 3" in driver.find_element("id", "words").text
        press(driver, ENTER)
        wait_until(lambda: not state(driver)[1] and 4 <= state(driver)[0] < 6, "it plays")
        for _ in range(30):
            press(driver, TAB)
            if driver.execute_script("return document.activeElement.className").startswith("row"):
                break
        else:
            raise AssertionError("Tab does not reach the transcript")
        assert driver.execute_script(NUMBER) == 2  # one stop for all rows, at the chosen one
        width = "return parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        assert driver.execute_script(width) >= 2
        press(driver, DOWN)
        assert driver.execute_script(NUMBER) == 3
        press(driver, END)
        assert driver.execute_script(NUMBER) == 5
        press(driver, ENTER)
        wait_until(lambda: state(driver)[0] >= 10, "the last utterance plays")
        assert not errors(driver)


def test_it_fits_a_phone_in_light_and_dark(folder):
    sizes = "return [document.documentElement.scrollWidth, innerWidth]"
    colour = "return getComputedStyle(document.body).backgroundColor"
    with opened(folder / "linked.html") as driver:
        seen = set()
        for width in (1280, 820, 390, 320):
            for scheme in ("light", "dark"):
                show_as(driver, width, scheme=scheme)
                inner, outer = driver.execute_script(sizes)
                assert inner <= outer, (width, scheme)
                seen.add((scheme, driver.execute_script(colour)))
        assert len(seen) == 2
        show_as(driver, 390)
        driver.find_element("id", "closer").click()  # zooms in the timeline, not the page
        inner, outer = driver.execute_script(sizes)
        assert inner <= outer
        track, scroll = (
            driver.execute_script(f"return {name}.clientWidth") for name in ("track", "scroll")
        )
        assert track == pytest.approx(2 * scroll, abs=2)


def test_nothing_hostile_acts(folder):
    hostile = [
        {**one, "text": text, "speaker": text, "label": text, "scores": {text: 0.6, "joy": 0.4}}
        | {"score": 0.6, "cautions": [text], "informative": True}
        for one, text in zip(answers(len(HOSTILE)), HOSTILE, strict=True)
    ]
    name = "</title><script>document.title='broken'</script>"
    hostile[0]["error"] = HOSTILE[0]
    (folder / "hostile.html").write_text(
        report_page(hostile, title=name, recording='"><script>1</script>.wav', model=HOSTILE[0]),
        encoding="utf-8",
        errors="backslashreplace",
    )
    with opened(folder / "hostile.html") as driver:
        rows = driver.find_elements("css selector", ".row")
        words = "return [...document.querySelectorAll('.words')].map((e) => e.textContent)"
        assert driver.execute_script(words) == [plain(text) for text in HOSTILE]
        for row in (rows[0], rows[5], rows[-1]):
            row.click()
            driver.find_element("css selector", "#chosen summary").click()
        assert driver.title == f"{name}: who felt what, and when"
        assert driver.execute_script("return document.scripts.length") == 2
        assert driver.execute_script("return document.querySelectorAll('img, object').length") == 0
        refused = [one for one in errors(driver) if "ERR_FILE_NOT_FOUND" not in one]
        assert not refused and no_network(driver)
        wait_until(
            lambda: driver.find_element("id", "lost").is_displayed(), "the recording is not there"
        )


def test_an_injected_script_is_refused_by_the_policy(folder):
    page = (folder / "linked.html").read_text()
    broken = page.replace("<h1>", "<script>document.title='broken'</script><h1>")
    broken = broken.replace("<h1>", "<h1 onclick=\"document.title='broken'\">")
    broken = broken.replace("<h1", '<img src="https://example.org/x.png"><h1')
    (folder / "injected.html").write_text(broken)
    with opened(folder / "injected.html") as driver:
        driver.find_element("css selector", "h1").click()
        assert driver.title == "a call #1: who felt what, and when"
        assert sum("Content Security Policy" in one for one in errors(driver)) == 3


def test_an_hour_of_talk_stays_usable(folder):
    (file,) = write_answers(folder / "hour.html", answers(1000, 3.6))
    assert file.stat().st_size < 1_500_000
    with opened(folder / "hour.html") as driver:
        begin = time.monotonic()
        for number in (1, 400, 999):
            driver.execute_script(f"document.querySelectorAll('.row')[{number}].click()")
        driver.find_element("id", "closer").click()
        assert time.monotonic() - begin < 10
        block = "return document.querySelector('.lane .on').getBoundingClientRect()"
        shown = driver.execute_script(block)
        assert 0 < shown["left"] < 1280 and shown["width"] > 8
