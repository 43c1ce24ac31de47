"""Plots of the pipeline's answers."""

from itertools import pairwise

import numpy as np
import pytest

from synctva.datasets_scripts.labels import MELD_LABELS as LABELS
from synctva.plots import plot_scores, plot_timeline
from tests.support.drawn_plots import assert_readable, texts


def make_answers(count, labels=LABELS):
    probabilities = np.random.default_rng(0).dirichlet(np.full(len(labels), 0.3), size=count)
    answers = []
    for row in probabilities.tolist():
        order = sorted(range(len(labels)), key=lambda c: -row[c])
        scores = {labels[c]: row[c] for c in order}
        answers.append({"label": labels[order[0]], "score": row[order[0]], "scores": scores})
    return answers


def columns(axes):
    """Return the scores that are drawn by their horizontal span, NaN for the background."""
    mesh = axes.collections[0]
    edges = mesh.get_coordinates()[0, :, 0]
    drawn = np.ma.filled(mesh.get_array(), np.nan).T
    return dict(zip(pairwise(edges.tolist()), drawn, strict=True))


@pytest.mark.parametrize(
    ("count", "speakers"), [(1, None), (2, 1), (2, 2), (3, None), (10, 3), (27, None), (50, 9)]
)
def test_no_text_overlaps(count, speakers):
    answers = make_answers(count)
    names = None if speakers is None else [f"speaker {t % speakers}" for t in range(count)]
    assert_readable(plot_timeline(answers, names, title="a conversation"))
    assert_readable(plot_scores(answers[0], title="utterance 0"))


def test_a_panel_shows_the_scores_of_its_speaker():
    answers, speakers = make_answers(3), ["Ann", "Bo", "Ann"]
    ann, bo = plot_timeline(answers, speakers).axes[:2]
    assert [axes.get_title(loc="left") for axes in (ann, bo)] == ["Ann", "Bo"]
    names = [label.get_text() for label in ann.get_yticklabels()]
    assert names == sorted(LABELS)
    shown = columns(ann)
    for t in (0, 2):
        expected = [answers[t]["scores"][name] for name in names]
        np.testing.assert_allclose(shown[t - 0.5, t + 0.5], expected)
    assert np.isnan(shown[0.5, 1.5]).all()
    ((t, row),) = bo.lines[0].get_xydata()
    assert (t, names[int(row)]) == (1, answers[1]["label"])


def test_answers_without_scores_and_abstentions():
    answers = [
        {"label": "joy", "score": 0.9},
        {"label": None, "score": 0.3},
        {"label": "calm", "score": 0.5},
    ]
    figure = plot_timeline(answers)
    assert_readable(figure)
    shown = columns(figure.axes[0])
    assert np.isnan(shown[0.5, 1.5]).all()
    assert [np.nanmax(shown[t - 0.5, t + 0.5]) for t in (0, 2)] == [0.9, 0.5]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0, 2]
    assert_readable(plot_timeline([answers[1]]))  # no score at all


def test_with_times_the_axis_is_in_seconds():
    times = [(0.5, 2.0), (2.0, 3.5), (3.0, 7.0), (6.0, 9.0)]
    answers = [
        {"speaker": name, "start": start, "end": end, **answer}
        for name, (start, end), answer in zip("ABAA", times, make_answers(4), strict=True)
    ]
    figure = plot_timeline(answers)
    assert_readable(figure)
    a, b = figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in (a, b)] == ["A", "B"]
    assert b.get_xlabel() == "time in seconds" and b.get_xlim() == (0.5, 9.0)
    shown = columns(a)
    # Where a speaker's utterances overlap, the later one is drawn.
    assert list(shown) == [(0.5, 2.0), (2.0, 3.0), (3.0, 6.0), (6.0, 6.0), (6.0, 9.0)]
    assert np.isnan(shown[2.0, 3.0]).all()
    names = [label.get_text() for label in a.get_yticklabels()]
    expected = [answers[3]["scores"][name] for name in names]
    np.testing.assert_allclose(shown[6.0, 9.0], expected)
    assert a.lines[0].get_xdata().tolist() == [1.25, 5.0, 7.5]
    del answers[1]["end"]
    assert plot_timeline(answers).axes[1].get_xlabel() == "utterance"


def test_many_speakers_share_the_last_panel():
    speakers = ["Ann", *(f"guest {t}" for t in range(40)), "Ann"]
    panels = plot_timeline(make_answers(42), speakers).axes[:-1]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["Ann", *(f"guest {t}" for t in range(6)), "34 others"]


def test_special_characters_are_drawn_literally():
    odd = ["a$b$c", "\\frac", "x" * 100, "_^"]
    answers = make_answers(4, odd)
    figure = plot_timeline(answers, odd, title="$")
    assert_readable(figure)
    shown = {text.get_text() for text in texts(figure)}
    assert {"a$b$c", "\\frac", "x" * 19 + "…", "$"} <= shown
    assert_readable(plot_scores(answers[0], title="$x$"))


def test_bars_have_the_scores_and_prediction_sets_are_dark():
    answer = make_answers(1)[0]
    axes = plot_scores(answer).axes[0]
    assert [bar.get_width() for bar in axes.patches] == list(answer["scores"].values())
    assert [label.get_text() for label in axes.get_yticklabels()] == list(answer["scores"])

    def dark(answer):
        colors = [bar.get_facecolor() for bar in plot_scores(answer).axes[0].patches]
        return [color[0] < 0.1 for color in colors].count(True)

    assert dark(answer) == 1
    assert dark(answer | {"prediction_set": list(answer["scores"])[:3]}) == 3
    assert dark(answer | {"label": None}) == 0


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="answers is empty"):
        plot_timeline([])
    with pytest.raises(ValueError, match="speakers has 1 names: expected 2"):
        plot_timeline(make_answers(2), ["Ann"])
