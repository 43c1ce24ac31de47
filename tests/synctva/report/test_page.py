"""The report as text: its parts, its numbers, its policy, and what it does not contain."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from synctva.answered import plain
from synctva.report import media, report_page
from synctva.report.emotions import colours, ink, letters, sureness
from synctva.report.talk import UNCLEAR, doubts, read_talk, shares, turning_points
from synctva.report.timeline import clock
from tests.support.hostile_text import HOSTILE
from tests.synctva.answer_files.conftest import answer


class Page(HTMLParser):
    """Elements with their attributes, and what is in the scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, re.S)
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    @property
    def data(self):
        return json.loads(self.scripts[0])

    @property
    def policy(self):
        return next(a["content"] for _, a in self.elements if "http-equiv" in a)


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


TALK = [
    {"speaker": "Ann", "text": "Well.", "start": 0, "end": 3},
    {"speaker": "Bo", "text": "What?", "start": 3, "end": 4},
    {"speaker": "Ann", "text": "Oh no!", "start": 4, "end": 5},
    {"speaker": "Ann", "text": "Hm.", "start": 5, "end": 6},
    {"speaker": "Ann", "text": "Ha!", "start": 6, "end": 7},
]


@pytest.fixture
def answered():
    answers = [
        answer("neutral", 0.9, scores={"neutral": 0.9, "joy": 0.1}),
        answer(None, 0.3, cautions=["the speech recogniser is unsure of the words (0.31)"]),
        answer("anger", 0.7, scores={"neutral": 0.2, "anger": 0.7, "joy": 0.1}),
        answer("joy", 0.4, informative=False, cautions=["it says nothing"]),
        answer("joy", 0.8, scores={"joy": 0.8, "anger": 0.2}),
    ]
    return [{**u, **a} for u, a in zip(TALK, answers, strict=True)]


def test_shares_and_turning_points_of_a_speaker(answered):
    ann = read_talk(answered).of("Ann")
    assert shares(ann) == pytest.approx(
        {"neutral": 0.5, "anger": 1 / 6, "joy": 1 / 6, UNCLEAR: 1 / 6}
    )
    assert [(t.before.number, t.utterance.number) for t in turning_points(ann)] == [(0, 2), (2, 4)]
    assert [t.size for t in turning_points(ann)] == pytest.approx([0.7, 0.7])
    assert shares(read_talk(answered).of("Bo")) == {UNCLEAR: 1.0}
    assert turning_points(read_talk(answered).of("Bo")) == []


def test_only_the_largest_changes_are_kept_in_order_of_time():
    changes = [
        {**answer(label, score, scores={label: score}), "text": "x"}
        for label, score in zip("abababab", (0.1, 0.9, 0.9, 0.2, 0.9, 0.9, 0.3, 0.1), strict=True)
    ]
    turns = turning_points(read_talk(changes).utterances)
    assert [turn.utterance.number for turn in turns] == [2, 3, 4, 5, 6]  # not 0.5 and 0.2


def test_what_was_not_understood_is_grouped(answered):
    answered[4] = {
        **answered[4],
        "cautions": ["the speech recogniser is unsure of the words (0.4)"],
    }
    answered.append({"text": "?", "error": "it cannot be read", "start": 8, "end": 9})
    found = {
        why: [u.number for u in which]
        for why, which in doubts(read_talk(answered).utterances).items()
    }
    assert found == {
        "the speech recogniser is unsure of the words": [1, 4],
        "no emotion was likely enough to name one": [1],
        "it says nothing": [3],
        "not read: it cannot be read": [5],
    }


@pytest.mark.parametrize("without", ["start", "end"])
def test_without_times_the_axis_counts_utterances(without, answered):
    assert read_talk(answered).timed and read_talk(answered).length == 7
    del answered[1][without]
    talk = read_talk(answered)
    assert not talk.timed and talk.length == 5
    page = report_page(answered, title="x")
    assert "no. 5" in page and Page(page).data["length"] is None
    assert "in 0:05" not in page


def test_emotions_have_colours_and_letters_of_their_own():
    seven = ["anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"]
    assert letters(seven) == ["A", "D", "F", "J", "N", "Sa", "Su"]
    assert letters(["a", "ab", "abc"]) == ["A", "Ab", "Abc"]
    for labels in (
        seven,
        ["angry", "excited", "frustrated", "happy", "neutral", "sad"],
        ["x", "y"],
    ):
        assert len(set(colours(labels))) == len(labels)
        assert len(set(letters(labels))) == len(labels)
        assert all(contrast(colour, ink(colour)) > 4.5 for colour in colours(labels))
    assert [sureness(score) for score in (0.2, 0.5, 0.75)] == [
        "not very sure", "rather sure", "quite sure",
    ]  # fmt: skip


