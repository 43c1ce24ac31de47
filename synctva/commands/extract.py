"""Make a feature set from conversations with audio or video.

    synctva extract --dataset clips --data_dir DIR --output features/mine
    synctva extract --dataset meld --data_dir MELD.Raw --output features/meld \\
        --workers 8
    synctva train --dataset features --data_dir features/meld

In a folder of clips, each sub-folder is a conversation, or the folder itself is one; the text of a
clip is in a .txt file of the same name. A table names its files in the column media_path, and a
speaker's channel in the column channel. Files that cannot be read are masked and listed in
skipped.csv. An interrupted run continues when it is started again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoProcessor
from transformers.utils import logging

from synctva.commands import program
from synctva.features.extraction import ExtractionReport, extract_features, load_media
from synctva.model_lookup import find_model
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("extract"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    logging.disable_progress_bar()  # for loading the encoders
    report = extract_features(
        load_media(
            options.dataset,
            options.data_dir,
            options.label_names,
            media_root=options.media_root,
            allow_absolute_paths=options.allow_absolute_paths,
        ),
        options.output,
        **encoders(options),
        cut_by_time=options.cut_by_time,
        workers=options.workers,
        source=options.dataset,
    )
    print(report)
    print(next_step(report, options.output))


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
