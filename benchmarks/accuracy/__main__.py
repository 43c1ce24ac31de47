"""Train and score Sync-TVA, its ablations and its baselines over several seeds.

    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models synctva bigru
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models all --ablations all
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models bigru --tune
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --write docs/results.md
    python -m benchmarks.accuracy --dataset meld    # the tables of what is there, without tests

Every run is selected on dev and kept as one JSON file under `benchmarks/accuracy/results/`; a run
that is there already is not repeated. The tables follow: models, F1 by class, ablations.
`--tune` first makes the same trials for each of the models (`trials/` beside the runs), as far as
they are not there, judged on dev, on IEMOCAP on sessions of the training data left out in turn; a
model that has trials is run with the best of them, the others by the recipe.
`--features` is the folder of a feature set of the same data set, which stands in for the frozen
text features; its name becomes part of the runs' names, and the tables are of its runs alone.
So does the number of `--train_conversations`, where it is not the recipe's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from transformers.utils import logging

from synctva.provenance import provenance

from .ablations import ABLATIONS
from .experiments import DATASETS, MODELS, chosen_by, run, tune
from .held_out import SESSIONS, judged_by, trial_seeds
from .runs import RESULTS, Variant, features_name, read_runs, read_truth, run_path, write_run
from .tables import tables, trials_table, write_table
from .trials import (
    all_trials,
    known_scores,
    read_settings,
    read_trials,
    trials_path,
    write_trials,
)

ALL = "all"


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    logging.disable_progress_bar()
    models = MODELS if ALL in options.models else options.models
    ablations = ABLATIONS if ALL in options.ablations else options.ablations
    variants = [Variant(model) for model in models]
    variants += [Variant("synctva", ablation) for ablation in ablations]
    if options.tune:
        for model in models:
            make_trials(model, options)
    for seed in options.seeds:
        for variant in variants:
            train(variant, seed, options)
    features = features_name(options.dataset, options.features, options.train_conversations)
    runs = read_runs(options.results, options.dataset, features)
    if not runs:
        raise SystemExit(f"{options.results} has no run on {options.dataset} with {features}")
    text = tables(runs, read_truth(options.dataset, options.data_dir, options.features))
    trials = dict(all_trials(options.results, options.dataset, features))
    if trials:
        text += f"\n\n{trials_table(trials, judged_by(options.dataset))}"
    print(f"{options.dataset}, {features}; percent, mean ± deviation over seeds\n\n{text}")
    if options.write is not None:
        own = options.features is None and options.train_conversations is None
        place = options.dataset if own else f"{options.dataset} {features}"
        write_table(options.write, place, text)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--data_dir", help="folder of the data set; the simulator needs none")
    parser.add_argument("--features", help="folder of a feature set in place of frozen features")
    parser.add_argument(
        "--train_conversations", type=int, help="to train on, when not the recipe's number"
    )
    parser.add_argument("--models", nargs="*", choices=[*MODELS, ALL], default=[])
    parser.add_argument("--ablations", nargs="*", choices=[*ABLATIONS, ALL], default=[])
    parser.add_argument("--tune", action="store_true", help="the models, before they run")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--results", type=Path, default=RESULTS, help="where runs are kept")
    parser.add_argument("--write", type=Path, help="document to put the tables into")
    return parser.parse_args(arguments)


def make_trials(model: str, options: argparse.Namespace) -> None:
    """Make a model's trials as far as they are not there, and keep them."""
    seeds = trial_seeds(options.dataset)[1]
    runs = [run_file(Variant(model), seed, options) for seed in seeds]
    path = trials_path(runs[0])
    budget = options.train_conversations
    on_dev = options.dataset not in SESSIONS
    known = known_scores(path, runs if on_dev else [], chosen_by(options.dataset)[0])
    trials = tune(options.dataset, options.data_dir, model, options.features, budget, known)
    if not path.exists() or read_trials(path) != trials:
        origin = {
            "dataset": options.dataset,
            "features": features_name(options.dataset, options.features, budget),
            "model": model,
            "judged_by": judged_by(options.dataset),
            **provenance(),
        }
        write_trials(path, trials, origin)
    print(
        f"{options.dataset} {model}: best on {judged_by(options.dataset)} with {trials.best()}",
        flush=True,
    )


def train(variant: Variant, seed: int, options: argparse.Namespace) -> None:
    """Run what has not been run, or not with the settings that are now the best; and keep it."""
    path = run_file(variant, seed, options)
    trials = trials_path(run_file(Variant(variant.model), seed, options))
    settings = read_trials(trials).best() if trials.exists() else None
    if path.exists() and (settings is None or read_settings(path) == settings):
        return
    result = run(
        options.dataset,
        options.data_dir,
        variant,
        seed,
        options.features,
        options.train_conversations,
        settings,
    )
    what = f"{options.dataset} {variant} seed {seed}"
    if result is None:
        print(f"{what}: left out, it changes nothing on this data and recipe", flush=True)
        return
    write_run(path, result)
    print(
        f"{what}: weighted F1 {result['dev']['weighted_f1']:.4f} on dev, "
        f"{result['test']['weighted_f1']:.4f} on test, {result['training_seconds']:.0f} s",
        flush=True,
    )


def run_file(variant: Variant, seed: int, options: argparse.Namespace) -> Path:
    """Of a run with what the options say."""
    budget = options.train_conversations
    return run_path(options.results, options.dataset, variant, seed, options.features, budget)


if __name__ == "__main__":
    main()
