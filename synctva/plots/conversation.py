"""Plots of the pipeline's answers: emotions over a conversation, scores of an utterance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

Answer = Mapping[str, Any]

MOST_PANELS = 8
"""Maximum number of panels; those who speak least share the last one."""


def plot_timeline(
    answers: Sequence[Answer],
    speakers: Sequence[str | None] | None = None,
    title: str | None = None,
) -> Figure:
    """Plot the emotions over a conversation, with one panel per speaker.

    A darker colour is a higher score, and grey means that another speaker speaks or nobody does. A
    dot marks the label of an utterance; without a dot, the model abstained. The axis is in seconds
    if all answers have `start` and `end`, and counts utterances otherwise.

    Args:
        answers: the pipeline's answer for each utterance. With `scores` (`top_k=None`) all emotions
            are shown, otherwise only the likeliest.
        speakers: speaker of each utterance; default: those of the answers, or if no answer has one,
            one panel for all.
        title: above the plot.

    Raises:
        ValueError: there is no answer, or the number of speakers differs.
    """
    if not answers:
        raise ValueError("answers is empty: expected at least one")
    if speakers is not None and len(speakers) != len(answers):
        raise ValueError(
            f"speakers has {len(speakers)} names: expected {len(answers)}, one for each answer"
        )
    scores = [_scores(answer) for answer in answers]
    labels = sorted({label for one in scores for label in one}) or [""]
    given = [answer.get("speaker") for answer in answers] if speakers is None else speakers
    names = _panels([None if name is None else str(name) for name in given])
    spans, unit = _spans(answers)
    panels = list(dict.fromkeys(names))
    size = (2.6 + 0.28 * max(len(answers), 8), 1 + len(panels) * (0.4 + 0.2 * len(labels)))
    figure = Figure(figsize=size, layout="constrained")
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(rows, panels, strict=True):
        axes.set_facecolor("0.92")
        spoken = sorted((t for t, name in enumerate(names) if name == panel), key=spans.__getitem__)
        edges: list[float] = []
        columns = np.full((2 * len(spoken) - 1, len(labels)), np.nan)  # with what lies between
        for column, t in enumerate(spoken):
            start, end = spans[t]
            if column + 1 < len(spoken):
                end = min(end, spans[spoken[column + 1]][0])
            edges += [start, end]
            for label, score in scores[t].items():
                columns[2 * column, labels.index(label)] = score
        sure = [t for t in spoken if answers[t]["label"] is not None]
        heights = [labels.index(answers[t]["label"]) for t in sure]
        middles = [sum(spans[t]) / 2 for t in sure]
        axes.plot(middles, heights, "o", markersize=5, color="white", markeredgecolor="black")
        rows_between = np.arange(len(labels) + 1) - 0.5
        mesh = axes.pcolormesh(edges, rows_between, columns.T, cmap="Blues", vmin=0, vmax=1)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_yticks(range(len(labels)), list(map(shorten, labels)), parse_math=False)
        axes.set_title(panel, loc="left", fontsize="medium", parse_math=False)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    rows[-1].set_xlim(min(start for start, _ in spans), max(end for _, end in spans))
    rows[-1].set_xlabel(unit)
    figure.colorbar(mesh, ax=list(rows), label="score", aspect=15)
    figure.suptitle(title or "", parse_math=False)
    return figure


def plot_scores(answer: Answer, title: str | None = None) -> Figure:
    """Plot the scores of an utterance as bars, with the highest at the top.

    The bars of the prediction set are dark, or that of the label if there is no set.

    Args:
        answer: the pipeline's answer for the utterance.
        title: above the plot.
    """
    scores = _scores(answer)
    labels = sorted(scores, key=lambda label: -scores[label])
    dark = answer.get("prediction_set", [answer["label"]])
    figure = Figure(figsize=(5, 0.9 + 0.3 * len(labels)), layout="constrained")
    axes = figure.subplots()
    colors = ["#0072B2" if label in dark else "#A6CEE8" for label in labels]
    bars = axes.barh(range(len(labels)), [scores[label] for label in labels], color=colors)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_yticks(range(len(labels)), list(map(shorten, labels)), parse_math=False)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12), xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="score")
    axes.set_title(title or "", parse_math=False)
    return figure


def shorten(name: str, most: int = 20) -> str:
    """Return the name, shortened so that it leaves room for the plot."""
    return name if len(name) <= most else name[: most - 1] + "…"


def _scores(answer: Answer) -> Mapping[str, float]:
    """Return the known scores by label: none for an abstention without scores."""
    if "scores" in answer or answer["label"] is None:
        return answer.get("scores", {})
    return {answer["label"]: answer["score"]}


def _spans(answers: Sequence[Answer]) -> tuple[list[tuple[float, float]], str]:
    """Return from where to where each utterance is drawn, and the name of the axis."""
    if all("start" in answer and "end" in answer for answer in answers):
        return [(a["start"], max(a["start"], a["end"])) for a in answers], "time in seconds"
    return [(t - 0.5, t + 0.5) for t in range(len(answers))], "utterance"


def _panels(speakers: Sequence[str | None]) -> list[str]:
    """Return the title of the panel of each utterance."""
    spoken = Counter(speakers)
    kept = {name for name, _ in spoken.most_common(MOST_PANELS - (len(spoken) > MOST_PANELS))}
    others = f"{len(spoken) - len(kept)} others"
    return [shorten(name or "") if name in kept else others for name in speakers]


__all__ = ["plot_scores", "plot_timeline"]
