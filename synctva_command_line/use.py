"""Parsers of the commands to use a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from .parsing import new_parser


def transcribe() -> argparse.ArgumentParser:
    parser = new_parser("transcribe")
    parser.add_argument("recording", type=Path, help="a sound or video file")
    parser.add_argument(
        "--output",
        type=Path,
        help="file to write: JSON, or by its suffix CSV, TSV, SRT, WebVTT (.vtt), RTTM, Audacity's "
        "labels (.txt), TextGrid or ELAN (.eaf); default: print JSON",
    )
    parser.add_argument("--language", help="code of the language, such as en; default: detected")
    parser.add_argument(
        "--speakers",
        type=lambda value: int(value) if value.lstrip("-").isdigit() else value,
        help="their number, `channels` if each has a channel, or an RTTM file; default: estimated",
    )
    _add_speech_model(parser)
    parser.add_argument(
        "--voice_model",
        help="Hub name of a model that tells voices apart, such as microsoft/wavlm-base-plus-sv; "
        "needs --speakers; default: the network that ships with the package",
    )
    parser.add_argument(
        "--pause",
        type=float,
        default=0.8,
        help="seconds of silence that end an utterance; default: %(default)s",
    )
    parser.add_argument(
        "--longest",
        type=float,
        default=15.0,
        help="seconds beyond which an utterance is cut at a pause; default: %(default)s",
    )
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="model folder, Hub name, or synctva-meld, the default, which ships with the package",
    )


def predict() -> argparse.ArgumentParser:
    parser = new_parser("predict")
    _add_model(parser)
    parser.add_argument(
        "recording",
        nargs="?",
        default=argparse.SUPPRESS,  # it must not undo --recording
        help="sound or video file; what is said in it is recognised, if --file does not say it. Or "
        "many: a folder, or a CSV with the column `recording`; --output is a folder then",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--text", nargs="+", help="the utterances in order")
    source.add_argument(
        "--clips",
        nargs="+",
        help="recordings, one for each utterance of a conversation: files, patterns in quotes, or "
        "folders, each a conversation of its own",
    )
    source.add_argument(
        "--file",
        type=Path,
        help="transcript: SRT, WebVTT, JSON of Whisper or WhisperX, CSV, TextGrid, ELAN, a chat, "
        "lines such as `Ann: Hi!`; or JSON with conversations",
    )
    parser.add_argument(
        "--recording",
        help="the same as an option; each utterance of --file is cut out by its times, which are "
        "found in the recording if the file has none",
    )
    parser.add_argument(
        "--speakers", type=int, help="number of speakers in the recording; default: estimated"
    )
    parser.add_argument("--rttm", type=Path, help="who speaks when in the recording or in --file")
    parser.add_argument(
        "--independent",
        action="store_true",
        help="each of the --clips is a conversation of its own, so that none influences another",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at the first utterance that cannot be read; default: answer the others, and "
        "list it at the end",
    )
    parser.add_argument("--top_k", type=int, help="scores in --json and --csv; default: all")
    parser.add_argument(
        "--calibrate",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="apply the temperature of the checkpoint's calibration",
    )
    parser.add_argument("--abstain_below", type=float, help="give no label if its score is lower")
    parser.add_argument(
        "--prediction_set",
        type=float,
        metavar="COVERAGE",
        help="also give a set of labels that contains the true one with this probability, such as "
        "0.9",
    )
    parser.add_argument(
        "--precision",
        choices=["auto", "float32"],
        default="auto",
        help="of the text encoder: auto is bfloat16, where that is faster and agrees with float32",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print the utterances and the pipeline's answers"
    )
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    form.add_argument(
        "--output",
        type=Path,
        help="file to write: a report for the browser (.html), JSON, CSV, TSV, SRT, WebVTT (.vtt), "
        "RTTM, Audacity's labels (.txt), TextGrid or ELAN (.eaf); or a folder, for all of them",
    )
    form.add_argument(
        "--csv_bom",
        action="store_true",
        help="the same with a byte-order mark, by which Excel knows UTF-8",
    )
    parser.add_argument(
        "--embed",
        action="store_true",
        help="the report of --output contains the recording, of at most 50 MB; default: it links "
        "to it",
    )
    return parser


def _add_speech_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speech_model",
        default="base",
        help="Whisper model: a size such as large-v3-turbo, a Hub name, or a folder in "
        "CTranslate2's format; default: %(default)s",
    )


def _add_causal_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="folder or Hub name of a causal model; default: synctva-meld-causal, which ships with "
        "the package",
    )


def listen() -> argparse.ArgumentParser:
    parser = new_parser("listen")
    _add_causal_model(parser)
    parser.add_argument("--language", help="code of the language, such as en; default: detected")
    parser.add_argument("--speakers", type=int, help="their number; default: estimated")
    _add_speech_model(parser)
    parser.add_argument("--json", action="store_true", help="print a line of JSON per utterance")
    return parser


def stream() -> argparse.ArgumentParser:
    parser = new_parser("stream")
    _add_causal_model(parser)
    parser.add_argument("--file", type=Path, help="JSON lines; default: standard input")
    parser.add_argument("--state", type=Path, help="file that keeps the state of the conversation")
    return parser


def explain() -> argparse.ArgumentParser:
    parser = new_parser("explain")
    _add_model(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", nargs="+", help="the utterances in order")
    source.add_argument("--file", type=Path, help="transcript or JSON with one conversation")
    parser.add_argument(
        "--utterance", type=int, required=True, help="its number, from 0; -1 is the last"
    )
    parser.add_argument("--label", help="emotion to explain; default: the likeliest one")
    parser.add_argument("--edges", type=int, default=10, help="edges to print; --json prints all")
    parser.add_argument("--json", action="store_true", help="print the explanation as JSON")
    parser.add_argument("--plots", type=Path, help="folder to write the plots to")
    return parser


def app() -> argparse.ArgumentParser:
    parser = new_parser("app")
    _add_model(parser)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="with 0.0.0.0 other machines can connect; default: %(default)s",
    )
    parser.add_argument("--port", type=int, help="default: the first free port from 7860 on")
    parser.add_argument(
        "--write_space", type=Path, help="write a Space into this folder, without starting it"
    )
    return parser


def export() -> argparse.ArgumentParser:
    parser = new_parser("export")
    parser.add_argument("--model", required=True, help="model folder, Hub name, or synctva-meld")
    parser.add_argument("--output", type=Path, default=Path("model.onnx"), help="file to write")
    parser.add_argument(
        "--quantize", action="store_true", help="also write a file with int8 weights"
    )
    return parser


def card() -> argparse.ArgumentParser:
    parser = new_parser("card")
    parser.add_argument("folder", type=Path, help="folder that `synctva train` has written")
    parser.add_argument(
        "--name", help="by which users load the model; default: that of the present card"
    )
    parser.add_argument(
        "--license", help="of the model, such as apache-2.0; default: that of the present card"
    )
    parser.add_argument(
        "--runs", nargs="+", type=Path, default=[], help="results.json of several seeds"
    )
    return parser


def push() -> argparse.ArgumentParser:
    parser = new_parser("push")
    parser.add_argument("folder", type=Path, help="model folder or feature set")
    parser.add_argument("name", metavar="user/name", help="repository; created if missing")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    return parser
