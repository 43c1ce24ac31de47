"""Recognise what is said in a recording, when and by whom.

    synctva transcribe call.mp4 --output call.json
    synctva predict --file call.json

The output is a conversation in JSON: utterances with speaker, text, start and end in seconds, the
recogniser's confidence, and the path of the recording as it was given. It can be corrected by hand
before its emotions are recognised. Needs the extra `speech`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from synctva.commands import parse
from synctva.files import write_whole
from synctva.speech.transcription import transcribe
from synctva.speech.utterances import Limits
from synctva.speech.whisper_weights import BASE

LIMITS = Limits()


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva transcribe", description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path, help="a sound or video file")
    parser.add_argument("--output", type=Path, help="JSON file to write; default: print it")
    parser.add_argument("--language", help="code of the language, such as en; default: detected")
    parser.add_argument(
        "--speakers",
        type=lambda value: int(value) if value.lstrip("-").isdigit() else value,
        help="their number, `channels` if each has a channel, or an RTTM file; default: estimated",
    )
    parser.add_argument(
        "--speech_model",
        default=BASE,
        help="Whisper model: a size such as large-v3-turbo, a Hub name, or a folder in "
        "CTranslate2's format; default: %(default)s",
    )
    parser.add_argument(
        "--pause",
        type=float,
        default=LIMITS.pause,
        help="seconds of silence that end an utterance; default: %(default)s",
    )
    parser.add_argument(
        "--longest",
        type=float,
        default=LIMITS.longest,
        help="seconds beyond which an utterance is cut at a pause; default: %(default)s",
    )
    return parse(parser, arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    conversation = transcribe(
        options.recording,
        language=options.language,
        speakers=options.speakers,
        model=options.speech_model,
        limits=LIMITS._replace(pause=options.pause, longest=options.longest),
    )
    if not conversation:
        print(f"{options.recording}: no speech was recognised", file=sys.stderr)
    text = json.dumps(conversation, indent=2, ensure_ascii=False)
    if options.output:
        write_whole(options.output, text + "\n")
    else:
        print(text)
