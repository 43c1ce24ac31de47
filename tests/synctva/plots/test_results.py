"""Plots of the confusion matrix, of calibration and of abstention."""

import sys

import matplotlib
import numpy as np
import pytest

from synctva.calibration_fitting import calibrate, calibration_report
from synctva.plots import (
    CALIBRATION_PLOTS,
    plot_calibration,
    plot_confusion_matrix,
    plot_coverage_risk,
    write_calibration_plots,
)
from tests.support.toy import toy_config

NAMES = ["calm", "glad", "cross"]


def test_cells_show_counts_and_rows_the_true_classes(tmp_path):
    figure = plot_confusion_matrix([[8, 2, 0], [1, 3, 0], [0, 0, 0]], NAMES, title="test")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == list("820130000")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == NAMES
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    assert rows == ["calm (10)", "glad (4)", "cross (0)"]
    shares = axes.images[0].get_array()
    assert shares[0].tolist() == [0.8, 0.2, 0.0]
    assert shares[2].tolist() == [0.0, 0.0, 0.0]
    figure.savefig(tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 1000


def test_no_global_figure_is_left_open():
    backend = matplotlib.rcParams._get("backend")
    plot_confusion_matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]], NAMES)
    assert matplotlib.rcParams._get("backend") == backend
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2], [3, 4]], r"matrix\.shape = \(2, 2\): expected \(3, 3\)"),
        ([[1, 2, 3], [0, -1, 0], [0, 0, 0]], "0 or more"),
        ([[1, 2, 3], [0, float("nan"), 0], [0, 0, 0]], "finite counts"),
    ],
)
def test_bad_matrices_are_named(matrix, message):
    with pytest.raises(ValueError, match=message):
        plot_confusion_matrix(matrix, NAMES)


@pytest.fixture(scope="module")
def calibration():
    rng = np.random.default_rng(0)
    labels, config = rng.integers(3, size=200), toy_config()
    logits = 3 * rng.normal(size=(200, 3)) + np.eye(3)[labels]
    calibrate(config, logits, labels, np.arange(200) // 10)
    return calibration_report(config, logits, labels, np.arange(200) // 10)


def test_the_calibration_plot_shows_the_bins_before_and_after(calibration):
    figure = plot_calibration(calibration)
    for axes, when in zip(figure.axes, ("before", "after"), strict=True):
        bins = calibration[when]["reliability"]
        shown = axes.collections[0].get_offsets()
        accuracy = [value for value in bins["accuracy"] if value is not None]
        np.testing.assert_allclose(shown[:, 1], accuracy)
        assert f"ECE {calibration[when]['ece']:.3f}" in axes.get_title()


def test_there_is_one_calibration_panel_without_a_temperature(calibration):
    figure = plot_calibration(calibration | {"temperature": 1.0})
    ece = calibration["before"]["ece"]
    assert [axes.get_title() for axes in figure.axes] == [f"not calibrated: ECE {ece:.3f}"]


def test_coverage_risk_curve(calibration):
    axes = plot_coverage_risk(calibration).axes[0]
    curve = calibration["abstention"]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), curve["coverage"])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), curve["risk"])
    assert f"{curve['abstain_below'][4]:.2f}" in [text.get_text() for text in axes.texts]


def test_calibration_plots_are_small_files(calibration, tmp_path):
    write_calibration_plots(tmp_path, calibration)
    assert {path.name for path in tmp_path.iterdir()} == set(CALIBRATION_PLOTS)
    assert all(1_000 < path.stat().st_size < 100_000 for path in tmp_path.iterdir())
