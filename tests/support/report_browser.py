"""The report in a headless Chromium, for tests and for the screenshot in the docs.

python -m tests.support.report_browser docs/images/report.png
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.io import wavfile

from tests.support.app_browser import chromium, requested
from tests.support.synthetic_speech import RATE, converse

LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


def missing() -> str | None:
    """Return what is not installed and needed for a browser test, None if nothing."""
    lacking = ["selenium"] if find_spec("selenium") is None else []
    lacking += [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else None


def answers(count: int, seconds: float = 2.0, seed: int = 0) -> list[dict[str, Any]]:
    """Return invented utterances of two speakers with invented answers, one after the other."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        scores = dict(zip(LABELS, draw.dirichlet(np.full(7, 0.4)).tolist(), strict=True))
        label = max(scores, key=lambda name: scores[name])
        found.append(
            {
                "speaker": ("Ann", "Bo")[number % 2],
                "text": f"This is sentence number {number + 1}, which says nothing of note.",
                "start": number * seconds,
                "end": (number + 0.8) * seconds,
                "label": label if scores[label] > 0.35 else None,
                "score": scores[label],
                "scores": scores,
                "strengths": {"text": 0.4, "visual": 0.0, "audio": 0.3},
                "modalities": ["text", "audio"],
                "informative": number % 7 != 3,
                "cautions": ["the answer is close to the base rates"] * (number % 7 == 3),
            }
        )
    return found


def write_tone(path: Path, seconds: float) -> Path:
    """Write a recording in which a tone sounds."""
    clock = np.arange(round(seconds * 8000)) / 8000
    wavfile.write(path, 8000, (3000 * np.sin(2 * np.pi * 220 * clock)).astype(np.int16))
    return path


@contextmanager
def opened(page: Path, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Open a page of this machine, and forget what the browser requested before."""
    with chromium(width, height) as driver:
        driver.get("about:blank")
        requested(driver)
        driver.get(page.absolute().as_uri())
        yield driver


def show_as(driver: Any, width: int, height: int = 844, scheme: str = "light") -> None:
    """Give the page the size of a screen, and its colours."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def main(path: str) -> None:
    """Take the screenshot of the docs: synthetic voices, and the shipped model's answers."""
    from PIL import Image
    from transformers import pipeline

    from synctva import SYNCTVA_MELD
    from synctva.answer_files import write_answers

    talk = converse(["scottish", "light"], 70, seed=12)
    names = {"scottish": "Ewan", "light": "Mary"}
    with TemporaryDirectory() as folder:
        sound = Path(folder, "call.wav")
        wavfile.write(sound, RATE, talk.samples)
        said = [
            {"speaker": names[t.speaker], "text": t.text, "start": t.start, "end": t.end}
            for t in talk.turns
        ]
        conversation = [{**one, "audio": str(sound)} for one in said]
        recognise = pipeline("emotion-recognition", model=SYNCTVA_MELD)
        emotions = recognise(conversation, top_k=None, abstain_below=0.35)
        answered = [{**u, **a} for u, a in zip(conversation, emotions, strict=True)]
        (page,) = write_answers(Path(folder, "call.html"), answered, model="synctva-meld")
        with opened(page) as driver:
            driver.execute_script("document.querySelectorAll('.row')[1].click()")
            show_as(driver, 1180, 1400)
            driver.save_screenshot(path)
    # The page has few colours: this halves the size without a visible difference.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
