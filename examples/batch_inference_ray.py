"""Emotions of a corpus of conversations in Parquet, by Ray Data, on one machine or a cluster.

    pip install 'synctva[ray]'
    python examples/batch_inference_ray.py --corpus <folder of .parquet> --output answers

A row of the corpus is a conversation: `dialogue_id`, a name that no other row has, and any of the
columns that `pipeline("emotion-recognition")` takes (`texts`, `speakers`, `text_features`, ...).
Each worker loads the model once. A run that was killed goes on where it was; conversations that
cannot be answered are listed with their reasons in `failed.csv`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from synctva.batch_inference import CorpusRecogniser, corpus_blocks, read_answers
from synctva.commands.csv_output import write_csv
from synctva.files import only_run, written_whole


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--output", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--model", default="synctva-meld", help="folder or Hub name")
    parser.add_argument("--workers", type=int, default=2, help="actors, of one thread each")
    parser.add_argument("--block", type=int, default=256, help="conversations a file of answers")
    parser.add_argument("--batch_size", type=int, default=16, help="conversations a forward pass")
    parser.add_argument("--address", help="of a cluster, such as auto; default: this machine alone")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    blocks = corpus_blocks(sorted(options.corpus.glob("*.parquet")), options.block)
    with only_run(options.output):
        counts = recognise_all(blocks, options)
        rows = read_answers(options.output, blocks).to_pylist()
        columns = ["dialogue_id", "error"]
        failures = [{name: row[name] for name in columns} for row in rows if row["error"]]
        with (
            written_whole(options.output) as unfinished,
            (unfinished / "failed.csv").open("w", encoding="utf-8", newline="") as file,
        ):
            write_csv(file, columns, failures)
    answered = sum(block["answered"] for block in counts)
    print(f"{answered} conversations answered in {options.output}, {len(failures)} failed")


def recognise_all(
    blocks: Sequence[Mapping[str, Any]], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Blocks of the corpus → the same with their counts, in any order."""
    # A core more than workers: what hands out the blocks wants one, too.
    cores = options.workers + 1 if options.address is None else None
    ray.init(options.address or "local", num_cpus=cores)
    try:
        return (
            ray.data.from_items(list(blocks))
            .repartition(len(blocks))
            .map(
                CorpusRecogniser,  # type: ignore[arg-type]  # a class, which each actor makes
                fn_constructor_kwargs={
                    "model": options.model,
                    "output": str(options.output.resolve()),
                    "batch_size": options.batch_size,
                },
                compute=ray.data.ActorPoolStrategy(size=options.workers),
                num_cpus=1,
            )
            .take_all()
        )
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
