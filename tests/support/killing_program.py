"""Kills a training, an extraction or a folder job again and again at random, until it is through.

    python -m tests.support.killing_program \
        '{"kind": "training", "folder": ..., "kills": 50, "seed": 0}'

A program of its own: it imports everything once and forks a process for each attempt, which a
process that has used torch's threads must not. The first attempt is not killed; it says what has to
come out, and how long a run is. Then one folder after another is written by attempts that are
killed at a moment drawn evenly from that length, each going on where the one before was cut off,
until one comes through. Every second kill waits from its moment on until something is being
written, which is when a kill could do harm. Prints one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from synctva.audio.encoder import PROSODY_SPEC
from synctva.commands import train
from synctva.features.extraction import extract_features, load_clips
from synctva.features.feature_sets import write_feature_set
from synctva.files import UNFINISHED
from synctva.recording_jobs.listing import list_recordings
from synctva.recording_jobs.recogniser import RecordingRecogniser
from synctva.recording_jobs.running import run_job
from synctva.recording_jobs.tables import MADE_FROM
from synctva.results import read_results

from .media_conversations import HISS, VOICE, wav
from .recording_jobs import toy_recogniser, write_recordings, write_toy_model
from .toy import toy_dataset

TOY = "hidden_size=16,intermediate_size=16,num_attention_heads=2,num_hidden_layers=1,value_rank=2"
OPTIONS = ["--use_cpu", "--report_to", "none", "--disable_tqdm", "true"]
OPTIONS += [
    "--config_overrides",
    TOY,
    "--num_train_epochs",
    "3",
    "--resume_from_checkpoint",
    "last",
]
OPTIONS += ["--per_device_train_batch_size", "4", "--seed", "3", "--eval_strategy", "steps"]
OPTIONS += ["--eval_steps", "7", "--save_strategy", "steps", "--save_steps", "7"]


class Training:
    """`synctva train` with what could make a resumed run differ: dropout, an average."""

    def __init__(self, folder: Path):
        self.data = folder / "data"
        splits = {name: toy_dataset(n, n) for name, n in (("train", 40), ("dev", 12), ("test", 6))}
        write_feature_set(
            DatasetDict(splits),
            self.data,
            encoders=dict.fromkeys(("text", "visual", "audio"), "drawn"),
            source="tests",
        )

    def run(self, output: Path) -> None:
        data = ["--dataset", "features", "--data_dir", str(self.data)]
        train.main([*data, "--output_dir", str(output), *OPTIONS])

    def made(self, output: Path) -> dict[str, Any]:
        """What has to be the same: weights and config to the last bit, and the scores."""
        results = read_results(output)
        scores = [results[name] for name in ("dev", "test", "calibration")]
        return {
            **{name: digest(output / name) for name in ("model.safetensors", "config.json")},
            "scores": json.dumps(scores, sort_keys=True),
            "files": sorted(path.name for path in output.iterdir()),
        }

    def finished(self, stage: str, output: Path) -> bool:
        """Whether nothing is left to do after a kill at this stage, but to tidy up.

        A run that has removed its last checkpoint is finished, and starting it again is refused.
        """
        names = listed(output)
        done = "model.safetensors" in names and not any(n.startswith("checkpoint-") for n in names)
        if done and stage in ("removing the checkpoints", "at the end"):
            for unfinished in output.glob(f"{UNFINISHED}*"):
                shutil.rmtree(unfinished)
            return True
        return False

    def stage(self, output: Path) -> str:
        names = listed(output)
        if f"{UNFINISHED}checkpoint" in names:
            return "writing a checkpoint"
        if any(name.startswith(f"{UNFINISHED}checkpoint-") for name in names):
            return "removing the checkpoints"
        if any(name.startswith(UNFINISHED) for name in names):
            return "writing the results"
        if any(name.startswith("checkpoint-") for name in names):
            return "after a checkpoint"
        return "at the end" if "model.safetensors" in names else "before any checkpoint"


class Extraction:
    """Prosody of a dozen short conversations, in one process."""

    def __init__(self, folder: Path):
        self.clips = folder / "clips"
        for number in range(12):
            for name, sound in (("a", VOICE), ("b", HISS)):
                path = self.clips / str(number) / f"{name}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wav(sound[:, : 4_000 + 500 * number]))

    def run(self, output: Path) -> None:
        extract_features(
            load_clips(self.clips),
            output,
            audio_encoder=PROSODY_SPEC,
            visual_encoder=None,
            text_encoder=None,
        )

    def made(self, output: Path) -> dict[str, Any]:
        """What has to be the same: every file of the feature set, to the last bit."""
        assert not Path(f"{output}.partial").exists()
        names = sorted(path for path in output.rglob("*") if path.is_file())
        return {str(path.relative_to(output)): digest(path) for path in names}

    def finished(self, stage: str, output: Path) -> bool:
        """Whether nothing is left to do after a kill at this stage, but to tidy up."""
        if stage == "at the end":
            shutil.rmtree(f"{output}.partial", ignore_errors=True)
        return stage == "at the end"

    def stage(self, output: Path) -> str:
        if output.exists():
            return "at the end"
        partial = Path(f"{output}.partial")
        names = listed(partial)
        unfinished = [name for name in names if name.startswith(UNFINISHED)]
        if "feature_set" in names or any("feature_set" in listed(partial / n) for n in unfinished):
            return "writing the feature set"
        if unfinished:
            return "writing a result"
        return "between results" if names else "before any result"


class Recordings:
    """A folder of recordings, a few of which fail, with a toy model and recogniser."""

    def __init__(self, folder: Path):
        self.recordings = folder / "recordings"
        write_recordings(self.recordings, 16)
        self.model = write_toy_model(folder / "model")

    def run(self, output: Path) -> None:
        options = {"parameters": {"top_k": None}, "recogniser": toy_recogniser}
        recogniser = RecordingRecogniser(self.model, output, **options)
        run_job(list_recordings(self.recordings), output, recogniser)

    def made(self, output: Path) -> dict[str, Any]:
        """What has to be the same: every file, to the last bit."""
        names = sorted(path for path in output.rglob("*") if path.is_file())
        return {str(path.relative_to(output)): digest(path) for path in names}

    def finished(self, stage: str, output: Path) -> bool:
        """Nothing but another run shows that nothing is left to do."""
        return False

    def stage(self, output: Path) -> str:
        names = listed(output)
        if any(name.startswith(UNFINISHED) for name in names):
            return "writing the tables"
        folders = [output / name for name in names if (output / name).is_dir()]
        folders += [path for path in (output / "later").glob("*") if path.is_dir()]
        folders = [folder for folder in folders if folder.name != "later"]
        if any(MADE_FROM not in listed(folder) for folder in folders):
            return "writing a result"
        if "summary.csv" in names:
            return "at the end"
        return "between results" if folders else "before any result"


def listed(folder: Path) -> list[str]:
    """What is in a folder, which may go meanwhile."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def attempt(job: Any, output: Path, log: Path, seconds: float, aimed: bool = False) -> bool:
    """Run in a process of its own, which is killed after so long; aimed, while it is writing.

    Returns:
        Whether it came through before.

    Raises:
        RuntimeError: it failed.
    """
    child = os.fork()
    if not child:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        status = 1
        try:
            job.run(output)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        due = time.monotonic() >= end
        if due and (not aimed or job.stage(output).startswith("writing")):
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            break
        time.sleep(0.001)
    if os.WIFSIGNALED(status):
        return False
    if os.WEXITSTATUS(status):
        raise RuntimeError(f"{output} was not gone on with:\n{log.read_text()[-4000:]}")
    return True


