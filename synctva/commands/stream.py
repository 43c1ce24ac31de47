"""Recognise the emotions of a live conversation, line by line.

    synctva stream
    synctva stream --model runs/meld-causal --file talk.jsonl --state talk.safetensors

Each line of standard input or of the file is an utterance in JSON: a string, or an object with any
of text, speaker, audio, video (both paths), text_features, audio_features and visual_features. Each
is answered at once by one line of JSON. A line that cannot be read is answered with the error and
does not change the conversation. The model must be causal, as synctva-meld-causal is, the default.

The state file is read at the start, if it exists, and replaced before each answer. However this
process ends, another one can continue from the last answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, AutoProcessor
from transformers.utils import logging

import synctva  # noqa: F401  (registers the model)
from synctva import MODALITIES
from synctva.files import written_whole
from synctva.model_lookup import find_model
from synctva.registration import SHIPPED_CAUSAL
from synctva_command_line.parsing import parse, parser_of


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("stream"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    logging.disable_progress_bar()
    source = find_model(options.model or SHIPPED_CAUSAL)
    model = AutoModelForTokenClassification.from_pretrained(source).eval()
    processor = AutoProcessor.from_pretrained(source)
    known = options.state is not None and options.state.exists()
    stream = model.stream(read_state(options.state) if known else None)
    with options.file.open(encoding="utf-8") if options.file else nullcontext(sys.stdin) as lines:
        for line in lines:
            if not line.strip():
                continue
            answer = answer_line(line, stream, processor)
            if options.state is not None and "error" not in answer:
                with written_whole(options.state.parent) as unfinished:
                    save_file(stream.state_dict(), unfinished / options.state.name)
            print(json.dumps(answer, ensure_ascii=False), flush=True)


def read_state(path: Path) -> dict[str, Any]:
    """Read the state that an earlier run kept.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path}: {error}: expected a file that --state has written") from error


def answer_line(line: str, stream: Any, processor: Any) -> dict[str, Any]:
    """Return the answer to one utterance, or the error in it."""
    number = {"utterance": stream.utterances}
    try:
        answer = stream.push(processor.utterance_features(json.loads(line)))
    except ValueError as error:
        return {**number, "error": str(error)}
    return {**number, **plain_answer(answer)}


def plain_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer of a stream as plain data, without its tensors."""
    fields = ("label", "score", "scores", "modalities", "informative")
    strengths = dict(zip(MODALITIES, answer["strengths"].tolist(), strict=True))
    return {name: answer[name] for name in fields} | {"strengths": strengths}
