"""The list of utterances, and why one of them got its emotion: in words and in exact terms."""

import re
from html.parser import HTMLParser

import pytest

from synctva.app.analysis import analyse_recording, analyse_text
from synctva.app.explanation import show_explanation, show_utterances

TYPED = "Ann: I got the <job>!\n\nBo: No way: you did?\nThat is all."
HOSTILE = "<img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """The cells of the tables by caption, the attributes of buttons, and all tags."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.buttons, self.tags, self.styles = {}, [], [], []
        self._cell, self._caption = None, None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        if tag == "button":
            self.buttons.append(attributes | {"text": ""})
        if attributes.get("class", "").startswith("bar "[:3]) and "style" in attributes:
            self.styles.append(attributes["style"])
        if tag == "caption":
            self._cell, self._caption = "caption", ""
        elif tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        elif tag in ("th", "td"):
            self._cell = tag
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag):
        if tag in ("caption", "th", "td"):
            self._cell = None

    def handle_data(self, data):
        if self.buttons:
            self.buttons[-1]["text"] += data
        if self._cell == "caption":
            self._caption += data
        elif self._cell:
            self.tables[self._caption][-1][-1] += data


def shown(recognise, analysis, chosen):
    return Page(show_explanation(recognise, analysis, chosen))


def test_each_utterance_is_a_button_and_one_is_chosen(recognise):
    analysis = analyse_text(recognise, TYPED)
    page = Page(show_utterances(analysis, 1))
    assert [button["data-utterance"] for button in page.buttons] == ["0", "1", "2"]
    assert [button["aria-current"] for button in page.buttons] == ["false", "true", "false"]
    assert [button["tabindex"] for button in page.buttons] == ["-1", "0", "-1"]
    label, score = analysis.answers[0]["label"], analysis.answers[0]["score"]
    assert re.fullmatch(rf"1Ann I got the <job>!{label}\??\s{score:.0%}", page.buttons[0]["text"])


def test_the_explanation_has_the_numbers_of_the_pipeline(recognise):
    analysis = analyse_text(recognise, TYPED)
    explanation = recognise.explain(analysis.conversation, 1)
    page = shown(recognise, analysis, 1)
    scores = analysis.answers[1]["scores"]
    assert page.tables["Scores of utterance 2"][1:] == [
        [name, f"{score:.3f}"] for name, score in scores.items()
    ]
    assert [[row[0], row[2]] for row in page.tables["How likely each emotion is"]] == [
        [name, f"{score:.0%}"] for name, score in scores.items()
    ]
    label = explanation["label"]
    text = f"{explanation['shapley']['text']:+.3f}"
    assert page.tables[f"Shapley values for “{label}”"][1:] == [
        ["text", text], ["visual", "missing"], ["audio", "missing"],
    ]  # fmt: skip
    words, face, voice = page.tables[f"What speaks for “{label}”"]
    assert face[2] == voice[2] == "not used"
    assert ("for it" in words[2] or "matters" in words[2]) == (
        explanation["shapley"]["text"] > -0.1
    )
    edges = page.tables["Attention of utterance 2"][1:]
    assert len(edges) == len(explanation["edges"])
    assert {row[1] for row in edges} <= {"1", "2", "3"}
    assert [float(row[-1]) for row in edges] == [
        round(edge["attention"], 3) for edge in explanation["edges"]
    ]


def test_where_the_model_looked_is_the_share_of_the_attention(recognise):
    analysis = analyse_text(recognise, TYPED)
    edges = recognise.explain(analysis.conversation, 1)["edges"]
    total = sum(edge["attention"] for edge in edges)
    rows = shown(recognise, analysis, 1).tables["Where the model looked"]
    assert [row[0] for row in rows] == [
        "1 Ann: I got the <job>!", "2 (this one) Bo: No way: you did?", "3 That is all.",
    ]  # fmt: skip
    for number, row in enumerate(rows):
        own = sum(e["attention"] for e in edges if e["source_utterance"] == number)
        assert row[2] == f"{own / total:.0%}"


def test_only_the_utterances_with_most_attention_are_listed(recognise):
    analysis = analyse_text(recognise, "\n".join(["Ann: No way!", "Bo: Oh."] * 8))
    rows = shown(recognise, analysis, 8).tables["Where the model looked"]
    places = [int(row[0].split()[0]) for row in rows]
    assert len(rows) <= 6 and places == sorted(places) and 9 in places


def test_times_stand_for_numbers_where_there_is_a_recording(recognise, call, heard):
    analysis = analyse_recording(recognise, call, 1)
    html = show_explanation(recognise, analysis, 2)
    page = Page(html)
    assert "0:04 · <bdi>Speaker 1</bdi>: " in html
    assert "Scores of utterance 0:04" in page.tables
    rows = page.tables["Where the model looked"]
    assert rows[-1][0] == "0:04 (this one) Speaker 1: I am so sorry."
    assert {row[1] for row in page.tables["Attention of utterance 0:04"][1:]} <= {
        "0:00", "0:02", "0:04",
    }  # fmt: skip


def test_a_recording_is_not_read_again(recognise, call, heard, monkeypatch):
    analysis = analyse_recording(recognise, call)
    monkeypatch.setattr(recognise, "preprocess", None)
    show_explanation(recognise, analysis, 1)


def test_bars_lie_within_their_cells(recognise):
    analysis = analyse_text(recognise, TYPED)
    for number in range(3):
        for style in shown(recognise, analysis, number).styles:
            extent = [float(part) for part in re.findall(r":(-?[\d.]+)%", style)]
            assert all(part >= 0 for part in extent) and sum(extent) <= 100


@pytest.mark.parametrize("text", [HOSTILE, "</details><h1>", "&lt;b&gt;", "a\u202eb", "\ud83d"])
def test_texts_and_speakers_are_text(recognise, text):
    analysis = analyse_text(recognise, TYPED)
    for item in analysis.conversation:
        item["text"] = item["speaker"] = text
    for answer in analysis.answers:
        answer["text"] = answer["speaker"] = text
    html = show_utterances(analysis, 0) + show_explanation(recognise, analysis, 0)
    assert not {"h1", "b>"} & set(Page(html).tags) and HOSTILE not in html
    assert Page(html).tags.count("img") == 1  # the plot
    html.encode()


def test_an_answer_that_says_little_is_called_so(recognise):
    analysis = analyse_text(recognise, TYPED)
    item = analysis.answers[0]
    item["informative"], item["cautions"] = False, ["it says <nothing>"]
    html = show_explanation(recognise, analysis, 0)
    assert f"perhaps {item['label']}, but the answer says little" in html
    assert "<li>it says &lt;nothing&gt;</li>" in html
