"""Who felt what, and when, in many recordings: by Ray Data, on one machine or a cluster.

    python examples/recordings_ray.py recordings/ --output answers
    python examples/recordings_ray.py list.csv --output answers --workers 8

Does the same as `synctva predict recordings/ --output answers`, with several workers, each of which
loads the models once: the results are equal, and either goes on where the other has stopped. On a
cluster, the recordings and the output lie in folders that all machines share.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from synctva.files import only_run
from synctva.recording_jobs.listing import ListedRecording, list_recordings
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.recording_jobs.tables import write_tables


class Worker:
    """Answers the recordings whose numbers it is given."""

    def __init__(self, recordings: Sequence[ListedRecording], settings: dict[str, Any]):
        self.recordings = recordings
        self.recogniser = RecordingRecogniser(**settings)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        outcome = self.recogniser(self.recordings[row["id"]])
        # Arrow has no characters for bytes of a file's name that are not UTF-8.
        error = (outcome.error or "").encode("utf-8", "backslashreplace").decode()
        return {"id": row["id"], "error": error}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recordings", type=Path, help="folder, or CSV with the column `recording`")
    parser.add_argument("--output", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--model", help="folder or Hub name; default: synctva-meld")
    parser.add_argument("--workers", type=int, default=2, help="actors, of one thread each")
    parser.add_argument("--address", help="of a cluster, such as auto; default: only this machine")
    options = parser.parse_args(arguments)

    recordings = list_recordings(options.recordings.resolve(), options.output)
    settings = {
        "model": options.model,
        "output": str(options.output.resolve()),
        "parameters": {"top_k": None},
    }
    # The task that hands out the recordings needs a core, too.
    cores = options.workers + 1 if options.address is None else None
    with only_run(options.output), ray.init(options.address or "local", num_cpus=cores):
        actors = ray.data.ActorPoolStrategy(size=options.workers)
        data = ray.data.range(len(recordings)).repartition(len(recordings))
        data = data.map(
            Worker, fn_constructor_args=(recordings, settings), compute=actors, num_cpus=1
        )
        found = sorted(data.take_all(), key=lambda row: row["id"])
        errors = {recordings[row["id"]].name: row["error"] for row in found if row["error"]}
        write_tables(options.output, [recording.name for recording in recordings], errors)
    print(f"{len(recordings) - len(errors)} recordings answered in {options.output}", end=", ")
    print(f"{len(errors)} failed")


if __name__ == "__main__":
    main()
