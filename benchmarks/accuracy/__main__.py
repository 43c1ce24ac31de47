"""Train and score Sync-TVA, its ablations and its baselines over several seeds.

    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models synctva bigru
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models all --ablations all
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models bigru --tune
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --write docs/results.md
    python -m benchmarks.accuracy --dataset meld    # only the tables, without significance tests

Every run is selected on dev and kept as one line of `benchmarks/results/<data set>.jsonl`; a run
that is there already is not repeated. Then the tables are printed: models, F1 of each class, single
modalities, ablations.

`--tune` first makes the same trials for each model, unless `<data set>_trials.jsonl` has them. They
are judged on dev; on IEMOCAP, on sessions of the training data that are left out in turn. A model
with trials runs with its best settings, any other with the recipe's.

`--features` is the folder of a feature set of the same data set, which replaces the frozen text
features. Its name becomes part of the runs' key, and the tables show only its runs. The same holds
for `--train_conversations`, if it differs from the recipe's number.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from transformers.utils import logging

from synctva.provenance import provenance

from .ablations import ABLATIONS
from .answers import read_truth
from .experiments import DATASETS, MODELS, chosen_by, run, tune
from .held_out import SESSIONS, judged_by, trial_seeds
from .runs import RESULTS, Variant, features_name, find_run, read_runs, write_run
from .tables import join, tables, trials_table, write_tables
from .trials import known_scores, read_trials, settings_of, write_trials

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
    features = name_of(options)
    runs = read_runs(options.results, options.dataset, features)
    if not runs:
        raise SystemExit(f"{options.results} has no run on {options.dataset} with {features}")
    found = tables(runs, read_truth(options.dataset, options.data_dir, options.features))
    trials = read_trials(options.results, options.dataset, features)
    if trials:
        found["trials"] = trials_table(trials, judged_by(options.dataset))
    print(f"{options.dataset}, {features}; percent, mean ± deviation over seeds\n\n{join(found)}")
    own = options.features is None and options.train_conversations is None
    place = options.dataset if own else f"{options.dataset} {features}"
    for document in options.write:
        write_tables(document, place, found)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--data_dir", help="folder of the data set; the simulator needs none")
    parser.add_argument("--features", help="folder of a feature set to use instead")
    parser.add_argument(
        "--train_conversations", type=int, help="to train on, if not the recipe's number"
    )
    parser.add_argument("--models", nargs="*", choices=[*MODELS, ALL], default=[])
    parser.add_argument("--ablations", nargs="*", choices=[*ABLATIONS, ALL], default=[])
    parser.add_argument("--tune", action="store_true", help="tune the models before they run")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the kept runs")
    parser.add_argument(
        "--write", type=Path, nargs="+", default=[], help="documents to put the tables into"
    )
    return parser.parse_args(arguments)


def name_of(options: argparse.Namespace) -> str:
    """Return the name of the features that the options ask for."""
    return features_name(options.dataset, options.features, options.train_conversations)


def make_trials(model: str, options: argparse.Namespace) -> None:
    """Make the trials of a model that are missing, and keep them all."""
    dataset, features = options.dataset, name_of(options)
    kept = read_trials(options.results, dataset, features).get(model)
    runs = []
    if dataset not in SESSIONS:  # its trials are judged on dev, as its runs are
        of_model = Variant(model)
        runs = [
            find_run(options.results, dataset, features, of_model, seed)
            for seed in trial_seeds(dataset)[1]
        ]
    known = known_scores(kept, runs, chosen_by(dataset)[0])
    budget = options.train_conversations
    trials = tune(dataset, options.data_dir, model, options.features, budget, known)
    if kept != trials:
        origin = {
            "dataset": dataset,
            "features": features,
            "model": model,
            "judged_by": judged_by(dataset),
            **provenance(),
        }
        write_trials(options.results, trials, origin)
    print(f"{dataset} {model}: best on {judged_by(dataset)} with {trials.best()}", flush=True)


def train(variant: Variant, seed: int, options: argparse.Namespace) -> None:
    """Make and keep a run, unless it is kept already with the settings that are now the best."""
    dataset, features = options.dataset, name_of(options)
    trials = read_trials(options.results, dataset, features).get(variant.model)
    settings = None if trials is None else trials.best()
    kept = find_run(options.results, dataset, features, variant, seed)
    if kept is not None and (settings is None or settings_of(kept) == settings):
        return
    result = run(
        dataset,
        options.data_dir,
        variant,
        seed,
        options.features,
        options.train_conversations,
        settings,
    )
    what = f"{dataset} {variant} seed {seed}"
    if result is None:
        print(f"{what}: left out, because it changes nothing on this data and recipe", flush=True)
        return
    write_run(options.results, result)
    print(
        f"{what}: weighted F1 {result['dev']['weighted_f1']:.4f} on dev, "
        f"{result['test']['weighted_f1']:.4f} on test, {result['training_seconds']:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
