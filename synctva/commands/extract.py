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

from synctva import MODALITIES
from synctva.commands import add_path_options, parse, program
from synctva.features.extraction import SOURCES, ExtractionReport, extract_features, load_media
from synctva.model_lookup import find_model
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.video.encoder import FACE_SPEC


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva extract", description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=SOURCES, required=True)
    parser.add_argument("--data_dir", required=True, help="corpus, table or folder of clips")
    parser.add_argument("--output", required=True, help="new folder for the feature set")
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    parser.add_argument(
        "--label_names",
        nargs="+",
        help="labels of a table in order; default: those in the training set",
    )
    parser.add_argument(
        "--cut_by_time",
        action="store_true",
        help="the files are longer recordings: cut each utterance at its start and end",
    )
    parser.add_argument(
        "--audio",
        default="prosody+mfcc",
        help="audio encoder; or prosody, opensmile-egemaps, hub:<model>; default: %(default)s",
    )
    parser.add_argument(
        "--visual",
        default=FACE_SPEC["name"],
        help="visual encoder; or hub:<model>; default: %(default)s",
    )
    for modality in MODALITIES:
        parser.add_argument(f"--no-{modality}", action="store_true", help=f"mask {modality}")
    parser.add_argument("--model", help="use the encoders of this checkpoint")
    add_path_options(parser)
    return parse(parser, arguments)


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
