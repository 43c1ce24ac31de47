"""Plots of explanations."""

import sys

import matplotlib
import pytest
import torch

from synctva.modeling_synctva.explanation import explain_utterance
from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
from synctva.plots import plot_attention, plot_shapley
from tests.support.drawn_plots import assert_readable, texts
from tests.support.toy import WIDTHS, toy_config


def make_explanation(count, utterance, present=(True, True, True), **changes):
    torch.manual_seed(0)
    windows = {"past_window": 50, "future_window": 50}
    model = SyncTVAForEmotionRecognition(toy_config(**windows | changes)).eval()
    inputs = {f"{name}_features": torch.randn(1, count, width) for name, width in WIDTHS.items()}
    inputs["modality_mask"] = torch.rand(1, count, 3) > 0.1
    inputs["modality_mask"][0, utterance] = torch.tensor(present)
    return explain_utterance(model, inputs, utterance)


@pytest.mark.parametrize(
    ("count", "utterance"), [(1, 0), (2, 1), (5, 0), (20, 19), (50, 25), (50, 0)]
)
def test_no_text_overlaps(count, utterance):
    explanation = make_explanation(count, utterance, num_hidden_layers=2)
    assert_readable(plot_attention(explanation))
    assert_readable(plot_shapley(explanation))


def test_bars_have_the_values():
    explanation = make_explanation(4, 2, (True, False, True))
    figure = plot_shapley(explanation)
    axes = figure.axes[0]
    shown = [bar.get_width() for bar in axes.patches]
    assert shown == list(explanation["shapley"].values())
    words = [text.get_text() for text in axes.texts]
    assert words[1] == "missing"
    assert words[0] == f"{explanation['shapley']['text']:+.2f}"
    assert f"utterance 2, {explanation['label']}\n" in axes.get_title(loc="left")


def test_the_widest_line_is_the_edge_with_the_most_attention():
    explanation = make_explanation(6, 3, num_hidden_layers=1)
    graph, fusion = plot_attention(explanation, strongest=1000).axes
    assert [axes.get_title(loc="left") for axes in (graph, fusion)] == ["graph layer", "fusion"]
    for axes, layer in ((graph, "graph 1"), (fusion, "fusion")):
        between = [
            edge
            for edge in explanation["edges"]
            if edge["layer"] == layer
            and (edge["source_utterance"], edge["source_modality"])
            != (3, edge["destination_modality"])
        ]
        lines = [patch for patch in axes.patches if not patch.get_fill()]
        assert len(lines) == len(between)
        widths = [line.get_linewidth() / 12 for line in lines]
        assert widths == pytest.approx([edge["attention"] for edge in between])
        start = lines[0].get_path().vertices[0]
        rows = ("text", "visual", "audio")
        assert tuple(start) == (
            between[0]["source_utterance"],
            rows.index(between[0]["source_modality"]),
        )
    few = plot_attention(explanation, strongest=3).axes[1]
    assert sum(not patch.get_fill() for patch in few.patches) == 3


def test_the_graph_layers_are_averaged():
    explanation = make_explanation(2, 0, num_hidden_layers=2)
    axes = plot_attention(explanation, strongest=1000).axes[0]
    assert axes.get_title(loc="left") == "graph layers, mean of 2"
    total = sum(edge["attention"] for edge in explanation["edges"] if edge["layer"] != "fusion")
    lines = sum(patch.get_linewidth() for patch in axes.patches if not patch.get_fill())
    rings = sum(line.get_markeredgewidth() for line in axes.lines if line.get_fillstyle() == "none")
    assert (lines + rings) / 12 == pytest.approx(total / 2)


@pytest.mark.parametrize("changes", [{}, {"num_hidden_layers": 0, "use_fusion": False}])
def test_an_utterance_without_modality_and_a_model_without_attention(changes):
    explanation = make_explanation(4, 2, (False, False, False), **changes)
    figure = plot_attention(explanation)
    assert_readable(figure)
    assert "none" in [text.get_text() for text in texts(figure)]
    assert [text.get_text() for text in plot_shapley(explanation).axes[0].texts] == ["missing"] * 3


def test_no_display_is_needed():
    backend = matplotlib.rcParams._get("backend")
    plot_attention(make_explanation(3, 1))
    assert matplotlib.rcParams._get("backend") == backend
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
