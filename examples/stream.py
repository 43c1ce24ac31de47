"""Recognise the emotions of a live conversation, line by line.

    python examples/stream.py --model runs/meld-causal
    python examples/stream.py --model runs/meld-causal --file talk.jsonl --state talk.safetensors

Each line that comes in, from standard input or the file, is an utterance as JSON: a string, or an
object with any of text, speaker, audio and video (paths), text_features, audio_features,
visual_features. One line of JSON answers it at once. A line that cannot be read is answered with
its error, and the conversation is as if it had not come. The model must be causal.

The state file is read at the start, if there is one, and replaced before each answer: whatever
ends this process, another goes on from the last answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, AutoProcessor
from transformers.utils import logging

import synctva  # noqa: F401  (makes transformers know the model)
from synctva import MODALITIES


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="folder or Hub name of a causal model")
    parser.add_argument("--file", type=Path, help="JSON lines; default: standard input")
    parser.add_argument("--state", type=Path, help="file that keeps the conversation")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    logging.disable_progress_bar()
    model = AutoModelForTokenClassification.from_pretrained(options.model).eval()
    processor = AutoProcessor.from_pretrained(options.model)
    known = options.state is not None and options.state.exists()
    stream = model.stream(load_file(options.state) if known else None)
    with options.file.open(encoding="utf-8") if options.file else nullcontext(sys.stdin) as lines:
        for line in lines:
            if not line.strip():
                continue
            answer = answer_line(line, stream, processor)
            if options.state is not None and "error" not in answer:
                replace_state(options.state, stream)
            print(json.dumps(answer, ensure_ascii=False), flush=True)


def answer_line(line: str, stream: Any, processor: Any) -> dict[str, Any]:
    """The answer to one utterance, or what is wrong with it."""
    number = {"utterance": stream.utterances}
    try:
        answer = stream.push(processor.utterance_features(json.loads(line)))
    except ValueError as error:
        return {**number, "error": str(error)}
    plain = {name: answer[name] for name in ("label", "score", "scores", "modalities")}
    strengths = answer["strengths"].tolist()
    return {**number, **plain, "contributions": dict(zip(MODALITIES, strengths, strict=True))}


def replace_state(path: Path, stream: Any) -> None:
    """Write the state beside its file, then put it in its place: no half of one is ever there."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    save_file(stream.state_dict(), temporary)
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
