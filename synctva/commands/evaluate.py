"""Evaluate a trained model and print the same table as its training.

    synctva evaluate --model synctva-simulated
    synctva evaluate --model runs/meld-seed0 --data_dir <folder with MELD's CSVs>

Data set, seed and modalities are by default those in results.json of the model folder. Columns of
features are matched by their names. Of a table in one file without a column split, all rows are
test, unless the model was trained on this very file: then its dev and test are those of the
training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from transformers.utils import logging

from synctva import MODALITIES, SyncTVAForEmotionRecognition, SyncTVAProcessor
from synctva.commands import table_options
from synctva.features.text import add_text_tokens
from synctva.metrics.missing_modalities import subset_scores
from synctva.model_lookup import find_model
from synctva.modeling_synctva.configuration_synctva import counted
from synctva.results import collect_results, read_results, results_table, write_results
from synctva.trainer.arguments import SyncTVATrainingArguments
from synctva.trainer.recipes import load_conversations, table_checksum
from synctva.trainer.trainer import SyncTVATrainer
from synctva_command_line.parsing import parse, parser_of

logger = logging.get_logger(__name__)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("evaluate"), arguments)


def read_processor(model: str) -> SyncTVAProcessor:
    """Load the processor of a model, which knows the names of its features.

    Without one, columns are matched by position, and the processor has neither names nor encoders.
    """
    try:
        return SyncTVAProcessor.from_pretrained(model)
    except OSError:
        logger.warning(f"{model} has no processor: features are matched by their position")
        return SyncTVAProcessor()


def read_as_trained(options: argparse.Namespace, trained: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the data is read; columns and label are by default those of the training."""
    given = table_options(options)
    if options.dataset in (None, trained.get("dataset")):
        given |= {name: given[name] or trained.get(name) for name in ("columns", "label")}
    return given


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    options.model = find_model(options.model)
    try:
        trained = read_results(options.model)
    except FileNotFoundError:
        if options.dataset is None:
            raise SystemExit(f"{options.model} has no results.json: expected --dataset") from None
        trained = {}
    dataset = options.dataset or trained["dataset"]
    processor = read_processor(options.model)
    takes = trained.get("modalities") or [m for m, width in processor.widths.items() if width]
    modalities = options.modalities or list(MODALITIES)
    if not set(modalities) & set(takes):
        raise SystemExit(f"--modalities = {modalities}: expected some of {takes}")
    seed = trained.get("seed", 0) if options.seed is None else options.seed
    logging.disable_progress_bar()
    model = SyncTVAForEmotionRecognition.from_pretrained(options.model)
    checksum = table_checksum(dataset, options.data_dir)
    of_training = checksum is not None and checksum == trained.get("table_sha256")
    same = dataset == trained.get("dataset") and (checksum is None or of_training)
    data = load_conversations(
        dataset,
        options.data_dir,
        seed=seed,
        modalities=modalities,
        max_train_conversations=trained["train_conversations"] if same else None,
        label_names=[model.config.id2label[index] for index in range(model.config.num_labels)],
        embed_text=model.config.text_backbone is None,
        text_encoder=processor.text_encoder,
        takes=takes,
        feature_names=processor.feature_names,
        undivided=None if of_training else "test",
        **read_as_trained(options, trained),
    )
    if not {"dev", "test"} & data.keys():
        raise SystemExit(f"splits of the data = {list(data)}: expected dev or test")
    if "train" in data and checksum is not None and not of_training:
        count = sum(map(len, data["train"]["labels"]))
        logger.warning(f"{counted(count, 'utterance')} of train not evaluated, only dev and test")
    if model.config.text_backbone is not None and "text" in modalities:
        data = add_text_tokens(data, processor.text_tokenizer, model.config)
    trainer = SyncTVATrainer(
        model=model,
        args=SyncTVATrainingArguments(
            output_dir=options.output_dir or options.model,
            per_device_eval_batch_size=options.batch_size,
            use_cpu=options.use_cpu,
            seed=seed,
            report_to="none",
        ),
        eval_dataset=data["dev"] if "dev" in data else data["test"],
    )
    results = collect_results(trainer, data, dataset=dataset)
    results["selected_on"] = trained.get("selected_on")
    results["feature_names"] = processor.feature_names
    if "test" in data:
        results["subsets"] = subset_scores(trainer, data["test"])
    if trainer.is_world_process_zero():
        if options.output_dir is not None:
            write_results(options.output_dir, results)
        print(json.dumps(results, indent=2) if options.json else f"\n{results_table(results)}")
    trainer.end()
