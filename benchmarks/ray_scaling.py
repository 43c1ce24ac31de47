"""Batch inference with Ray: what a second worker gains, on a machine that does nothing else.

    pip install '.[ray]'
    python -m benchmarks.ray_scaling                      # 800 conversations, three rounds

Runs `examples/batch_inference_ray.py` over invented text conversations with one worker and with
two. In turn with them, as the limit of the machine itself, run as many plain processes that share
the blocks. Rates are counted once each worker has finished a block; the start (of Ray, and of the
model in each worker) is part of the reported seconds. Writes results/ray_scaling.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as parquet

from synctva.batch_inference import CorpusRecogniser, answers_file, corpus_blocks, read_answers

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "ray_scaling.json"
MODEL = str(ROOT / "synctva-meld")
BLOCK = 20
"""Conversations per file of answers: many blocks, so that the last to finish matters little."""

WORDS = ["so", "well", "you", "know", "I", "never", "said", "it", "was", "yours", "but", "see"]


def write_corpus(folder: Path, conversations: int) -> Path:
    """Write invented conversations: 4 to 16 turns of 3 to 20 words, by two speakers."""
    draw = random.Random(0)
    rows = []
    for number in range(conversations):
        turns = draw.randint(4, 16)
        texts = [" ".join(draw.choices(WORDS, k=draw.randint(3, 20))) for _ in range(turns)]
        speakers = [draw.choice("AB") for _ in texts]
        rows.append({"dialogue_id": f"{number}", "texts": texts, "speakers": speakers})
    folder.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(rows), folder / "corpus.parquet")
    return folder / "corpus.parquet"


def answer_share(corpus: str, output: str, worker: int, workers: int) -> None:
    """Answer one process's share of the blocks: each `workers`-th, starting with `worker`."""
    recogniser = CorpusRecogniser(MODEL, output)
    for block in corpus_blocks([corpus], BLOCK)[worker::workers]:
        recogniser(block)


def run(corpus: Path, workers: int, with_ray: bool) -> dict[str, float]:
    """Return the seconds of the whole program, and its rate while all workers are busy."""
    with tempfile.TemporaryDirectory() as output:
        if with_ray:
            command = [sys.executable, str(ROOT / "examples" / "batch_inference_ray.py")]
            command += ["--corpus", str(corpus.parent), "--output", output, "--model", MODEL]
            commands = [[*command, "--block", str(BLOCK), "--workers", str(workers)]]
        else:
            command = [sys.executable, "-m", "benchmarks.ray_scaling", "--share"]
            shares = range(workers)
            commands = [[*command, str(corpus), output, f"{n}", f"{workers}"] for n in shares]
        quiet = {"RAY_DATA_DISABLE_PROGRESS_BARS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        environment = {**os.environ, **quiet, "OMP_NUM_THREADS": "1"}
        start = time.monotonic()
        hidden = subprocess.DEVNULL
        started = [
            subprocess.Popen(command, env=environment, cwd=ROOT, stdout=hidden, stderr=hidden)
            for command in commands
        ]
        if any(process.wait() for process in started):
            raise RuntimeError(f"one of these commands failed: {commands}")
        seconds = time.monotonic() - start
        blocks = corpus_blocks([corpus], BLOCK)
        finished = sorted(answers_file(Path(output), block).stat().st_mtime for block in blocks)
        errors = read_answers(Path(output), blocks)["error"]
        if errors.null_count != len(errors):
            raise RuntimeError(f"not answered: {errors.drop_null()[0]}")
    # From each worker's first block to the last blocks, when a worker may be idle.
    first, last = workers - 1, len(finished) - workers
    rate = (last - first) * BLOCK / (finished[last] - finished[first])
    return {"seconds": seconds, "conversations_per_second": rate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--conversations", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of runs to compare")
    parser.add_argument("--share", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.share:
        corpus, output, worker, workers = options.share
        answer_share(corpus, output, int(worker), int(workers))
        return
    kinds = {"ray": True, "processes": False}
    rounds = []
    with tempfile.TemporaryDirectory() as scratch:
        corpus = write_corpus(Path(scratch, "corpus"), options.conversations)
        for turn in range(options.rounds):
            order = (1, 2) if turn % 2 == 0 else (2, 1)
            rounds.append(
                {
                    f"{name} {workers}": run(corpus, workers, with_ray)
                    for workers in order
                    for name, with_ray in kinds.items()
                }
            )
    rate = "conversations_per_second"
    report = {
        "conversations": options.conversations,
        "speed_up": {
            name: median(r[f"{name} 2"][rate] / r[f"{name} 1"][rate] for r in rounds)
            for name in kinds
        },
        "ray_over_processes": median(r["ray 2"][rate] / r["processes 2"][rate] for r in rounds),
        "rounds": rounds,
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
