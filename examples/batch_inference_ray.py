"""Recognise a corpus of conversations in Parquet by Ray Data, on one machine or a cluster.

    python examples/batch_inference_ray.py --corpus <folder of .parquet> --output answers

A row of the corpus is a conversation: a unique `dialogue_id`, and any columns that the pipeline
takes (`texts`, `speakers`, `text_features`, ...). A run that was killed continues where it stopped.
Conversations that cannot be recognised are listed with their errors in `failed.csv`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import ray

from synctva.batch_inference import CorpusRecogniser, corpus_blocks, write_failures
from synctva.files import only_run


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder of Parquet files")
    parser.add_argument("--output", type=Path, required=True, help="folder of the answers")
    parser.add_argument("--model", default="synctva-meld", help="folder or Hub name")
    parser.add_argument("--workers", type=int, default=2, help="actors, of one thread each")
    parser.add_argument("--block", type=int, default=256, help="conversations per answer file")
    parser.add_argument("--batch_size", type=int, default=16, help="conversations per forward pass")
    parser.add_argument("--address", help="of a cluster, such as auto; default: only this machine")
    options = parser.parse_args(arguments)

    blocks = corpus_blocks(sorted(options.corpus.glob("*.parquet")), options.block)
    settings = {"model": options.model, "output": str(options.output.resolve())}
    settings["batch_size"] = options.batch_size
    # The task that hands out the blocks needs a core, too.
    cores = options.workers + 1 if options.address is None else None
    with only_run(options.output), ray.init(options.address or "local", num_cpus=cores):
        actors = ray.data.ActorPoolStrategy(size=options.workers)
        data = ray.data.from_items(blocks).repartition(len(blocks))
        data = data.map(
            CorpusRecogniser, fn_constructor_kwargs=settings, compute=actors, num_cpus=1
        )
        answered = sum(block["answered"] for block in data.take_all())
        failed = write_failures(options.output, blocks)
    print(f"{answered} conversations answered in {options.output}, {failed} failed")


if __name__ == "__main__":
    main()
