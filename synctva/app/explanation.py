"""Why an utterance got its emotion, as HTML: in everyday words, and below a fold in exact terms."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from synctva import MODALITIES, EmotionRecognitionPipeline
from synctva.answered import emotion, plain
from synctva.modeling_synctva.explanation import explain_utterance
from synctva.plots import plot_attention
from synctva.plots.html import plot, table
from synctva.report.emotions import sureness

from .analysis import Analysis

SOURCES = {"text": "the words", "visual": "the face", "audio": "the voice"}

MOST_ATTENDED = 6
"""Utterances that are listed as looked at."""

LITTLE, MUCH = 0.1, 1.0
"""Shapley values in nats from which on a modality is said to count, and to count much."""

_Cell = tuple[str, float, str]
"""What it is, the length of its bar in [-1, 1], and what that says."""


def show_utterances(analysis: Analysis, chosen: int) -> str:
    """Return the utterances as buttons in a list, of which one is chosen."""
    rows = "".join(
        f'<li><button type="button" data-utterance="{number}" '
        f'aria-current="{str(number == chosen).lower()}" tabindex="{-(number != chosen)}">'
        f"<span>{analysis.place(number)}</span>"
        f"<span><b>{_isolated(item.get('speaker'))}</b> {_isolated(item.get('text'))}</span>"
        f"<span>{escape(emotion(item) or '')}</span></button></li>"
        for number, item in enumerate(analysis.answered)
    )
    return f'<ol class="utterances" aria-label="Utterances">{rows}</ol>'


def show_explanation(recognise: EmotionRecognitionPipeline, analysis: Analysis, chosen: int) -> str:
    """Return what led to an utterance's emotion."""
    item = analysis.answered[chosen]
    tensors = {name: value for name, value in analysis.inputs.items() if hasattr(value, "to")}
    inputs = {name: tensor.to(recognise.device) for name, tensor in tensors.items()}
    explanation = explain_utterance(recognise.model, inputs, chosen)
    label = plain(explanation["label"])
    who = f" · {_isolated(item.get('speaker'))}" if item.get("speaker") else ""
    felt = f"{label}, {sureness(item['score'])}"
    if not item["informative"]:
        felt = f"perhaps {label}, but the answer says little"
    cautions = "".join(f"<li>{escape(plain(caution))}</li>" for caution in item["cautions"])
    return (
        f'<section class="why" aria-label="Why"><h3>{analysis.place(chosen)}{who}: '
        f"{escape(felt)}</h3>"
        f"<blockquote>{_isolated(item.get('text') or '(no words)')}</blockquote>"
        + (f"<ul>{cautions}</ul>" if cautions else "")
        + '<div class="panels">'
        + _scores(item)
        + _sources(explanation, label)
        + _attended(analysis, explanation)
        + "</div>"
        + _exact_terms(analysis, explanation, item, chosen)
        + "</section>"
    )


def _scores(item: Mapping[str, Any]) -> str:
    scores = item["scores"].items()
    rows = [(plain(name), score, f"{score:.0%}") for name, score in scores]
    return _bars("How likely each emotion is", rows)


def _sources(explanation: Mapping[str, Any], label: str) -> str:
    """Return what its own words, face and voice add to what the conversation around it says."""
    values = [one["log_probability"] for one in explanation["log_probabilities"]]
    largest = max(*map(abs, explanation["shapley"].values()), MUCH)
    rows = []
    for modality, name in SOURCES.items():
        value = explanation["shapley"][modality]
        missing = modality not in explanation["modalities"]
        rows.append((name, value / largest, "not used" if missing else _weight(value)))
    return _bars(
        f"What speaks for “{label}”",
        rows,
        f"Without this utterance, from the conversation around it alone, “{label}” would have "
        f"{math.exp(values[-1]):.0%}; with it, {math.exp(values[0]):.0%}.",
        "signed",
    )


