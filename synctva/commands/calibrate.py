"""Calibrate the scores and prediction sets of a trained model on dev.

    synctva calibrate --model runs/meld-seed0 --data_dir <folder with MELD's CSVs>

`synctva train` calibrates too. This command is for a model that is not calibrated, or to calibrate
on other conversations of the same data set. It keeps the weights and writes the config,
results.json, the card and its plots again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCard
from transformers.utils import logging

from synctva import SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.cards.example import run_example, write_example_plots
from synctva.cards.model_card import model_card
from synctva.features.text import add_text_tokens
from synctva.files import write_whole, written_whole
from synctva.plots import write_calibration_plots
from synctva.provenance import provenance, shown_command
from synctva.results import (
    calibration_lines,
    collect_results,
    read_results,
    write_results,
)
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.recipes import load_conversations
from synctva.trainer.trainer import SyncTVATrainer


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva calibrate", description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder that `synctva train` has written")
    parser.add_argument("--data_dir", help="folder of the data; not for the simulator")
    parser.add_argument("--batch_size", type=int, default=64, help="conversations per batch")
    parser.add_argument("--use_cpu", action="store_true", help="use the CPU even if there is a GPU")
    parser.add_argument(
        "--runs", nargs="*", default=[], help="results.json of several seeds, for the card"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    folder = Path(options.model)
    try:
        trained = read_results(folder)
    except FileNotFoundError:
        raise SystemExit(
            f"{folder} has no results.json: expected a folder that `synctva train` has written"
        ) from None
    logging.disable_progress_bar()
    model = SyncTVAForEmotionRecognition.from_pretrained(folder)
    processor = SyncTVAProcessor.from_pretrained(folder)
    data = load_conversations(
        trained["dataset"],
        options.data_dir,
        modalities=trained["modalities"],
        max_train_conversations=1,
        label_names=[model.config.id2label[index] for index in range(model.config.num_labels)],
        embed_text=model.config.text_backbone is None,
    )
    data.pop("train", None)
    if not {"dev", "test"} <= data.keys():
        raise SystemExit(f"the splits are {list(data)}: expected dev and test")
    if model.config.text_backbone is not None:
        data = add_text_tokens(data, processor.text_tokenizer, model.config)
    trainer = SyncTVATrainer(
        model=model,
        args=SyncTVATrainingArguments(
            output_dir=options.model,
            per_device_eval_batch_size=options.batch_size,
            use_cpu=options.use_cpu,
            report_to="none",
        ),
        eval_dataset=data["dev"],
    )
    trainer.calibrate(data["dev"])
    calibration = collect_results(trainer, data, dataset=trained["dataset"])["calibration"]
    made = {
        "command": shown_command("synctva calibrate", arguments),
        "commit": provenance()["commit"],
    }
    results = {**trained, "calibration": {**calibration, **made}}
    with written_whole(folder) as unfinished:
        model.save_pretrained(unfinished)  # the code too: older code may not know calibration
    write_results(folder, results)
    write_calibration_plots(folder, calibration)
    example = run_example(model, processor)
    if example is not None:
        write_example_plots(folder, example)
    card = folder / "README.md"
    model_name = ModelCard.load(card).data.model_name if card.is_file() else folder.name
    runs = [json.loads(Path(run).read_text(encoding="utf-8")) for run in options.runs]
    text = str(
        model_card(
            results,
            model.config,
            runs=runs,
            model_name=model_name,
            text_encoder=processor.text_encoder,
            example=example,
        )
    )
    write_whole(card, text)
    print("\n".join(calibration_lines(calibration)))
    trainer.end()
