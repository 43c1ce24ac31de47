"""Make a feature set from conversations with audio or video.

    synctva extract --dataset clips --data_dir DIR --output features/mine
    synctva extract --dataset meld --data_dir MELD.Raw --output features/meld \\
        --workers 8
    synctva train --dataset features --data_dir features/meld

`synctva train --dataset meld --data_dir MELD.Raw --extract features/meld` does both.

In a folder of clips, each sub-folder is a conversation, or the folder itself is one; the text of a
clip is in a .txt file of the same name. A table names its files in the column media_path, and a
speaker's channel in the column channel. Files that cannot be read are masked and listed in
skipped.csv. An interrupted run continues when it is started again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import AutoProcessor
from transformers.utils import logging

from synctva.commands import program, table_options
from synctva.features.extraction import ExtractionReport, extract_features, load_media
from synctva.features.feature_sets import SCHEMA_FILE, read_schema
from synctva.model_lookup import find_model
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.trainer.command_options import ScriptArguments
from synctva_command_line.parsing import parse, parser_of

logger = logging.get_logger(__name__)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("extract"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    report = extract(options)
    print(report)
    print(next_step(report, options.output))


def extract(options: argparse.Namespace) -> ExtractionReport:
    """Make a feature set as the options say."""
    logging.disable_progress_bar()  # for loading the encoders
    return extract_features(
        load_media(
            options.dataset,
            options.data_dir,
            options.label_names,
            **table_options(options),
        ),
        options.output,
        **encoders(options),
        cut_by_time=options.cut_by_time,
        workers=options.workers,
        source=options.dataset,
    )


def with_extracted(script: ScriptArguments) -> ScriptArguments:
    """Make the features that `--extract` of `synctva train` asks for.

    A feature set of this data set that is there already is used. With a checkpoint to start from,
    its encoders make the features.

    Returns:
        The options to train on them.

    Raises:
        ValueError: the folder has features of another data set.
    """
    if script.extract is None:
        return script
    if (Path(script.extract) / SCHEMA_FILE).is_file():
        schema = read_schema(script.extract)
        if schema["source"] != script.dataset:
            raise ValueError(
                f"extract = {script.extract}: there are features of {schema['source']}: expected "
                f"those of {script.dataset}, or a new folder"
            )
        labels = ", ".join(schema["label_names"])
        logger.warning(
            f"extract = {script.extract}: the features that are there are used, with the labels "
            f"{labels}; --data_dir is not read"
        )
    else:
        options = ["--dataset", script.dataset, "--output", script.extract]
        options += ["--workers", str(os.cpu_count() or 1)]
        for name in ("data_dir", "model", "media_root", "columns", "label"):
            if getattr(script, name) is not None:
                options += [f"--{name}", getattr(script, name)]
        options += ["--allow_absolute_paths"] * script.allow_absolute_paths
        print(extract(parse_arguments(options)), file=sys.stderr)
    return replace(
        script,
        dataset="features",
        data_dir=script.extract,
        extract=None,
        media_root=None,
        allow_absolute_paths=False,
        columns=None,
        label=None,
    )


def encoders(options: argparse.Namespace) -> dict[str, Mapping[str, Any] | None]:
    """Return the specs of the requested encoders, None for a masked modality."""
    if options.model:
        processor = AutoProcessor.from_pretrained(find_model(options.model))
        found = {
            name: getattr(processor, f"{name}_encoder") for name in ("audio", "visual", "text")
        }
    else:
        found = {
            "audio": {"name": options.audio},
            "visual": {"name": options.visual},
            "text": MINILM_SPEC,
        }
    return {
        f"{name}_encoder": None if getattr(options, f"no_{name}") else spec
        for name, spec in found.items()
    }


def next_step(report: ExtractionReport, output: str) -> str:
    """Return what the user can do with the feature set."""
    splits = report.schema["splits"]
    labelled = all(any(splits[s]["label_counts"].values()) for s in ("train", "dev") if s in splits)
    if labelled and {"train", "dev"} <= splits.keys():
        return f"Train on it: {program()} train --dataset features --data_dir {output}"
    return f"Read it: synctva.load_feature_set({output!r}); training needs labels, train and dev"
