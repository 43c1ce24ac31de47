"""The plot of the learning curve."""

import numpy as np

from synctva.plots import plot_learning_curve
from tests.synctva.cards.test_model_card import CURVE


def test_the_lines_are_those_of_the_curve_and_the_kept_epoch_is_marked():
    figure = plot_learning_curve(CURVE)
    keys = (("loss", "dev_loss"), ("weighted_f1", "macro_f1"))
    for axes, names in zip(figure.axes, keys, strict=True):
        mark, *lines = axes.lines
        assert list(mark.get_xdata()) == [2, 2]
        for line, name in zip(lines, names, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
            np.testing.assert_array_equal(line.get_ydata(), [point[name] for point in CURVE])


def test_a_loss_that_was_not_logged_is_a_gap():
    curve = [CURVE[0] | {"loss": None}, *CURVE[1:]]
    losses = plot_learning_curve(curve).axes[0]
    assert list(losses.lines[1].get_xdata()) == [2, 3]
    nothing = [point | {"loss": None} for point in CURVE]
    losses = plot_learning_curve(nothing).axes[0]
    assert [text.get_text() for text in losses.get_legend().get_texts()] == ["dev"]
