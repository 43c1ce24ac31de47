"""One recording after another, with a line for each and the time that is left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from synctva.files import only_run

from .listing import ListedRecording
from .recogniser import Outcome
from .tables import write_tables


def run_job(
    recordings: Sequence[ListedRecording],
    output: str | os.PathLike,
    answer: Callable[[ListedRecording], Outcome],
) -> dict[str, str]:
    """Answer the recordings of a job, and write the tables over all of them.

    A line for each goes to stderr. If the job is interrupted, the tables have what is done.

    Args:
        recordings: see `list_recordings`.
        output: folder of the results; only one run may write into it.
        answer: a `RecordingRecogniser`.

    Returns:
        Why recordings were not answered, by name.

    Raises:
        RuntimeError: another run is writing there.
        OSError, ImportError: see `RecordingRecogniser`.
    """
    output = Path(output)
    errors: dict[str, str] = {}
    names = [recording.name for recording in recordings]
    sizes = [_bytes(recording.path) for recording in recordings]
    seconds, read = 0.0, 0
    with only_run(output):
        try:
            for number, recording in enumerate(recordings):
                start = time.monotonic()
                outcome = answer(recording)
                if outcome.error is not None:
                    errors[recording.name] = outcome.error
                elif not outcome.kept:
                    seconds += time.monotonic() - start
                    read += sizes[number]
                left = sum(sizes[number + 1 :]) * seconds / read if read else 0.0
                line = f"[{number + 1} of {len(recordings)}] {recording.name}: {_line(outcome)}"
                if left >= 1:
                    line += f"; about {_duration(left)} left"
                print(shown(line), file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            write_tables(output, names, errors)
            print("Interrupted: the same command goes on where it stopped.", file=sys.stderr)
            raise
        write_tables(output, names, errors)
    return errors


def _bytes(path: str) -> int:
    """Return the size of a file, by which the time left is estimated; at least 1."""
    try:
        return max(1, os.stat(path).st_size)
    except (OSError, ValueError):
        return 1


def _line(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"not answered: {outcome.error}"
    numbers = [_plural(outcome.utterances, "utterance")]
    if outcome.speakers:
        numbers.append(_plural(outcome.speakers, "speaker"))
    return ", ".join(numbers) + (" (done before)" if outcome.kept else "")


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def shown(text: str) -> str:
    """Return a text in one line that cannot steer a terminal, whatever is in a file's name."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


__all__ = ["run_job", "shown"]
