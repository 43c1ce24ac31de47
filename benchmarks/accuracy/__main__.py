"""Train and score Sync-TVA, its ablations and its baselines over several seeds.

    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models synctva bigru
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --models all --ablations all
    python -m benchmarks.accuracy --dataset meld --data_dir <folder> --write docs/results.md
    python -m benchmarks.accuracy --dataset meld    # the tables of what is there, without tests

Every run is selected on dev and kept as one JSON file under `benchmarks/accuracy/results/`; a run
that is there already is not repeated. The tables follow: models, F1 by class, ablations.
`--features` is the folder of a feature set of the same data set, which stands in for the frozen
text features; its name becomes part of the runs' names, and the tables are of its runs alone.
So does the number of `--train_conversations`, where it is not the recipe's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from transformers.utils import logging

from .ablations import ABLATIONS
from .experiments import DATASETS, MODELS, run
from .runs import RESULTS, Variant, features_name, read_runs, read_truth, run_path, write_run
from .tables import tables, write_table

ALL = "all"


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    logging.disable_progress_bar()
    models = MODELS if ALL in options.models else options.models
    ablations = ABLATIONS if ALL in options.ablations else options.ablations
    variants = [Variant(model) for model in models]
    variants += [Variant("synctva", ablation) for ablation in ablations]
    for seed in options.seeds:
        for variant in variants:
            train(variant, seed, options)
    features = features_name(options.dataset, options.features, options.train_conversations)
    runs = read_runs(options.results, options.dataset, features)
    if not runs:
        raise SystemExit(f"{options.results} has no run on {options.dataset} with {features}")
    text = tables(runs, read_truth(options.dataset, options.data_dir, options.features))
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
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--results", type=Path, default=RESULTS, help="where runs are kept")
    parser.add_argument("--write", type=Path, help="document to put the tables into")
    return parser.parse_args(arguments)


def train(variant: Variant, seed: int, options: argparse.Namespace) -> None:
    """Run what has not been run, and keep it."""
    budget = options.train_conversations
    path = run_path(options.results, options.dataset, variant, seed, options.features, budget)
    if path.exists():
        return
    result = run(options.dataset, options.data_dir, variant, seed, options.features, budget)
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


if __name__ == "__main__":
    main()
