"""Recognise what is said in a recording, when and by whom.

    synctva transcribe call.mp4 --output call.json
    synctva predict --file call.json
    synctva transcribe call.mp4 --output call.srt

The output is a conversation in JSON: utterances with speaker, text, start and end in seconds, the
recogniser's confidence, and the path of the recording as it was given. It can be corrected by hand
before its emotions are recognised. Other forms are chosen by the suffix of the output. Needs the
extra `speech`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from synctva.answer_files import FORMS as ALL_FORMS
from synctva.answer_files import write_answers
from synctva.files import write_whole
from synctva.speech.progress_bar import progress_bar
from synctva.speech.transcription import transcribe
from synctva.speech.utterances import Limits
from synctva_command_line.parsing import parse, parser_of

LIMITS = Limits()

FORMS = [suffix for suffix in ALL_FORMS if suffix != ".html"]
"""Suffixes of the output; a report needs emotions."""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = parser_of("transcribe")
    options = parse(parser, arguments)
    if options.output is not None and options.output.suffix not in ("", *FORMS):
        parser.error(f"output = {options.output}: expected a file that ends in {', '.join(FORMS)}")
    return options


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    with progress_bar() as progress:
        conversation = transcribe(
            options.recording,
            language=options.language,
            speakers=options.speakers,
            model=options.speech_model,
            voice_model=options.voice_model,
            limits=LIMITS._replace(pause=options.pause, longest=options.longest),
            progress=progress,
        )
    if not conversation:
        print(f"{options.recording}: no speech was recognised", file=sys.stderr)
    text = json.dumps(conversation, indent=2, ensure_ascii=False)
    if options.output is None:
        print(text)
    elif options.output.suffix in ("", ".json"):
        write_whole(options.output, text + "\n")
    elif conversation:
        write_answers(options.output, conversation)
