"""What `synctva predict` does with a folder or a table of recordings."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from transformers.utils import logging

from .listing import list_recordings
from .recogniser import RecordingRecogniser
from .running import run_job, shown
from .tables import FAILURES, SUMMARY, UTTERANCES


def predict_many(options: argparse.Namespace) -> int:
    """Answer all recordings, and return the exit status: 1 if one of them was not answered.

    Args:
        options: those of `synctva predict`. `speakers` and `rttm` hold for the recordings for which
            a table does not say them; an RTTM may hold several recordings.

    Raises:
        ValueError: there is no folder to write to, or an option has a wrong value.
        OSError, ImportError: see `run_job`.
    """
    output = options.output
    if output is None or (output.suffix and not output.is_dir()):
        raise ValueError(f"output = {output}: expected a folder for the answers to many recordings")
    recordings = list_recordings(options.recording, output)
    rttm = None if options.rttm is None else str(options.rttm)
    recordings = [
        one
        if one.speakers or one.transcript or one.rttm
        else replace(one, speakers=options.speakers, rttm=rttm)
        for one in recordings
    ]
    logging.disable_progress_bar()
    names = ("top_k", "calibrate", "abstain_below", "prediction_set", "precision")
    recogniser = RecordingRecogniser(
        options.model,
        output,
        parameters={name: getattr(options, name) for name in names},
        strict=options.strict,
        embed=options.embed,
    )
    errors = run_job(recordings, output, recogniser)
    print(*(output / table for table in (SUMMARY, UTTERANCES, FAILURES)), sep="\n")
    if not errors:
        return 0
    sys.stdout.flush()
    lines = (shown(f"{name}: {reason}") for name, reason in errors.items())
    print(f"Not answered, {len(errors)} of {len(recordings)}:", *lines, sep="\n  ", file=sys.stderr)
    return 1


__all__ = ["predict_many"]
