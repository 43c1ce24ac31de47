"""Calibrate the scores and prediction sets of a trained model on dev.

    synctva calibrate --model runs/meld-seed0 --data_dir <folder with MELD's CSVs>
    synctva calibrate --model my-model --dataset table --data_dir dev.csv

`synctva train` calibrates too. This command is for a model that is not calibrated, or to calibrate
on other conversations. It keeps the weights and writes the config again; in a folder that `synctva
train` has written also results.json, the card and its plots. Of a table in one file without a
column split, all rows are dev, unless the model was trained on this very file. With a split test,
the calibration is measured there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from transformers.utils import logging

from synctva import MODALITIES, SyncTVAForEmotionRecognition
from synctva.calibration_fitting import why_not_calibrated
from synctva.commands.card import refuse_to_lose_seeds, write_card
from synctva.commands.evaluate import read_as_trained, read_processor
from synctva.features.text import add_text_tokens
from synctva.files import written_whole
from synctva.provenance import provenance, shown_command
from synctva.results import (
    calibration_lines,
    collect_results,
    read_results,
    write_results,
)
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.recipes import load_conversations, table_checksum
from synctva.trainer.trainer import SyncTVATrainer
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("calibrate"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    folder = options.model
    if not folder.is_dir():
        raise SystemExit(f"--model = {folder}: expected a local model folder, to write into")
    try:
        trained = read_results(folder)
    except FileNotFoundError:
        if options.dataset is None:
            raise SystemExit(f"{folder} has no results.json: expected --dataset") from None
        trained = {}
    if trained:
        refuse_to_lose_seeds(folder, options.runs)
    dataset = options.dataset or trained["dataset"]
    checksum = table_checksum(dataset, options.data_dir)
    of_training = checksum is not None and checksum == trained.get("table_sha256")
    logging.disable_progress_bar()
    model = SyncTVAForEmotionRecognition.from_pretrained(folder)
    processor = read_processor(str(folder))
    data = load_conversations(
        dataset,
        options.data_dir,
        max_train_conversations=1,
        label_names=model.config.label_names,
        embed_text=model.config.text_backbone is None,
        text_encoder=processor.text_encoder,
        required=["dev"],
        takes=trained.get("modalities")
        or [name for name, width in processor.widths.items() if width]
        or MODALITIES,
        feature_names=processor.feature_names,
        undivided=None if of_training else "dev",
        **read_as_trained(options, trained),
    )
    data.pop("train", None)
    if model.config.text_backbone is not None:
        data = add_text_tokens(data, processor.text_tokenizer, model.config)
    trainer = SyncTVATrainer(
        model=model,
        args=SyncTVATrainingArguments(
            output_dir=str(folder),
            per_device_eval_batch_size=options.batch_size,
            use_cpu=options.use_cpu,
            report_to="none",
        ),
        eval_dataset=data["dev"],
    )
    held_out = trainer.calibrate(data["dev"])
    measured = collect_results(trainer, data, dataset=dataset).get("calibration")
    with written_whole(folder) as unfinished:
        model.save_pretrained(unfinished)  # the code too: older code may not know calibration
    if trained:
        results = {key: value for key, value in trained.items() if key != "calibration"}
        if measured is not None:
            command = shown_command("synctva calibrate", arguments)
            made = {"command": command, "commit": provenance()["commit"]}
            results["calibration"] = {**measured, **made}
        write_results(folder, results | {"held_out_nll": held_out})
        write_card(folder, runs=options.runs)
    if measured is not None:
        print("\n".join(calibration_lines(measured, held_out)))
    else:
        temperature = model.config.calibration_temperature
        print(
            f"calibrated with temperature {temperature:.3f}"
            if temperature != 1
            else f"not calibrated: {why_not_calibrated(held_out)}",
            "the data has no split test, so it was not measured",
            sep="; ",
        )
    trainer.end()
