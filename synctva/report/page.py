"""The report: one page that contains its style, its script and its data, and asks no network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from synctva.answered import Answered, plain, published

from .emotions import colours, ink, letters
from .media import Media, read_media
from .sections import not_understood, people, summary, transcript
from .talk import Talk, Utterance, read_talk
from .timeline import FINEST, lanes
from .wording import about, answer_in_words, facts

_HERE = Path(__file__).parent
_HELP = (
    "Choose an utterance to hear or see it. In the transcript and in the timeline the arrow keys "
    "choose, and Enter plays."
)


def report_page(
    answered: Sequence[Answered],
    *,
    title: str,
    recording: str | os.PathLike | None = None,
    embed: bool = False,
    folder: str | os.PathLike | None = None,
    address: str | None = None,
    model: str | None = None,
) -> str:
    """Return a conversation and its emotions as a page for the browser.

    The page contains all that it needs. Its Content-Security-Policy allows its own style and script
    and the recordings, and nothing from a network.

    Args:
        answered: for each utterance a dictionary with its fields and those of the answer.
        title: of the page.
        recording: what all utterances were cut from; default: what each names as `video` or
            `audio`.
        embed: contain the recordings, of at most 50 MB together; otherwise the page links to them.
        folder: where the page will lie, to which links are relative; default: beside the
            recordings.
        address: URL of the only recording, in place of a link to its file; of the page's own
            server.
        model: name of the model.

    Raises:
        ValueError: there is no utterance, one has neither `label` nor `error`, or the recordings to
            embed are too large.
        OSError: a recording to embed cannot be read.
    """
    if not answered:
        raise ValueError("answered is empty: expected at least one utterance")
    for number, item in enumerate(answered):
        if "label" not in item and "error" not in item:
            raise ValueError(f"utterance {number} has no label: expected the pipeline's answers")
    if recording is not None:
        answered = [{**item, "file": recording} for item in answered]
    place = None if folder is None else Path(folder)
    title = plain(title)
    media, of_each = read_media(answered, place, embed, address)
    talk = read_talk(published(answered, place))
    labels = talk.labels
    letter = dict(zip(labels, letters(labels), strict=True))
    style = (_HERE / "page.css").read_text("utf-8") + "".join(
        f".e{number} {{--c: {colour}; --ink: {ink(colour)}}}\n"
        for number, colour in enumerate(colours(labels))
    )
    script = (_HERE / "page.js").read_text("utf-8")
    data = {
        "utterances": [
            _data(one, number)
            for one, number in zip(
                sorted(talk.utterances, key=lambda one: one.number), of_each, strict=True
            )
        ],
        "media": [{"name": one.name, "address": one.address} for one in media],
        "length": talk.length if talk.timed else None,
        "typical": median(one.end - one.begin for one in talk.utterances) / talk.length,
        "finest": FINEST,
    }
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        f"media-src {'data:' if embed else chr(39) + 'self' + chr(39) + ' file:'}; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}: who felt what, and when</title>
<style>{style}</style>
</head>
<body>
<header>
<h1><bdi>{escape(title)}</bdi></h1>
{summary(talk)}
</header>
<main id="page">
<div id="side"><div id="sticky">
{_player(media, embed)}
<section id="chosen" class="card" aria-label="Chosen utterance" aria-live="polite">
<p id="where" class="soft"></p>
<p id="words" dir="auto"></p>
<p id="felt"></p>
<ul id="notes"></ul>
<details><summary>Exact numbers</summary>
<table><caption>Probability of each emotion</caption><tbody id="scores"></tbody></table>
<ul id="facts"></ul></details>
</section>
</div></div>
<section aria-labelledby="timeline-title">
<h2 id="timeline-title">Timeline</h2>
<p class="soft">{_HELP}</p>
<div id="scroll" tabindex="0" role="group" aria-label="Timeline. Arrow keys choose an utterance, \
Enter plays it. The transcript says the same in words.">
<div id="track">{lanes(talk, letter)}<div id="playhead" hidden></div></div>
</div>
<div id="tools" hidden><span class="soft">Zoom</span>
<button type="button" id="wider" aria-label="Zoom out">\N{MINUS SIGN}</button>
<button type="button" id="closer" aria-label="Zoom in">+</button></div>
{_legend(talk, letter)}
</section>
{people(talk, letter)}
{transcript(talk, letter)}
{not_understood(talk)}
{about(model)}
</main>
<script type="application/json" id="data">{_inert(data)}</script>
<script>{script}</script>
</body>
</html>
"""


def _data(one: Utterance, number: int | None) -> dict[str, Any]:
    """Return what the script has to know of an utterance."""
    answer = one.answer
    return {
        "media": number,
        "start": answer.get("start"),
        "end": answer.get("end"),
        "felt": answer_in_words(one),
        "notes": [str(answer["error"])] if one.unread else list(answer.get("cautions") or []),
        "scores": [
            [label, round(score, 4)]
            for label, score in sorted(one.scores.items(), key=lambda item: -item[1])
        ],
        "facts": facts(one),
    }


def _inert(data: Any) -> str:
    """Return JSON in which nothing ends the script that contains it."""
    text = json.dumps(data, separators=(",", ":"))  # in ASCII
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _player(media: Sequence[Media], embed: bool) -> str:
    if not media:
        return ""
    tag = "video" if any(one.frames for one in media) else "audio"
    where = "" if embed else " Put it where this page expects it, in most cases beside the page."
    kind = "" if tag == "video" else ' class="sound"'
    return (
        f'<{tag} id="player"{kind} controls playsinline preload="metadata" '
        f'aria-label="Recording"></{tag}>\n'
        f'<p class="soft">Recording: <bdi id="recording">{escape(media[0].name)}</bdi></p>\n'
        f'<p id="lost" role="alert" hidden>The recording cannot be played.{where}</p>'
    )


def _legend(talk: Talk, letter: dict[str, str]) -> str:
    items = "".join(
        f'<li><span class="sign e{number}">{escape(letter[label])}</span> {escape(label)}</li>'
        for number, label in enumerate(talk.labels)
    )
    return (
        f'<ul class="legend" aria-label="Emotions">{items}'
        '<li><span class="sign unclear">?</span> unclear</li></ul>'
        '<p class="soft">A higher bar is a surer answer. A dashed frame means that the answer is '
        "unclear: it says little, or no emotion was likely enough to name one.</p>"
    )


__all__ = ["report_page"]