def main() -> None:
    options = json.loads(sys.argv[1])
    folder = Path(options["folder"])
    kinds = {"training": Training, "extraction": Extraction, "recordings": Recordings}
    job = kinds[options["kind"]](folder)
    log = folder / "log"
    began = time.monotonic()
    whole = folder / "undisturbed" / "whole"  # as deep as the others, to which results link
    attempt(job, whole, log, math.inf)
    length = time.monotonic() - began
    expected = job.made(whole)
    generator = random.Random(options["seed"])
    kills: Counter[str] = Counter()
    different: list[dict[str, Any]] = []
    runs = 0
    while kills.total() < options["kills"]:
        output = folder / f"run-{runs}" / "whole"  # the card has the folder's name
        through = False
        while not through:
            left = kills.total() < options["kills"]
            seconds = generator.uniform(0, length) if left else math.inf
            through = attempt(job, output, log, seconds, aimed=kills.total() % 2 == 1)
            if not through:
                kills[stage := job.stage(output)] += 1
                through = job.finished(stage, output)
        runs += 1
        if (made := job.made(output)) != expected:
            different.append({name: [expected.get(name), made.get(name)] for name in made})
    report = {
        "kills": kills.total(),
        "stages": dict(kills),
        "runs": runs,
        "different": different,
        "seconds_of_a_run": round(length, 2),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
