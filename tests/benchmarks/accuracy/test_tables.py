"""Tables of made-up runs: their cells against the numbers they are made of."""

import numpy as np
import pytest

from benchmarks.accuracy.comparisons import in_common, lead, mean_interval
from benchmarks.accuracy.runs import Variant
from benchmarks.accuracy.tables import (
    ablations_table,
    comparisons_table,
    join,
    models_table,
    ordered,
    per_class_table,
    subsets_table,
    tables,
    write_table,
    write_tables,
)
from synctva.metrics.bootstrap import holm, paired_bootstrap
from tests.support.made_up_runs import NAMES, WHOLE, made_up_run, made_up_runs, made_up_truth


@pytest.fixture(scope="module")
def truth():
    return made_up_truth()


@pytest.fixture(scope="module")
def runs(truth):
    return made_up_runs(truth)


def rows(table):
    """Cells by the first cell; the header as `header`."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert len({len(line) for line in lines}) == 1
    header = lines[0]
    return {line[0]: dict(zip(header, line, strict=True)) for line in lines[2:]}


def test_models_have_mean_and_deviation_over_seeds(runs, truth):
    table = rows(models_table(runs, truth))
    assert list(table) == ["synctva", "bigru", "concat-mlp"]  # no ablation, in their order
    values = [100 * run["test"]["weighted_f1"] for run in runs[WHOLE]]
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    assert table["synctva"]["weighted F1"] == f"{mean:.1f} ± {deviation:.1f}"
    assert table["synctva"]["seeds"] == "3" and table["synctva"]["s per seed"] == "11"
    low, high = map(float, table["synctva"]["95% interval"].split(" to "))
    assert low < mean < high
    assert "95% interval" not in models_table(runs)
    single = rows(models_table({WHOLE: runs[WHOLE][:1]}))
    assert single["synctva"]["weighted F1"] == f"{values[0]:.1f}"


def test_every_model_is_tested_with_holms_correction(runs, truth):
    table = rows(comparisons_table(runs, truth["test"]))
    assert list(table) == ["bigru", "concat-mlp"]
    expected = [lead(runs[WHOLE], runs[Variant(name)], truth["test"], "test") for name in table]
    adjusted = holm([found.p_value for found in expected])
    for row, found, corrected in zip(table.values(), expected, adjusted, strict=True):
        for column, value in (("p", found.p_value), ("p (Holm)", corrected)):
            assert row[column] == ("< 0.001" if value < 0.001 else f"{value:.3f}")
        assert row["lead in weighted F1 (95%)"].startswith(f"{100 * found.difference:+.1f} (")
    assert adjusted[1] < 0.05


def test_a_lead_is_the_paired_bootstrap_on_the_seeds_in_common(runs, truth):
    labels, ids = truth["test"]
    other = runs[Variant("bigru")][1:]
    found = lead(runs[WHOLE], other, truth["test"], "test", num_resamples=200)
    answers = [
        [np.array(list(run["answers"]["test"].replace(" ", "")), dtype=int) for run in these[-2:]]
        for these in (runs[WHOLE], other)
    ]
    there = labels >= 0
    mine, theirs = (np.array(these)[:, there] for these in answers)
    assert found == paired_bootstrap(mine, theirs, labels[there], ids[there], num_resamples=200)
    scores = [np.mean([run["test"]["weighted_f1"] for run in t]) for t in (runs[WHOLE][1:], other)]
    assert found.difference == pytest.approx(scores[0] - scores[1])
    first, second = in_common(runs[WHOLE], other)
    assert [run["seed"] for run in first] == [run["seed"] for run in second] == [1, 2]
    assert lead(runs[WHOLE][:1], other, truth["test"], "test") is None


def test_every_class_has_its_f1_and_the_losses_too(runs):
    table = rows(per_class_table(runs))
    assert list(table) == ["synctva", "bigru", "concat-mlp", "synctva loss-focal"]
    for name in NAMES:
        mean = np.mean([100 * run["test"]["per_class_f1"][name] for run in runs[WHOLE]])
        assert table["synctva"][name].startswith(f"{mean:.1f} ±")


def test_a_model_is_scored_without_each_of_its_modalities(truth):
    part = {"accuracy": 0.5, "weighted_f1": 0.4, "macro_f1": 0.3}
    made = [made_up_run(seed=seed, truth=truth, subsets={"text": part}) for seed in (0, 1)]
    lines = subsets_table({WHOLE: made}).splitlines()
    assert lines[2] == "| text | 50.0 ± 0.0 | 40.0 ± 0.0 | 30.0 ± 0.0 |"
    assert lines[3].startswith("| all | ")
    assert subsets_table({WHOLE: [made_up_run(truth=truth)]}) == ""


def test_ablations_say_what_is_lost_on_dev(runs, truth):
    table = rows(ablations_table(runs, truth))
    assert list(table) == ["whole", "no-context", "loss-focal"]
    plain = rows(ablations_table(runs))
    for name in ("no-context", "loss-focal"):
        scores = [
            np.mean([100 * run["dev"]["weighted_f1"] for run in runs[variant]])
            for variant in (WHOLE, Variant("synctva", name))
        ]
        assert plain[name]["lost on dev"] == f"{scores[0] - scores[1]:+.1f}"
        assert table[name]["lost on dev (95%)"].startswith(f"{scores[0] - scores[1]:+.1f} (")
    assert table["whole"]["lost on dev (95%)"] == "-"


def test_runs_without_answers_still_have_a_table(runs, truth):
    older = {
        variant: [{k: v for k, v in run.items() if k != "answers"} for run in these]
        for variant, these in runs.items()
    }
    assert mean_interval(older[WHOLE], truth["test"]) is None
    text = join(tables(older, truth))
    assert "95% interval" not in models_table(older, truth)
    assert "Holm" not in text and "no-context" in text
    assert tables(older) == tables(runs)
    mixed = {**runs, Variant("bigru"): older[Variant("bigru")]}
    assert list(rows(comparisons_table(mixed, truth["test"]))) == ["concat-mlp"]
    assert rows(models_table(mixed, truth))["bigru"]["95% interval"] == "-"


def test_simulated_runs_are_shown_with_the_optimum(truth):
    fields = {
        "bayes_optimal": {"accuracy": 0.81, "nll": 0.55},
        "of_optimum": 0.96,
        "strength_auc": {"text": 0.9, "visual": 0.8, "audio": 0.7},
    }
    runs = {WHOLE: [made_up_run(seed=seed, truth=truth, **fields) for seed in range(2)]}
    text = join(tables(runs))
    assert "accuracy 81.0, NLL 0.550;" in text
    assert "text 0.900, visual 0.800, audio 0.700" in text
    row = rows(models_table(runs))["synctva"]
    assert row["accuracy / optimum's"] == "96.0 ± 0.0"
    gap = np.mean([run["test"]["nll"] - 0.55 for run in runs[WHOLE]])
    assert row["NLL - optimum's"].startswith(f"{gap:.3f}")


def test_models_come_before_ablations_each_in_its_order(runs):
    assert list(map(str, ordered(runs))) == [
        "synctva", "bigru", "concat-mlp", "synctva no-context", "synctva loss-focal",
    ]  # fmt: skip


def test_a_table_takes_its_place_in_a_document(tmp_path):
    path = tmp_path / "results.md"
    path.write_text(
        "# A\n<!-- table: meld -->\nold\n<!-- end -->\nB\n<!-- table: x -->\n<!-- end -->\n"
    )
    write_table(path, "meld", "| new |")
    write_table(path, "x", "y")
    assert path.read_text() == (
        "# A\n<!-- table: meld -->\n| new |\n<!-- end -->\nB\n<!-- table: x -->\ny\n<!-- end -->\n"
    )
    write_table(path, "meld", "| newer |")
    assert "| new |" not in path.read_text() and path.read_text().endswith("y\n<!-- end -->\n")
    before = path.read_text()
    with pytest.raises(ValueError, match="<!-- table: iemocap -->"):
        write_table(path, "iemocap", "z")
    assert path.read_text() == before


def test_documents_have_places_for_all_tables_or_for_single_ones(runs, truth, tmp_path):
    found = tables(runs, truth)
    assert list(found) == ["models", "comparisons", "classes", "ablations"]
    path = tmp_path / "results.md"
    places = ("meld", "meld, classes", "meld, models")
    path.write_text("".join(f"<!-- table: {place} -->\n<!-- end -->\n" for place in places))
    write_tables(path, "meld", found)
    texts = (join(found), found["classes"], found["models"])
    assert path.read_text() == "".join(
        f"<!-- table: {place} -->\n{text}\n<!-- end -->\n"
        for place, text in zip(places, texts, strict=True)
    )
    with pytest.raises(ValueError, match="<!-- table: iemocap -->"):
        write_tables(path, "iemocap", found)
