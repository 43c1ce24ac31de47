"""Recognise the emotions of a conversation.

    synctva predict call.mp4
    synctva predict call.mp4 --output call.html
    synctva predict --text "I got the job!" "That is wonderful!"
    synctva predict --file call.srt --recording call.wav
    synctva predict --clips turn1.mp4 turn2.wav
    synctva predict --clips "interviews/*.wav" --independent --csv > emotions.csv
    synctva predict --model runs/meld-seed0 --file conversations.json --json

`--output` writes a report for the browser, subtitles, a table, annotation, or all in a folder.
What is said in a recording without a transcript is recognised first, as by `synctva transcribe`. A
transcript without times gets them from what is recognised.
The file is a transcript in any form that `synctva.read_transcript` reads, or JSON or a table with
one or more conversations, whose utterances may have features and recordings as well.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import pipeline
from transformers.utils import logging

from synctva.answer_files import FORMS, answer_paths, write_answers
from synctva.answer_files.tables import columns, rows
from synctva.answered import Answered, require_times, shown, source
from synctva.answering import answer_each, failures
from synctva.csv_output import write_csv
from synctva.model_lookup import find_model
from synctva.recording_jobs.command import predict_many
from synctva.recording_jobs.listing import is_listing
from synctva.recordings.clips import find_clips
from synctva.registration import SHIPPED
from synctva.report.media import require_small
from synctva.transcripts.reading import read_conversations
from synctva_command_line.parsing import parse, parser_of

Conversation = Sequence[str | Mapping[str, Any]]


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = parser_of("predict")
    options = parse(parser, arguments)
    if options.independent and not options.clips:
        parser.error("--independent: expected --clips")
    if options.recording is None and not (options.text or options.clips or options.file):
        parser.error("expected a recording, --text, --clips or --file")
    if options.recording is not None and (options.text or options.clips):
        parser.error(f"recording = {options.recording}: expected --file, its transcript, or none")
    if options.rttm is not None and options.recording is None and not options.file:
        parser.error("--rttm: expected a recording, or --file, the transcript")
    if options.speakers is not None and (options.recording is None or options.file):
        parser.error("--speakers: expected a recording without a transcript")
    if options.output is None and options.embed:
        parser.error("--embed: expected --output, a report or a folder")
    if options.output is not None:
        try:
            forms = answer_paths(options.output, "")
        except ValueError as error:
            parser.error(str(error))
        if options.embed and ".html" not in forms:
            parser.error("--embed: expected a report (.html) or a folder as --output")
    return options


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    if options.recording is not None and not options.file and is_listing(options.recording):
        return predict_many(options)
    if options.output is not None:
        require_other_files(options)
    if options.embed and options.recording is not None:
        require_small([options.recording])
    conversations, several = read_input(options)
    if options.output is not None:
        require_fitting_form(options, conversations)
    logging.disable_progress_bar()
    recognise = pipeline("emotion-recognition", model=find_model(options.model))
    parameters = {
        name: getattr(options, name)
        for name in ("top_k", "calibrate", "abstain_below", "prediction_set", "precision")
    }
    answers = list(answer_each(recognise, conversations, options.strict, **parameters))
    failed = failures(answers)
    if not any("error" not in answer for emotions in answers for answer in emotions):
        raise SystemExit("\n".join(failed))
    answered = [
        [{**(u if isinstance(u, Mapping) else {"text": u}), **answer} for u, answer in pairs]
        for pairs in map(zip, conversations, answers)
    ]
    if options.output is None:
        write(options, recognise, answered, several)
    else:
        write_files(options, answered)
    if failed:
        sys.stdout.flush()
        print("Not answered, because they cannot be read:", *failed, sep="\n  ", file=sys.stderr)
    return 0


def read_input(options: argparse.Namespace) -> tuple[Sequence[Conversation], bool]:
    """Return the conversations that the options name, and whether the answers are a list of lists.

    Raises:
        OSError, ValueError: a file or folder is missing or cannot be read; or there is a recording,
            and several conversations, a transcript that does not fit, or utterances with a
            recording of their own.
    """
    if options.text:
        return [options.text], False
    if options.clips:
        found = find_clips(options.clips)
        if options.independent:
            return [[clip] for conversation in found for clip in conversation], True
        return found, len(found) > 1
    recording = options.recording
    if options.file and recording is None:
        return read_conversations(options.file, options.rttm)
    # Here, because it may need the extra `speech`.
    from synctva.speech.progress_bar import progress_bar
    from synctva.speech.transcription import transcribe

    who = options.speakers if options.rttm is None else options.rttm
    with progress_bar() as progress:
        conversation = transcribe(
            recording, transcript=options.file, speakers=who, progress=progress
        )
    if not conversation:
        raise ValueError(f"{recording}: no speech was recognised, and nothing can be answered")
    return [conversation], False


def require_other_files(options: argparse.Namespace) -> None:
    """Refuse an output that would replace what is read.

    Raises:
        ValueError: names the file.
    """
    given = [path for path in (options.file, options.recording, options.rttm) if path is not None]
    for file in answer_paths(options.output, names(options, [()])[0]).values():
        if any(file.exists() and Path(path).exists() and file.samefile(path) for path in given):
            raise ValueError(
                f"output = {options.output}: {file} is read as input: expected another file or "
                "folder"
            )


def require_fitting_form(options: argparse.Namespace, conversations: Sequence[Any]) -> None:
    """Refuse an output that cannot hold the conversations, before their emotions are recognised.

    Raises:
        ValueError: it is one file for several conversations, or its form needs times that an
            utterance does not have.
    """
    output = options.output
    forms = list(answer_paths(output, ""))
    if len(forms) > 1:
        return
    if len(conversations) > 1:
        raise ValueError(
            f"output = {output}: expected a folder for {len(conversations)} conversations"
        )
    if FORMS[forms[0]].timed:
        require_times([source(utterance) for utterance in conversations[0]], f"output = {output}")


def names(options: argparse.Namespace, conversations: Sequence[Sequence[Any]]) -> list[str]:
    """Return the name of each conversation's files in a folder."""
    name = Path(options.recording or options.file or "conversation").stem
    if len(conversations) == 1:
        return [name]
    return [f"{name}-{number}" for number in range(len(conversations))]


