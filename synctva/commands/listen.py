"""Recognise the emotions of what is said, while it is said.

    arecord -q -f S16_LE -r 16000 -c 1 -t raw | synctva listen
    ffmpeg -v error -i call.mp4 -f s16le -ar 16000 -ac 1 - | synctva listen --json

Standard input is sound: 16 kHz, one channel, 16 bits (little-endian), without a header. When a
speaker pauses, what was said is recognised and answered from the conversation so far, so the model
must be causal. In JSON, `latency` is the time in s from the sound that ended the pause to the
answer. Nothing is kept. Needs the extra `speech`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from transformers import AutoModelForTokenClassification, AutoProcessor
from transformers.utils import logging

import synctva  # noqa: F401  (registers the model)
from synctva.audio.encoder import AudioEncoder
from synctva.commands.stream import plain_answer
from synctva.model_lookup import find_model
from synctva.modeling_synctva.text_reading import unsure_words
from synctva.registration import SHIPPED_CAUSAL
from synctva.speech.listening import listen
from synctva.speech.recognition import SAMPLE_RATE, whisper_recogniser
from synctva_command_line.parsing import parse, parser_of

PIECE = SAMPLE_RATE // 10 * 2
"""Bytes that are read at a time: a tenth of a second."""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("listen"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    if sys.stdin.isatty():
        raise SystemExit(
            "standard input is a terminal: expected sound, such as from "
            "arecord -q -f S16_LE -r 16000 -c 1 -t raw | synctva listen"
        )
    logging.disable_progress_bar()
    source = find_model(options.model or SHIPPED_CAUSAL)
    model = AutoModelForTokenClassification.from_pretrained(source).eval()
    processor = AutoProcessor.from_pretrained(source)
    stream = model.stream()
    read = 0.0  # when the last sound came in

    def sound() -> Iterator[np.ndarray]:
        nonlocal read
        for piece in read_sound(sys.stdin.buffer):
            read = time.perf_counter()
            yield piece

    heard = listen(
        sound(),
        whisper_recogniser(options.speech_model),
        language=options.language,
        speakers=options.speakers,
    )
    print("Listening", file=sys.stderr, flush=True)
    for utterance, samples in heard:
        answer = answered(utterance, samples, stream, processor)
        if options.json:
            answer["latency"] = round(time.perf_counter() - read, 3)
            print(json.dumps(answer, ensure_ascii=False), flush=True)
        else:
            print(line(answer), flush=True)


def read_sound(file: BinaryIO) -> Iterator[np.ndarray]:
    """Yield pieces of 16-bit sound as float32 in [-1, 1), until the file ends."""
    while data := file.read(PIECE):
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 2**15


def answered(
    utterance: dict[str, Any], samples: np.ndarray, stream: Any, processor: Any
) -> dict[str, Any]:
    """Return an utterance with the answer that the conversation so far allows."""
    features = processor.utterance_features(
        {"speaker": utterance["speaker"], "text": utterance["text"]}
    )
    if processor.audio_encoder is not None:
        encoder = AudioEncoder.from_spec(processor.audio_encoder)
        if encoder.sample_rate in (None, SAMPLE_RATE):
            features["audio_features"] = encoder.encode(samples, SAMPLE_RATE)
    cautions = list(unsure_words([utterance["confidence"]]).values())
    return {**utterance, **plain_answer(stream.push(features)), "cautions": cautions}


def line(answer: dict[str, Any]) -> str:
    minutes, seconds = divmod(answer["start"], 60)
    words = f"{answer['speaker']}: {answer['text']}"
    doubt = "(says little)  " if answer["cautions"] or not answer["informative"] else ""
    time = f"{int(minutes):2}:{seconds:04.1f}"
    return f"{time}  {answer['label']:10} {answer['score']:.2f}  {doubt}{words}"
