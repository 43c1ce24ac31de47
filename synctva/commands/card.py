"""Write the card of a model folder again, from its results.json.

    synctva card runs/meld-seed0 --name user/synctva-meld
    synctva card runs/meld-seed0 --runs runs/meld-seed*/results.json

README.md is replaced, including what was written into it by hand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCard

from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.cards.card_plots import write_card_plots
from synctva.cards.example import run_example
from synctva.cards.model_card import model_card
from synctva.files import write_whole
from synctva.results import RESULTS_FILE, read_results
from synctva.trainer.arguments import TRAINING_ARGUMENTS
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("card"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    print(write_card(options.folder, options.name, options.runs, options.license))


def write_card(
    folder: Path,
    name: str | None = None,
    runs: Sequence[Path] = (),
    license: str | None = None,
) -> Path:
    """Write README.md and its plots into a model folder, and return the path of README.md.

    Args:
        folder: of a trained model.
        name: by which users load it; default: that of the present card, or the folder's name.
        runs: results.json of several seeds, for the table over seeds.
        license: of the model; default: that of the present card, or none.
    """
    if not (folder / RESULTS_FILE).is_file():
        raise SystemExit(
            f"{folder} has no {RESULTS_FILE}: expected a folder that `synctva train` has written"
        )
    present = refuse_to_lose_seeds(folder, runs)
    metadata = present and present.data
    results = read_results(folder)
    model = SyncTVAForEmotionRecognition.from_pretrained(folder)
    processor = SyncTVAProcessor.from_pretrained(folder)
    example = run_example(model, processor)
    arguments = folder / TRAINING_ARGUMENTS
    card = model_card(
        results,
        model.config,
        runs=[json.loads(run.read_text(encoding="utf-8")) for run in runs],
        model_name=name or getattr(metadata, "model_name", None) or folder.resolve().name,
        text_encoder=processor.text_encoder,
        example=example,
        license=license or getattr(metadata, "license", None),
        arguments=json.loads(arguments.read_text("utf-8")) if arguments.is_file() else None,
    )
    write_card_plots(folder, results, example)
    return write_whole(folder / "README.md", str(card))


def refuse_to_lose_seeds(folder: Path, runs: Sequence[Path]) -> ModelCard | None:
    """Return the present card of a folder, None if there is none.

    Raises:
        SystemExit: it has a table over seeds, which could not be written again without `runs`.
    """
    path = folder / "README.md"
    present = ModelCard.load(path) if path.is_file() else None
    if present is not None and "### Over seeds" in present.text and not runs:
        raise SystemExit(f"{path} has a table over seeds: expected --runs to write it again")
    return present
