"""Recognise the emotions of a conversation.

    synctva predict --text "I got the job!" "That is wonderful!"
    synctva predict --clips turn1.mp4 turn2.wav
    synctva predict --model runs/meld-seed0 --file conversation.json --json
    synctva predict --file conversations.json --csv > emotions.csv

The file contains a conversation or a list of conversations. A conversation is a list of utterances:
strings, or objects with any of text, speaker, audio, video, text_features, audio_features and
visual_features. audio and video are paths; start and end, in seconds, cut the utterance out of a
longer recording.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import pipeline
from transformers.utils import logging

from synctva import MODALITIES
from synctva.commands import parse
from synctva.csv_output import write_csv
from synctva.model_lookup import find_model


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva predict", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model",
        help="model folder, Hub name, or synctva-meld, the default, which ships with the package",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", nargs="+", help="the utterances in order")
    source.add_argument("--clips", nargs="+", help="one sound or video file per utterance")
    source.add_argument("--file", type=Path, help="JSON with one or more conversations")
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
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print the answers of the pipeline as JSON"
    )
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    return parse(parser, arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    if options.file:
        conversation = json.loads(options.file.read_text(encoding="utf-8"))
    else:
        conversation = options.text or [{"video": clip} for clip in options.clips]
    logging.disable_progress_bar()
    recognise = pipeline("emotion-recognition", model=find_model(options.model))
    answers = recognise(
        conversation,
        top_k=options.top_k,
        calibrate=options.calibrate,
        abstain_below=options.abstain_below,
        prediction_set=options.prediction_set,
    )
    if options.json:
        print(json.dumps(answers, indent=2, ensure_ascii=False))
        return
    several = answers and isinstance(answers[0], list)
    conversations = conversation if several else [conversation]
    answers = answers if several else [answers]
    if options.csv:
        labels = recognise.model.config.id2label
        scores = [f"score_{labels[index]}" for index in range(len(labels))]
        write_csv(sys.stdout, [*COLUMNS, *scores], rows(conversations, answers))
        return
    for utterances, emotions in zip(conversations, answers, strict=True):
        print("\n".join(map(line, utterances, emotions)), end="\n\n" if several else "\n")


COLUMNS = [
    *("conversation", "utterance", "speaker", "said", "label", "score", "prediction_set"),
    *(f"strength_{name}" for name in MODALITIES),
]
"""Columns of the table before the score of each label."""


def rows(
    conversations: Sequence[Sequence[str | Mapping[str, Any]]],
    answers: Sequence[Sequence[Mapping[str, Any]]],
) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for each utterance.

    Conversations and utterances are counted from 0. The strength of a missing modality is 0.
    """
    for number, (utterances, emotions) in enumerate(zip(conversations, answers, strict=True)):
        for position, (utterance, answer) in enumerate(zip(utterances, emotions, strict=True)):
            speaker, words = source(utterance)
            yield {
                "conversation": number,
                "utterance": position,
                "speaker": speaker,
                "said": words,
                "label": answer["label"],
                "score": answer["score"],
                "prediction_set": " ".join(answer.get("prediction_set", [])),
                **{f"strength_{name}": v for name, v in answer["strengths"].items()},
                **{f"score_{name}": v for name, v in answer.get("scores", {}).items()},
            }


def source(utterance: str | Mapping[str, Any]) -> tuple[str, str]:
    """Return the speaker and the text, or else the file, of an utterance; "" if there is none."""
    item = {"text": utterance} if isinstance(utterance, str) else utterance
    words = item.get("text") or item.get("video") or item.get("audio") or ""
    return item.get("speaker") or "", words


def line(utterance: str | Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return an utterance and its answer as a line of text."""
    speaker, words = source(utterance)
    speaker = f"{speaker}: " if speaker else ""
    words = words or f"({', '.join(answer['modalities']) or 'nothing'})"
    label = answer["label"] or "(unsure)"
    likely = f"{{{', '.join(answer['prediction_set'])}}}  " if "prediction_set" in answer else ""
    return f"{label:12} {answer['score']:.3f}  {likely}{speaker}{words}"
