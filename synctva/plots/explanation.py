"""Plots of an explanation: what each modality adds, and what an utterance attends to."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from synctva.modeling_synctva.configuration_synctva import MODALITIES

# Colours that are distinct to every kind of colour vision: Okabe and Ito, 2008.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
COLORS = dict(zip(MODALITIES, (BLUE, VERMILLION, GREEN), strict=True))

POINTS = 12.0
"""Width of a line with an attention of 1, in points."""

Explanation = Mapping[str, Any]
Edges = dict[tuple[int, str, str | None], float]
"""(source utterance, source modality, destination modality) -> attention."""


def plot_shapley(explanation: Explanation) -> Figure:
    """Plot the Shapley value of each modality as a bar; those to the right support the label.

    Args:
        explanation: from the pipeline's `explain`.
    """
    values = [explanation["shapley"][name] for name in MODALITIES]
    figure = Figure(figsize=(5.5, 2.5), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(
        range(len(MODALITIES)), values, color=[BLUE if v >= 0 else VERMILLION for v in values]
    )
    present = explanation["modalities"]
    texts = [
        f"{value:+.2f}" if name in present else "missing"
        for name, value in zip(MODALITIES, values, strict=True)
    ]
    axes.bar_label(bars, texts, padding=3)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(MODALITIES)), MODALITIES)
    axes.invert_yaxis()
    # Leave room for the numbers beside the bars, on both sides of 0.
    reach = 1.3 * max(*map(abs, values), 0.1)
    axes.set(xlim=(-reach, reach), xlabel="added to the log-probability, nats")
    probability = [math.exp(one["log_probability"]) for one in explanation["log_probabilities"]]
    axes.set_title(
        f"utterance {explanation['utterance']}, {explanation['label']}\n"
        f"probability {probability[-1]:.2f} from its context alone, {probability[0]:.2f} with its "
        "modalities",
        loc="left",
        fontsize="medium",
        parse_math=False,
    )
    return figure


def plot_attention(
    explanation: Explanation, strongest: int = 20, names: Sequence[str] | None = None
) -> Figure:
    """Plot what the nodes of the explained utterance attend to.

    One panel shows the mean over the graph layers and one the fusion. A line starts at its source,
    in the colour of the source's modality, and is wider for more attention. A ring is the attention
    of a node to itself. A small grey dot is a place without a node, because the modality is missing
    or the utterance is outside the windows.

    Args:
        explanation: from the pipeline's `explain`.
        strongest: number of lines per panel.
        names: of all utterances on the axis, such as when each begins; default: numbers from 0.
    """
    panels = _panels(explanation)
    chosen = explanation["utterance"]
    sources = {(t, name) for edges in panels.values() for t, name, _ in edges}
    times = [chosen, *(t for t, _ in sources)]
    first, last = min(times), max(times)
    rows = [*MODALITIES] if explanation["modalities"] else [*MODALITIES, None]
    size = (2.6 + 0.5 * max(last - first + 1, 8), 0.6 + 0.8 * len(rows) * len(panels))
    figure = Figure(figsize=size, layout="constrained")
    for axes, (name, edges) in zip(
        figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0],
        panels.items(),
        strict=True,
    ):
        axes.axvspan(chosen - 0.4, chosen + 0.4, color="0.92", zorder=0)
        for edge in sorted(edges, key=lambda edge: -edges[edge])[:strongest]:
            _draw_edge(axes, rows, edge, chosen, edges[edge])
        _draw_nodes(axes, rows, sources, range(first, last + 1))
        axes.set_yticks(range(len(rows)), [row or "none" for row in rows])
        axes.set(xlim=(first - 0.7, last + 0.7), ylim=(len(rows) - 0.6, -0.95))
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axes.set_title(name, loc="left", fontsize="medium")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"utterance; explained: {chosen if names is None else names[chosen]}")
    if names is not None:
        axes.xaxis.set_major_formatter(lambda at, _: dict(enumerate(names)).get(round(at), ""))
    scale = {"0.1": 0.1, "0.3": 0.3, "0.9": 0.9}
    lines = [Line2D([], [], color="0.4", linewidth=POINTS * part) for part in scale.values()]
    figure.legend(lines, scale, title="attention", loc="outside right upper", frameon=False)
    return figure


def _panels(explanation: Explanation) -> dict[str, Edges]:
    """Return the attention of each edge by panel: the mean of the graph layers, and the fusion."""
    layers = defaultdict(list)
    for edge in explanation["edges"]:
        layers[edge["layer"]].append(edge)
    graph = len(layers) - ("fusion" in layers)
    names = {"fusion": "fusion"}
    panels: dict[str, Edges] = {}
    for layer, edges in sorted(layers.items(), reverse=True):  # graph layers first
        title = names.get(layer, f"graph layers, mean of {graph}" if graph > 1 else "graph layer")
        panel = panels.setdefault(title, defaultdict(float))
        for edge in edges:
            key = (edge["source_utterance"], edge["source_modality"], edge["destination_modality"])
            panel[key] += edge["attention"] / (1 if layer == "fusion" else graph)
    return panels or {"no attention": {}}


def _draw_nodes(axes: Axes, rows: list[str | None], sources: set, times: range) -> None:
    for row, name in enumerate(rows):
        nodes = [time for time in times if (time, name) in sources]
        gaps = [time for time in times if (time, name) not in sources]
        if nodes:
            color = COLORS[str(name)]
            axes.plot(nodes, [row] * len(nodes), "o", markersize=7, color=color, zorder=3)
        axes.plot(gaps, [row] * len(gaps), "o", markersize=2, color="0.7", zorder=3)


def _draw_edge(
    axes: Axes, rows: list[str | None], edge: tuple, destination_time: int, attention: float
) -> None:
    time, source, destination = edge
    start = np.array([time, rows.index(source)], dtype=float)
    end = np.array([destination_time, rows.index(destination)], dtype=float)
    color, width = COLORS[source], POINTS * attention
    if (start == end).all():
        axes.plot(*end, "o", markersize=9 + width, fillstyle="none", color=color,
                  markeredgewidth=width, zorder=2)  # fmt: skip
        return
    middle = (start + end) / 2
    if source == destination:  # an arc above the row, higher for a larger distance
        middle[1] -= 0.3 + 1.1 * abs(time - destination_time) / (5 + abs(time - destination_time))
    else:  # bent around the nodes in between, away from the edge in the other direction
        middle[0] += 0.4 * (end[1] - start[1])
    path = Path([start, middle, end], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
    axes.add_patch(
        PathPatch(path, fill=False, edgecolor=color, linewidth=width, alpha=0.7, capstyle="round")
    )


__all__ = ["plot_attention", "plot_shapley"]
