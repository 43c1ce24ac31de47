"""Training from Parquet against training from memory: conversations per second and peak memory.

    python -m benchmarks.streamed_training               # 100,000 simulated conversations
    python -m benchmarks.streamed_training --conversations 5000 --rounds 1

Trains one epoch on that feature set from its files and reports the process's peak memory. Then
trains on a smaller one, in turn from its files and from memory. Each run is a process of its own.
Writes results/streamed_training.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from .peak_memory import peak_megabytes

RESULTS = Path(__file__).parent / "results" / "streamed_training.json"
BATCH_SIZE = 16
PART = 4_000
"""Conversations of the smaller feature set."""


def write(folder: Path, conversations: int) -> None:
    """Write a feature set of simulated training conversations."""
    from synctva.features.feature_sets import write_feature_set
    from synctva.trainer.recipes import encoder_names, load_conversations

    data = load_conversations("simulated", max_train_conversations=conversations)
    encoders = encoder_names("simulated", data)
    write_feature_set(data, folder, encoders=encoders, source="simulated")


def train(folder: str, source: str) -> dict[str, Any]:
    """Train one epoch from "files" or from "memory"."""
    import torch
    from transformers.utils import logging

    from synctva.features.feature_sets import load_feature_set, read_schema, stream_feature_set
    from synctva.modeling_synctva.modeling_synctva import SyncTVAForEmotionRecognition
    from synctva.trainer.arguments import SyncTVATrainingArguments
    from synctva.trainer.preparation import build_config
    from synctva.trainer.trainer import SyncTVATrainer

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    dev = load_feature_set(folder, ["dev"])
    dataset: Any = stream_feature_set(folder)
    if source == "memory":
        dataset = load_feature_set(folder, ["train"], keep_in_memory=True)["train"]
    with tempfile.TemporaryDirectory() as output:
        arguments = SyncTVATrainingArguments(
            output_dir=output,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH_SIZE,
            eval_strategy="no",
            save_strategy="no",
            load_best_model_at_end=False,
            report_to=[],
            disable_tqdm=True,
        )
        model = SyncTVAForEmotionRecognition(build_config("simulated", dev))
        trainer = SyncTVATrainer(model, arguments, dataset, dev["dev"])
        started, computed = time.perf_counter(), time.process_time()
        trainer.train()
        seconds = time.perf_counter() - started
        computed = time.process_time() - computed
    splits = read_schema(folder)["splits"]["train"]
    return {
        **{name: splits[name] for name in ("conversations", "utterances")},
        "seconds": seconds,
        "processor_seconds": computed,
        "conversations_per_second": splits["conversations"] / seconds,
        "peak_megabytes": peak_megabytes(),
    }


def apart(folder: str | Path, source: str) -> dict[str, Any]:
    """Call `train` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.streamed_training", "--run", str(folder), source]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="pairs of runs to compare")
    parser.add_argument("--run", nargs=2, metavar=("FOLDER", "SOURCE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(train(*options.run)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        whole, part = Path(scratch, "whole"), Path(scratch, "part")
        write(whole, options.conversations)
        write(part, min(options.conversations, PART))
        epoch = apart(whole, "files")
        rounds = []
        for turn in range(options.rounds):
            order = ("files", "memory") if turn % 2 == 0 else ("memory", "files")
            runs = {source: apart(part, source) for source in order}
            rounds.append(runs)
    # Processor time, which other work on the machine does not stretch.
    ratios = [r["memory"]["processor_seconds"] / r["files"]["processor_seconds"] for r in rounds]
    report = {"epoch": epoch, "speed_over_memory": median(ratios), "rounds": rounds}
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({**report, "rounds": ratios}, indent=2))


if __name__ == "__main__":
    main()
