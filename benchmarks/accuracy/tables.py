"""Tables of runs as Markdown, and their places in documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synctva.metrics.bootstrap import PairedDifference, holm

from .ablations import ABLATIONS
from .answers import Truth
from .comparisons import in_common, lead, mean_interval
from .experiments import MODELS, WHOLE
from .runs import Runs, Variant
from .trials import Trials

END = "<!-- end -->"
NOTHING = "-"


def tables(runs: Runs, truth: dict[str, Truth] | None = None) -> dict[str, str]:
    """Return all tables of a data set's runs, by name.

    Args:
        runs: of one data set and one kind of features.
        truth: of dev and test, by split; without it there are no intervals and no tests.
    """
    found = {"models": models_table(runs, truth), "optimum": optimum_lines(runs)}
    if truth is not None:
        found["comparisons"] = comparisons_table(runs, truth["test"])
    found |= {"classes": per_class_table(runs), "modalities": subsets_table(runs)}
    if any(variant.ablation for variant in runs):
        found["ablations"] = ablations_table(runs, truth)
    return {name: text for name, text in found.items() if text}


def join(found: Mapping[str, str]) -> str:
    """Return tables one below the other."""
    return "\n\n".join(found.values())


def models_table(runs: Runs, truth: dict[str, Truth] | None = None) -> str:
    """Return every model's scores, mean and deviation over its seeds, and its training time."""
    variants = [variant for variant in ordered(runs) if variant.ablation is None]
    columns: dict[str, Callable[[list[dict[str, Any]]], str]] = {
        "seeds": lambda these: str(len(these)),
        "dev weighted F1": score("dev", "weighted_f1"),
        "accuracy": score("test", "accuracy"),
        "weighted F1": score("test", "weighted_f1"),
    }
    if truth is not None and any("answers" in run for v in variants for run in runs[v]):
        columns["95% interval"] = lambda these: interval(these, truth["test"])
    columns |= {
        "macro F1": score("test", "macro_f1"),
        "NLL": score("test", "nll", factor=1, digits=3),
        "ECE": score("test", "ece"),
    }
    if any("bayes_optimal" in run for these in runs.values() for run in these):
        columns["accuracy / optimum's"] = over_seeds(lambda run: 100 * run["of_optimum"])
        columns["NLL - optimum's"] = over_seeds(
            lambda run: run["test"]["nll"] - run["bayes_optimal"]["nll"], digits=3
        )
    columns["s per seed"] = lambda these: f"{np.mean([r['training_seconds'] for r in these]):.0f}"
    rows = [
        [str(variant), *(cell(runs[variant]) for cell in columns.values())] for variant in variants
    ]
    return markdown(["model", *columns], rows)


def comparisons_table(runs: Runs, truth: Truth) -> str:
    """Return Sync-TVA's lead over every other model in weighted F1 on test, with Holm's correction.

    Compared are the seeds that both have. A model with runs that kept no answers is left out.
    """
    others = [variant for variant in ordered(runs) if not variant.ablation and variant != WHOLE]
    found = {variant: lead(runs.get(WHOLE, []), runs[variant], truth, "test") for variant in others}
    leads = {variant: result for variant, result in found.items() if result is not None}
    adjusted = holm([result.p_value for result in leads.values()])
    rows = [
        [str(variant), signed(result), probability(result.p_value), probability(corrected)]
        for (variant, result), corrected in zip(leads.items(), adjusted, strict=True)
    ]
    header = ["synctva against", "lead in weighted F1 (95%)", "p", "p (Holm)"]
    return markdown(header, rows) if rows else ""


def per_class_table(runs: Runs) -> str:
    """Return the F1 of each class on test, for the models and for the losses."""
    variants = [
        variant
        for variant in ordered(runs)
        if variant.ablation is None or variant.ablation.startswith("loss-")
    ]
    if not variants:
        return ""
    names = list(runs[variants[0]][0]["test"]["per_class_f1"])
    cells = [class_score(name) for name in names]
    rows = [[str(variant), *(cell(runs[variant]) for cell in cells)] for variant in variants]
    return markdown(["F1 on test", *names], rows)


def subsets_table(runs: Runs) -> str:
    """Return the scores on test if a model trained on all modalities sees only some of them."""
    these = [run for run in runs.get(WHOLE, []) if run.get("subsets")]
    if not these:
        return ""
    names = ("accuracy", "weighted_f1", "macro_f1")
    rows = []
    for seen in [*these[0]["subsets"], "all"]:
        parts = [run["test"] if seen == "all" else run["subsets"][seen] for run in these]
        rows.append([seen, *(percent(parts, name) for name in names)])
    return markdown(["synctva sees", "accuracy", "weighted F1", "macro F1"], rows)


def ablations_table(runs: Runs, truth: dict[str, Truth] | None = None) -> str:
    """Return what Sync-TVA loses on dev without each of its parts, on the same seeds."""
    variants = [v for v in ordered(runs) if v == WHOLE or v.ablation is not None]
    scores = [
        score("dev", "weighted_f1"),
        score("dev", "macro_f1"),
        score("dev", "nll", factor=1, digits=3),
        score("test", "weighted_f1"),
        score("test", "macro_f1"),
    ]
    rows = []
    for variant in variants:
        these = runs[variant]
        lost = NOTHING
        if variant != WHOLE and WHOLE in runs:
            lost = worth(runs[WHOLE], these, None if truth is None else truth["dev"])
        rows.append(
            [
                "whole" if variant == WHOLE else str(variant.ablation),
                str(len(these)),
                *(cell(these) for cell in scores[:3]),
                lost,
                *(cell(these) for cell in scores[3:]),
            ]
        )
    header = ["ablation", "seeds", "dev weighted F1", "dev macro F1", "dev NLL"]
    header += ["lost on dev" + ("" if truth is None else " (95%)"), "weighted F1", "macro F1"]
    return markdown(header, rows)


