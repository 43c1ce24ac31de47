"""Recognise the emotions of a conversation.

    synctva predict call.mp4
    synctva predict --text "I got the job!" "That is wonderful!"
    synctva predict --file call.srt --recording call.wav
    synctva predict --clips turn1.mp4 turn2.wav
    synctva predict --clips "interviews/*.wav" --independent --csv > emotions.csv
    synctva predict --model runs/meld-seed0 --file conversations.json --json

What is said in a recording without a transcript is recognised first, as by `synctva transcribe`.
The file is a transcript in any form that `synctva.read_transcript` reads, or JSON or a table with
one or more conversations, whose utterances may have features and recordings as well.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import pipeline
from transformers.utils import logging

from synctva import MODALITIES
from synctva.answering import answer_each, failures
from synctva.csv_output import write_csv
from synctva.model_lookup import find_model
from synctva.modeling_synctva.conversation_input import SOURCES
from synctva.modeling_synctva.pipeline_synctva import answer_rows
from synctva.recordings.clips import find_clips, recording_field
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
    return options


def main(arguments: Sequence[str]) -> int:
    options = parse_arguments(arguments)
    conversations, several = read_input(options)
    logging.disable_progress_bar()
    recognise = pipeline("emotion-recognition", model=find_model(options.model))
    parameters = {
        name: getattr(options, name)
        for name in ("top_k", "calibrate", "abstain_below", "prediction_set")
    }
    answers = list(answer_each(recognise, conversations, options.strict, **parameters))
    failed = failures(answers)
    if not any("error" not in answer for emotions in answers for answer in emotions):
        raise SystemExit("\n".join(failed))
    write(options, recognise, conversations, answers, several)
    if failed:
        sys.stdout.flush()
        print("Not answered, because they cannot be read:", *failed, sep="\n  ", file=sys.stderr)
    return 0


def read_input(options: argparse.Namespace) -> tuple[Sequence[Conversation], bool]:
    """Return the conversations that the options name, and whether the answers are a list of lists.

    Raises:
        OSError, ValueError: a file or folder is missing or cannot be read; or there is a recording,
            and several conversations, utterances without times, or others with a recording.
    """
    if options.text:
        return [options.text], False
    if options.clips:
        found = find_clips(options.clips)
        if options.independent:
            return [[clip] for conversation in found for clip in conversation], True
        return found, len(found) > 1
    recording = options.recording
    if not options.file:
        # Here, because it needs the extra `speech`.
        from synctva.speech.transcription import transcribe

        who = options.speakers if options.rttm is None else options.rttm
        conversation = transcribe(recording, speakers=who)
        if not conversation:
            raise ValueError(f"{recording}: no speech was recognised, and nothing can be answered")
        return [conversation], False
    read, several = read_conversations(options.file, options.rttm, timed=recording is not None)
    if recording is None:
        return read, several
    if not Path(recording).is_file():
        raise FileNotFoundError(f"recording = {recording}: there is no such file")
    if len(read) > 1:
        raise ValueError(
            f"{options.file} has {len(read)} conversations: expected one, that of the recording"
        )
    for t, utterance in enumerate(read[0]):
        if any(utterance.get(name) is not None for name in SOURCES):
            raise ValueError(
                f"{options.file}, utterance {t} names a recording of its own: expected none beside "
                "--recording"
            )
    field = recording_field(recording)
    # What is said in no time at all has no sound.
    return [[{**u, field: recording} if "start" in u else u for u in read[0]]], several


def write(
    options: argparse.Namespace,
    recognise: Any,
    conversations: Sequence[Conversation],
    answers: Sequence[Sequence[Mapping[str, Any]]],
    several: bool,
) -> None:
    """Print the answers in the form that the options ask for."""
    data = options.json or options.csv or options.csv_bom
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whatever the terminal has. Half a character, which UTF-8 lacks, is written as an escape.
        sys.stdout.reconfigure(encoding="utf-8" if data else None, errors="backslashreplace")
    if options.json:
        lists = [
            [{**source(utterance), **answer} for utterance, answer in zip(u, a, strict=True)]
            for u, a in zip(conversations, answers, strict=True)
        ]
        print(json.dumps(lists if several else lists[0], indent=2, ensure_ascii=False))
    elif options.csv or options.csv_bom:
        labels = recognise.model.config.id2label
        scores = [f"score_{labels[index]}" for index in range(len(labels))]
        print("\ufeff" if options.csv_bom else "", end="")
        write_csv(sys.stdout, [*COLUMNS, *scores], rows(conversations, answers))
    else:
        for utterances, emotions in zip(conversations, answers, strict=True):
            print("\n".join(map(line, utterances, emotions)), end="\n\n" if several else "\n")


COLUMNS = [
    *("conversation", "utterance", "file", "speaker", "text", "start", "end"),
    *("label", "score", "prediction_set", "informative", "cautions", "error"),
    *(f"strength_{name}" for name in MODALITIES),
]
"""Columns of the table before the score of each label."""


def rows(
    conversations: Sequence[Conversation], answers: Sequence[Sequence[Mapping[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for each utterance.

    See `answer_rows`. An utterance that cannot be read has only the reason, in `error`.
    """
    return answer_rows(
        [{**source(utterance), **answer} for utterance, answer in zip(u, a, strict=True)]
        for u, a in zip(conversations, answers, strict=True)
    )


def source(utterance: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return those of file, speaker, text, start and end that an utterance has."""
    item = {"text": utterance} if isinstance(utterance, str) else utterance
    file = item.get("video") or item.get("audio")
    fields = {
        "file": file,
        **{name: item.get(name) for name in ("speaker", "text", "start", "end")},
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def line(utterance: str | Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return an utterance and its answer as a line of text."""
    given = source(utterance)
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