def contrast(one, other):
    """Return the contrast of two colours as WCAG 2.2 defines it."""

    def luminance(colour):
        colour = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_times_are_written_as_people_write_them():
    times = [clock(0), clock(59.99), clock(3599), clock(3661.5), clock(59.96, True), clock(7, True)]
    assert times == ["0:00", "0:59", "59:59", "1:01:01", "1:00.0", "0:07.0"]


def test_only_its_own_style_and_script_may_act(answered):
    text = report_page(answered, title="Our talk", model="a/model")
    page = Page(text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert page.policy == (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(page.scripts[1])}; "
        "media-src 'self' file:; base-uri 'none'; form-action 'none'"
    )
    assert not any(name.startswith("on") or name == "style" for _, a in page.elements for name in a)
    assert not re.search(r"https?://", text)
    assert {tag for tag, _ in page.elements} & {"link", "iframe", "img", "object", "form"} == set()
    assert "Our talk" in text and "a/model" in text and "2024/1689" in text


def test_hostile_text_is_only_text():
    hostile = [
        {**answer(text, 0.6, scores={text: 0.6}, cautions=[text]), "text": text, "speaker": text}
        for text in HOSTILE
    ]
    hostile += [{"text": text, "error": text} for text in HOSTILE]
    expected = {tag for tag, _ in Page(report_page(hostile[:1], title="x")).elements}
    for title in HOSTILE[:3]:
        text = report_page(hostile, title=title, model=title, recording="<script>&.wav")
        page = Page(text)
        assert {tag for tag, _ in page.elements} <= expected | {"video", "audio"}
        assert [tag for tag, _ in page.elements].count("script") == 2
        assert not any(name.startswith("on") for _, a in page.elements for name in a)
        assert page.data["utterances"][0]["notes"] == [HOSTILE[0]]
        assert text.isprintable() or not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
        inside = re.search(r'id="data">(.*?)</script>', text, re.S)[1]
        assert inside.isascii() and not set("<>&") & set(inside)


def test_a_recording_is_linked_or_embedded(answered, tmp_path):
    sound = tmp_path / "a call #1?.wav"
    sound.write_bytes(b"RIFF")
    linked = Page(report_page(answered, title="x", recording=sound, folder=tmp_path / "out"))
    assert linked.data["media"] == [
        {"name": "a call #1?.wav", "address": "../a%20call%20%231%3F.wav"}
    ]
    assert ("audio", "player") in [(tag, a.get("id")) for tag, a in linked.elements]
    text = report_page(answered, title="x", recording=sound, embed=True)
    assert Page(text).data["media"][0]["address"] == "data:audio/x-wav;base64,UklGRg=="
    assert "media-src data:;" in Page(text).policy and str(tmp_path) not in text
    own = [{**one, "video": str(tmp_path / f"{i % 2}.mp4")} for i, one in enumerate(answered)]
    page = Page(report_page(own, title="x"))
    assert [one["address"] for one in page.data["media"]] == ["0.mp4", "1.mp4"]
    assert [one["media"] for one in page.data["utterances"]] == [0, 1, 0, 1, 0]
    assert page.data["length"] is None  # two recordings have no common time


def test_a_recording_whose_path_is_not_told_is_warned_of(answered, tmp_path, monkeypatch):
    warned = []
    monkeypatch.setattr(media.logger, "warning", warned.append)
    report_page(answered, title="x", recording="/nowhere/a.wav", folder=tmp_path)
    assert len(warned) == 1 and warned[0].startswith("recording = a.wav: ")
    assert "/nowhere" not in warned[0]


def test_what_cannot_be_shown_is_refused(answered, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="answered is empty"):
        report_page([], title="x")
    with pytest.raises(ValueError, match="utterance 1 has no label"):
        report_page([answered[0], {"text": "Hi!"}], title="x")
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"x" * 600)
    monkeypatch.setattr(media, "LARGEST_EMBEDDED", 1000)
    own = [{**one, "audio": str(tmp_path / "ab"[i % 2]) + ".wav"} for i, one in enumerate(answered)]
    report_page(own[:1], title="x", embed=True)
    with pytest.raises(ValueError, match="embed = True: the recordings have 0 MB: expected"):
        report_page(own, title="x", embed=True)


def test_utterances_are_in_the_order_of_time(answered):
    text = report_page(answered[::-1], title="x")
    words = re.findall(r'class="words">([^<]*)<', text)
    assert words == [one["text"] for one in answered]
    assert plain(" x\ny ") == "x y"