def trials_table(trials: dict[str, Trials], judged_by: str) -> str:
    """Return what each model's trials reached, mean over seeds; the best is bold."""
    tried = list(dict.fromkeys(settings for found in trials.values() for settings in found.scores))
    rows = []
    for model in sorted(trials, key=MODELS.index):
        found, best = trials[model], trials[model].best()
        # Shares are in percent, as in the other tables; a loss is not.
        factor, digits = (100, 1) if found.greater_is_better else (1, 3)
        means = {s: f"{factor * np.mean(x):.{digits}f}" for s, x in found.scores.items()}
        means[best] = f"**{means[best]}**"
        rows.append([model, *(means.get(settings, NOTHING) for settings in tried)])
    return markdown([f"tried on {judged_by}: learning rate, dropout", *map(str, tried)], rows)


def optimum_lines(runs: Runs) -> str:
    """Return what only the simulator knows: the optimum, and the strengths against the truth."""
    known = [run for run in runs.get(WHOLE, []) if "bayes_optimal" in run]
    if not known:
        return ""
    optimum = known[0]["bayes_optimal"]
    line = (
        f"The optimum of all modalities: accuracy {100 * optimum['accuracy']:.1f}, NLL "
        f"{optimum['nll']:.3f}; each model is compared with that of its own modalities."
    )
    areas = [run["strength_auc"] for run in known if "strength_auc" in run]
    if areas and None not in areas[0].values():
        means = {name: np.mean([area[name] for area in areas]) for name in areas[0]}
        line += " AUC of synctva's strengths against the true reliability: "
        line += ", ".join(f"{name} {mean:.3f}" for name, mean in means.items()) + "."
    return line


# Cells


def over_seeds(
    value: Callable[[dict[str, Any]], float], digits: int = 1
) -> Callable[[list[dict[str, Any]]], str]:
    """Make a cell of mean ± deviation over the runs; of a single run, only its value."""

    def cell(these: list[dict[str, Any]]) -> str:
        values = [value(run) for run in these]
        mean = f"{np.mean(values):.{digits}f}"
        return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"

    return cell


def percent(parts: list[dict[str, Any]], name: str) -> str:
    return over_seeds(lambda part: 100 * part[name])(parts)


def score(
    split: str, name: str, factor: float = 100, digits: int = 1
) -> Callable[[list[dict[str, Any]]], str]:
    return over_seeds(lambda run: factor * run[split][name], digits)


def class_score(name: str) -> Callable[[list[dict[str, Any]]], str]:
    return over_seeds(lambda run: 100 * run["test"]["per_class_f1"][name])


def interval(these: list[dict[str, Any]], truth: Truth) -> str:
    found = mean_interval(these, truth)
    return NOTHING if found is None else f"{100 * found[0]:.1f} to {100 * found[1]:.1f}"


def worth(whole: list[dict[str, Any]], without: list[dict[str, Any]], truth: Truth | None) -> str:
    """Return what is lost on dev, with its interval if that can be computed."""
    # No p value is reported here, and an interval needs fewer resamples.
    found = None if truth is None else lead(whole, without, truth, "dev", num_resamples=2_000)
    if found is not None:
        return signed(found)
    pairs = in_common(whole, without)
    if not pairs[0]:
        return NOTHING
    means = [np.mean([run["dev"]["weighted_f1"] for run in these]) for these in pairs]
    return f"{100 * (means[0] - means[1]):+.1f}"


def signed(found: PairedDifference) -> str:
    difference, low, high = (100 * value for value in found[:3])
    return f"{difference:+.1f} ({low:+.1f} to {high:+.1f})"


def probability(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def ordered(runs: Runs) -> list[Variant]:
    """Return the models in their order, then the ablations in theirs."""
    ablations = [None, *ABLATIONS]
    return sorted(runs, key=lambda v: (ablations.index(v.ablation), MODELS.index(v.model)))


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])


def write_tables(path: Path, place: str, found: Mapping[str, str]) -> None:
    """Put tables into the places that a document has for them.

    All tables go to `<!-- table: place -->`, a single one to `<!-- table: place, name -->`.

    Raises:
        ValueError: the document has none of these places.
    """
    single = {f"{place}, {name}": text for name, text in found.items()}
    fill_places(path, {place: join(found), **single})


def fill_places(path: Path, texts: Mapping[str, str]) -> None:
    """Put each text, by name, into the place that a document has for it, if it has one.

    Raises:
        ValueError: the document has a place for none of them.
    """
    document = path.read_text(encoding="utf-8")
    wanted = [name for name in texts if _begin(name) in document]
    if not wanted:
        raise ValueError(f"{path}: expected a line {_begin(next(iter(texts)))!r} or the like")
    for name in wanted:
        write_table(path, name, texts[name])


def write_table(path: Path, name: str, text: str) -> None:
    """Put a text between `<!-- table: name -->` and the next `<!-- end -->` of a document.

    Raises:
        ValueError: the document has no such place.
    """
    document, begin = path.read_text(encoding="utf-8"), _begin(name)
    before, found, rest = document.partition(begin)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{path}: expected a line {begin!r} and after it a line {END!r}")
    path.write_text(f"{before}{begin}\n{text}\n{END}{after}", encoding="utf-8")


def _begin(name: str) -> str:
    return f"<!-- table: {name} -->"


__all__ = [
    "ablations_table",
    "comparisons_table",
    "fill_places",
    "join",
    "markdown",
    "models_table",
    "ordered",
    "per_class_table",
    "subsets_table",
    "tables",
    "trials_table",
    "write_table",
    "write_tables",
]
