"""Write the model card of a trained folder again, from its results.json.

    synctva card runs/meld-seed0 --name user/synctva-meld
    synctva card runs/meld-seed0 --runs runs/meld-seed*/results.json

Overwrites README.md, what was written into it by hand too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCard

from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.cards.example import run_example, write_example_plots
from synctva.cards.model_card import model_card
from synctva.files import write_whole
from synctva.plots import write_calibration_plots
from synctva.results import RESULTS_FILE, read_results


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva card", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder that the training has left")
    parser.add_argument(
        "--name", help="how users load the model; default: as the present card says"
    )
    parser.add_argument(
        "--runs", nargs="+", type=Path, default=[], help="result files of several seeds"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    print(write_card(options.folder, options.name, options.runs))


def write_card(folder: Path, name: str | None = None, runs: Sequence[Path] = ()) -> Path:
    """Write a folder's README.md and the plots in it.

    Args:
        folder: of a trained model.
        name: how users load it; default: as the present card says, or the folder's name.
        runs: result files of several seeds, for the table over them.
    """
    path = folder / "README.md"
    present = ModelCard.load(path) if path.is_file() else None
    if not (folder / RESULTS_FILE).is_file():
        raise SystemExit(f"{folder} has no {RESULTS_FILE}: expected a folder of a training")
    if present is not None and "### Over seeds" in present.text and not runs:
        raise SystemExit(f"{path} has a table over seeds: expected --runs, to make it again")
    results = read_results(folder)
    model = SyncTVAForEmotionRecognition.from_pretrained(folder)
    processor = SyncTVAProcessor.from_pretrained(folder)
    example = run_example(model, processor)
    card = model_card(
        results,
        model.config,
        runs=[json.loads(run.read_text(encoding="utf-8")) for run in runs],
        model_name=name or (present and present.data.model_name) or folder.resolve().name,
        text_encoder=processor.text_encoder,
        example=example,
    )
    if example is not None:
        write_example_plots(folder, example)
    if "calibration" in results:
        write_calibration_plots(folder, results["calibration"])
    return write_whole(path, str(card))