def write_files(options: argparse.Namespace, answered: Sequence[Sequence[Answered]]) -> None:
    """Write the answers to files, and print the files' names."""
    model = options.model or SHIPPED
    for name, conversation in zip(names(options, answered), answered, strict=True):
        written = write_answers(
            options.output,
            conversation,
            name=name,
            embed=options.embed,
            model=Path(model).name if Path(model).is_dir() else model,
        )
        print(*written, sep="\n")


def write(
    options: argparse.Namespace,
    recognise: Any,
    answered: Sequence[Sequence[Answered]],
    several: bool,
) -> None:
    """Print the answers in the form that the options ask for."""
    data = options.json or options.csv or options.csv_bom
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whatever the terminal has. Half a character, which UTF-8 lacks, is written as an escape.
        sys.stdout.reconfigure(encoding="utf-8" if data else None, errors="backslashreplace")
    if options.json:
        lists = [list(map(shown, conversation)) for conversation in answered]
        print(json.dumps(lists if several else lists[0], indent=2, ensure_ascii=False))
    elif options.csv or options.csv_bom:
        labels = recognise.model.config.id2label
        print("\ufeff" if options.csv_bom else "", end="")
        header = columns([labels[index] for index in range(len(labels))])
        write_csv(sys.stdout, header, rows(map(shown, conversation) for conversation in answered))
    else:
        for conversation in answered:
            print("\n".join(map(line, conversation)), end="\n\n" if several else "\n")


def line(answer: Answered) -> str:
    """Return an answered utterance as a line of text."""
    given = source(answer)
    speaker = f"{given['speaker']}: " if "speaker" in given else ""
    if "error" in answer:
        return f"{'(unread)':12} {'':5}  {speaker}{given.get('text') or given.get('file', '')}"
    missing = f"({', '.join(answer['modalities']) or 'nothing'})"
    words = given.get("text") or given.get("file") or missing
    label = answer["label"] or "(unsure)"
    likely = answer.get("prediction_set")
    likely = "" if likely is None else f"{{{', '.join(likely)}}}  "
    doubt = "" if answer["informative"] else "(says little)  "
    return f"{label:12} {answer['score']:.3f}  {likely}{doubt}{speaker}{words}"
