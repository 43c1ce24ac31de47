"""Remake a checkpoint that ships with the package: what `make checkpoint` runs.

    python -m tools.remake_checkpoint                              # its card, from results.json
    python -m tools.remake_checkpoint --data_dir <MELD's folder>   # train it again, then its card
    python -m tools.remake_checkpoint --checkpoint synctva-meld-causal

Training writes into a scratch folder: the code in a checkpoint is links to `modeling_synctva/`, and
saving a model there would copy files onto themselves. Both ways restore the links.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.records import read_records
from benchmarks.accuracy.runs import FROZEN_FEATURES, RESULTS, Variant, read_runs
from synctva.commands import train
from synctva.commands.card import write_card
from synctva.files import written_whole
from synctva.registration import SHIPPED, SHIPPED_CAUSAL
from synctva.results import read_results

ROOT = Path(__file__).resolve().parents[1]
CODE = ROOT / "modeling_synctva"
CHECKPOINT, CAUSAL = ROOT / SHIPPED, ROOT / SHIPPED_CAUSAL
CAUSAL_RUNS = RESULTS / "meld_causal.jsonl"
LICENSE = "apache-2.0"
"""Of the weights, as of the package that they ship with."""


def remake(
    folder: Path,
    runs: Sequence[dict[str, Any]],
    data_dir: str | None = None,
    name: str | None = None,
    code: Path = CODE,
) -> None:
    """Remake a checkpoint in place.

    Args:
        folder: of the checkpoint.
        runs: results of several seeds, for the card.
        data_dir: of the corpus. With it the model is trained again, by the command in the folder's
            results.json.
        name: by which users load the model; by default the one that the present card says.
        code: folder of the model's code.
    """
    if data_dir is not None:
        retrain(folder, data_dir)
    restore_links(folder, code)  # first: the card's example loads the model
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch) / f"{run['seed']}.json" for run in runs]
        for path, run in zip(paths, runs, strict=True):
            path.write_text(json.dumps(run), encoding="utf-8")
        write_card(folder, name, paths, LICENSE)


def retrain(folder: Path, data_dir: str) -> None:
    """Train a checkpoint again by its own command, and replace all files but its code."""
    command = read_results(folder)["command"]
    with tempfile.TemporaryDirectory() as scratch:
        trained = Path(scratch) / folder.name  # the card shows this name
        train.main(training_options(command, data_dir, trained))
        with written_whole(folder) as unfinished:
            for path in trained.iterdir():
                if path.suffix != ".py":
                    shutil.copyfile(path, unfinished / path.name)


def training_options(command: str, data_dir: str, output_dir: Path) -> list[str]:
    """Return the options of a training's command, with other folders and without `--runs`.

    >>> training_options("synctva train --data_dir a --seed 1 --runs 0.json", "b", Path("c"))
    ['--seed', '1', '--data_dir', 'b', '--output_dir', 'c']
    """
    replaced = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    replaced.add_argument("--data_dir")
    replaced.add_argument("--output_dir")
    replaced.add_argument("--runs", nargs="*")
    _, kept = replaced.parse_known_args(shlex.split(command))
    while kept and not kept[0].startswith("--"):  # the program
        kept = kept[1:]
    return [*kept, "--data_dir", data_dir, "--output_dir", str(output_dir)]


def restore_links(folder: Path, code: Path = CODE) -> None:
    """Make the code in a checkpoint relative links to a folder beside it, and nothing else."""
    names = {path.name for path in code.glob("[!_]*.py")}
    for path in folder.glob("*.py"):
        if path.name not in names:
            path.unlink()
    for name in names:
        link, target = folder / name, os.path.join("..", code.name, name)
        if not link.is_symlink() or os.readlink(link) != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def seeds(folder: Path) -> list[dict[str, Any]]:
    """Return the runs of a shipped checkpoint's recipe, by seed."""
    if folder == CAUSAL:
        return read_records(CAUSAL_RUNS)
    return read_runs(RESULTS, "meld", FROZEN_FEATURES)[Variant("synctva")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkpoint", choices=[SHIPPED, SHIPPED_CAUSAL], default=SHIPPED)
    parser.add_argument("--data_dir", help="folder of MELD: train the model again")
    parser.add_argument("--name", help="by which users load it, such as user/synctva-meld")
    options = parser.parse_args()
    folder = ROOT / options.checkpoint
    remake(folder, seeds(folder), options.data_dir, options.name)


if __name__ == "__main__":
    main()


__all__ = [
    "CAUSAL",
    "CHECKPOINT",
    "CODE",
    "remake",
    "restore_links",
    "retrain",
    "seeds",
    "training_options",
]