def _weight(value: float) -> str:
    if abs(value) < LITTLE:
        return "hardly matters"
    much = "clearly" if abs(value) >= MUCH else "a little"
    return f"{much} {'for' if value > 0 else 'against'} it"


def _attended(analysis: Analysis, explanation: Mapping[str, Any]) -> str:
    """Return the utterances that have the largest shares of the attention."""
    shares: dict[int, float] = defaultdict(float)
    for edge in explanation["edges"]:
        shares[edge["source_utterance"]] += edge["attention"]
    if not shares:
        return ""
    total = sum(shares.values())
    largest = sorted(shares, key=lambda number: -shares[number])[:MOST_ATTENDED]
    rows = []
    for number in sorted(largest):
        said = analysis.conversation[number]
        words = f"{said['speaker']}: " if said.get("speaker") else ""
        words += said.get("text") or "(no words)"
        here = " (this one)" if number == explanation["utterance"] else ""
        share = shares[number] / total
        rows.append((f"{analysis.place(number)}{here} {plain(words)}", share, f"{share:.0%}"))
    return _bars(
        "Where the model looked",
        rows,
        "Shares of its attention. To look at something does not mean that it is the cause.",
        "long",
    )


def _exact_terms(
    analysis: Analysis, explanation: Mapping[str, Any], item: Mapping[str, Any], chosen: int
) -> str:
    shapley, present = explanation["shapley"], explanation["modalities"]
    places = [analysis.place(number) for number in range(len(analysis.conversation))]
    label = plain(explanation["label"])
    return (
        "<details><summary>The exact terms</summary><p>A score is the calibrated probability that "
        "an annotator would have chosen the label. A Shapley value is what a modality adds to the "
        "log-probability of the label, averaged over the orders in which the modalities could be "
        "added to the context. Attention weights are means over the heads, and no causes.</p>"
        '<div class="panels">'
        + table(
            f"Scores of utterance {places[chosen]}",
            ["emotion", "score"],
            ([plain(name), f"{score:.3f}"] for name, score in item["scores"].items()),
        )
        + table(
            f"Shapley values for “{label}”",
            ["modality", "nats"],
            ([m, f"{shapley[m]:+.3f}" if m in present else "missing"] for m in MODALITIES),
        )
        + plot(
            plot_attention(explanation, names=places),
            f"Attention of utterance {places[chosen]}",
            ["layer", "source utterance", "source", "destination", "relation", "attention"],
            (
                [
                    e["layer"],
                    places[e["source_utterance"]],
                    *(e[k] for k in ("source_modality", "destination_modality", "relation")),
                    f"{e['attention']:.3f}",
                ]
                for e in explanation["edges"]
            ),
        )
        + "</div></details>"
    )


def _bars(caption: str, rows: Iterable[_Cell], below: str = "", kind: str = "") -> str:
    """Return a table with bars. In one that is "signed", they begin in the middle."""
    body = "".join(
        f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th><td aria-hidden="true">'
        f'<div class="bar{" against" * (length < 0)}" style="{_extent(length, kind == "signed")}">'
        f"</div></td>"
        f"<td>{escape(words)}</td></tr>"
        for name, length, words in rows
    )
    note = f"<p>{escape(below)}</p>" if below else ""
    return (
        f'<div class="bars {kind}"><table><caption>{escape(caption)}</caption>'
        f"<tbody>{body}</tbody></table>{note}</div>"
    )


def _extent(length: float, signed: bool) -> str:
    if not signed:
        return f"width:{length:.1%}"
    begin = 0.5 if length >= 0 else 0.5 + length / 2
    return f"margin-left:{begin:.1%};width:{abs(length) / 2:.1%}"


def _isolated(text: Any) -> str:
    """Return text as HTML whose direction of writing does not spread."""
    return f"<bdi>{escape(plain(text or ''))}</bdi>"


__all__ = ["show_explanation", "show_utterances"]
