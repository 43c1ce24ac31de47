"""Parsers of the commands for data."""

from __future__ import annotations

import argparse

from .parsing import DATASETS, MEDIA_SOURCES, MODALITIES, add_table_options, new_parser


def check() -> argparse.ArgumentParser:
    parser = new_parser("check")
    parser.add_argument("data", help=".csv, .tsv or .jsonl file, or a folder with train, dev, test")
    parser.add_argument(
        "--label_names", nargs="+", help="labels in order; default: those in the training set"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random split, if the table has no splits"
    )
    add_table_options(parser)
    return parser


def prepare() -> argparse.ArgumentParser:
    parser = new_parser("prepare")
    parser.add_argument("--dataset", choices=[name for name in DATASETS if name != "features"])
    parser.add_argument("--data_dir", help="folder of the data; not for the simulator")
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulated training split")
    parser.add_argument(
        "--max_train_conversations", type=int, help="write at most this many for training"
    )
    parser.add_argument(
        "--text_encoders",
        nargs="+",
        metavar="FOLDER",
        help="fine-tuned text encoders, `default`, or feature sets; features are concatenated",
    )
    parser.add_argument(
        "--text_layers", type=int, nargs="+", help="layers of these encoders whose states are read"
    )
    parser.add_argument("--pickle", help="feature pickle, instead of --dataset")
    parser.add_argument("--text_pickle", help="its RoBERTa features, if in another file")
    parser.add_argument("--output", required=True, help="new folder for the feature set")
    parser.add_argument("--push_to_hub", metavar="USER/NAME", help="upload it under this name")
    parser.add_argument("--private", action="store_true", help="make the uploaded data set private")
    add_table_options(parser)
    return parser


def extract() -> argparse.ArgumentParser:
    parser = new_parser("extract")
    parser.add_argument("--dataset", choices=MEDIA_SOURCES, required=True)
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
        help="audio encoder; or prosody, whisper-base, prosody+whisper-base, opensmile-egemaps, "
        "hub:<model>; default: %(default)s",
    )
    parser.add_argument(
        "--visual",
        default="face-api-expressions",
        help="visual encoder; or hub:<model>; default: %(default)s",
    )
    for modality in MODALITIES:
        parser.add_argument(f"--no-{modality}", action="store_true", help=f"mask {modality}")
    parser.add_argument("--model", help="use the encoders of this checkpoint")
    add_table_options(parser)
    return parser
