"""Fine-tune a text encoder on a corpus and write the corpus with its features.

    synctva finetune --dataset meld --data_dir <folder> --encoder <name or folder>
    synctva train --dataset features --data_dir runs/text-meld/features

The encoder is trained on the training split and selected on dev. Its lower layers are frozen and
their states are computed once; `--frozen_layers 0` trains the whole encoder, which takes twice as
long. An interrupted run continues when it is started again. With `--folds 5`, the features of each
training conversation come from an encoder that has not seen it: one more encoder per fold.

`--also` learns from further corpora at the same time; the encoder can then be fine-tuned again:

    synctva finetune --dataset meld --data_dir <folder> --encoder <name or folder>
        --also goemotions=<folder> emorynlp=<folder> --output_dir runs/text-all
    synctva finetune --dataset meld --data_dir <folder> --encoder runs/text-all/encoder
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from transformers import HfArgumentParser
from transformers.utils import logging

from synctva.commands import column_options, program
from synctva.datasets_scripts.corpora.labelled_text import (
    annotator_shares,
    load_text_corpus,
)
from synctva.features.feature_sets import write_feature_set
from synctva.features.text import encode_split, with_text_features
from synctva.files import require_new_folder, write_whole
from synctva.finetuning import Finetuner, FinetuningArguments, save_encoder
from synctva.model_lookup import find_model
from synctva.trainer.recipes import encoder_names, feature_specs, load_conversations
from synctva_command_line.parsing import complete, refuse_mistyped


@dataclass
class ScriptArguments:
    """Which encoder to fine-tune, and on which data.

    `synctva_command_line.training.finetune` has the help of those options that are used most.
    """

    dataset: str = field(metadata={"choices": ["meld", "iemocap", "table"]})
    data_dir: str
    encoder: str
    folds: int = 0
    also: list[str] = field(default_factory=list)
    annotators: float = field(
        default=0.0,
        metadata={
            "help": "Share of further annotators in the targets of MELD, from files in data_dir."
        },
    )
    columns: str | None = field(
        default=None,
        metadata={"help": "Other names of a table's columns: dialogue_id=video_id,text=said."},
    )
    label: str | None = field(
        default=None, metadata={"help": "A table's column of labels; sentiment, of MELD."}
    )
    cache_dir: str = field(
        default="runs/token_states",
        metadata={"help": "Folder that keeps the states of the frozen layers."},
    )


def main(arguments: Sequence[str]) -> None:
    parser = HfArgumentParser(
        (ScriptArguments, FinetuningArguments),
        prog="synctva finetune",
        usage="%(prog)s [options]",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.set_defaults(output_dir="runs/text")
    complete(parser, "finetune")
    refuse_mistyped(parser, arguments)
    script, training = parser.parse_args_into_dataclasses(args=arguments)
    if script.folds == 1 or script.folds < 0:
        raise SystemExit(f"--folds = {script.folds}: expected 0, or at least 2")
    logging.disable_progress_bar()
    output = Path(training.output_dir)
    if not 0 <= script.annotators <= 1:
        raise SystemExit(f"--annotators = {script.annotators}: expected a number from 0 to 1")
    if script.annotators and script.dataset != "meld":
        raise SystemExit(f"--dataset = {script.dataset}: expected meld, with --annotators")
    if script.annotators and script.label not in (None, "emotion"):
        raise SystemExit(f"--label = {script.label}: expected emotion, with --annotators")
    find_model(script.encoder, "encoder", ours=False)
    features = require_new_folder(output / "features")
    data = load_conversations(
        script.dataset,
        script.data_dir,
        embed_text=False,
        required=["train", "dev"],
        **column_options(script),
    )
    tuner = Finetuner(
        script.encoder,
        data,
        Path(script.cache_dir),
        also=[load_text_corpus(*_named_folder(corpus)) for corpus in script.also],
        targets=_annotated_targets(script, data["train"]) if script.annotators else {},
    )

    with redirect_stdout(sys.stderr):  # scores during training; stdout is for the results
        encoder, scores = tuner.fit(replace(training, output_dir=str(output / "whole")))
    shown = ("accuracy", "uar", "weighted_f1", "macro_f1")
    print("dev:", ", ".join(f"{name} {scores[f'eval_{name}']:.4f}" for name in shown))
    spec = save_encoder(encoder, output / "encoder")
    fitted_alike = [split for split in data if not (script.folds and split == "train")]
    vectors = {split: encode_split(encoder, data[split]) for split in fitted_alike}
    if script.folds:
        with redirect_stdout(sys.stderr):
            vectors["train"] = tuner.cross_fit(training, script.folds)

    prepared = DatasetDict({name: with_text_features(data[name], vectors[name]) for name in data})
    specs = feature_specs(script.dataset, prepared) | {"text": spec}
    fitted = f"cross-fitted in {script.folds} folds" if script.folds else "fitted on train"
    source = Path(script.encoder).name if Path(script.encoder).is_dir() else script.encoder
    corpora = ", ".join([script.dataset, *(corpus.name for corpus in tuner.also)])
    encoders = encoder_names(script.dataset, prepared) | {
        "text": f"{source}, fine-tuned on {corpora}, seed {training.seed}, {fitted}"
    }
    write_feature_set(prepared, features, encoders=encoders, source=script.dataset, specs=specs)
    write_whole(output / "dev.json", json.dumps(scores, indent=2) + "\n")
    print(f"Train on it: {program()} train --dataset features --data_dir {features}")


def _named_folder(value: str) -> tuple[str, str]:
    """Split "name=folder"."""
    name, separator, folder = value.partition("=")
    if not separator:
        raise ValueError(f"--also = {value!r}: expected name=folder")
    return name, folder


def _annotated_targets(script: ScriptArguments, train: Dataset) -> dict[str, np.ndarray]:
    """Mix the labels of MELD's training split with the shares of its further annotators."""
    found = annotator_shares(script.data_dir)
    own = np.eye(len(train.features["labels"].feature.names), dtype=np.float32)
    return {
        name: (1 - script.annotators) * own[label] + script.annotators * found[name]
        for row in train.select_columns(["utterance_ids", "labels"])
        for name, label in zip(row["utterance_ids"], row["labels"], strict=True)
        if name in found
    }
