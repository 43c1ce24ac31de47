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

from synctva.files import write_whole
from synctva.speech.progress_bar import progress_bar
from synctva.speech.transcription import transcribe
from synctva.speech.utterances import Limits
from synctva_command_line.parsing import parse, parser_of

LIMITS = Limits()


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("transcribe"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    with progress_bar() as progress:
        conversation = transcribe(
            options.recording,
            language=options.language,
            speakers=options.speakers,
            model=options.speech_model,
            limits=LIMITS._replace(pause=options.pause, longest=options.longest),
            progress=progress,
        )
    if not conversation:
        print(f"{options.recording}: no speech was recognised", file=sys.stderr)
    text = json.dumps(conversation, indent=2, ensure_ascii=False)
    if options.output:
        write_whole(options.output, text + "\n")
    else:
        print(text)
