"""Plots of made-up runs: what is drawn, and what is left out."""

import numpy as np
import pytest

from benchmarks.accuracy.plots import (
    main,
    plot_ablations,
    plot_classes,
    plot_confusion,
    plot_curves,
)
from benchmarks.accuracy.runs import Variant, write_run
from tests.support.made_up_runs import NAMES, WHOLE, made_up_runs, made_up_truth


@pytest.fixture(scope="module")
def runs():
    return made_up_runs(made_up_truth())


def test_confusion_is_summed_over_the_seeds(runs):
    total = np.sum([run["confusion_matrix"] for run in runs[WHOLE]], axis=0)
    axes = plot_confusion(runs).axes[0]
    assert [int(text.get_text()) for text in axes.texts] == total.flatten().tolist()
    assert axes.get_title() == "meld, test, 3 seeds together"


def test_classes_have_a_marker_per_model(runs):
    axes = plot_classes(runs).axes[0]
    assert [line.get_label() for line in axes.lines] == ["synctva", "bigru", "concat-mlp"]
    means = [np.mean([100 * r["test"]["per_class_f1"][n] for r in runs[WHOLE]]) for n in NAMES]
    assert axes.lines[0].get_ydata() == pytest.approx(means)


def test_ablations_have_a_bar_of_their_mean_loss(runs):
    axes = plot_ablations(runs).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["no-context", "loss-focal"]
    scores = [
        np.mean([100 * run["dev"]["weighted_f1"] for run in runs[variant]])
        for variant in (WHOLE, Variant("synctva", "no-context"))
    ]
    assert axes.patches[0].get_width() == pytest.approx(scores[0] - scores[1])


def test_curves_are_means_over_the_seeds(runs):
    axes = plot_curves(runs).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert {"synctva", "bigru", "concat-mlp"} <= set(lines)
    assert lines["synctva"].get_ydata() == pytest.approx([40.0, 50.0])


def test_plots_are_written_and_what_is_missing_left_out(runs, tmp_path, capsys):
    for these in runs.values():
        for run in these:
            write_run(tmp_path / "runs", run)
    options = ["--dataset", "meld", "--features", "made up", "--results", str(tmp_path / "runs")]
    main([*options, "--out", str(tmp_path / "plots")])
    names = {"confusion", "classes", "ablations", "curves"}
    written = {path.name: path.stat().st_size for path in (tmp_path / "plots").iterdir()}
    assert set(written) == {f"meld-made up-{name}.png" for name in names}
    assert all(2_000 < size < 60_000 for size in written.values())
    older = {k: v for k, v in runs[WHOLE][0].items() if k not in ("confusion_matrix", "dev_curve")}
    write_run(tmp_path / "older", older)
    options[-1] = str(tmp_path / "older")
    main([*options, "--out", str(tmp_path / "few")])
    assert [path.name for path in (tmp_path / "few").iterdir()] == ["meld-made up-classes.png"]
    assert "curves: left out" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no run on iemocap"):
        main(["--dataset", "iemocap", "--results", str(tmp_path / "runs")])
