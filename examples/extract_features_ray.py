"""Make a feature set by Ray Data, on one machine or a cluster whose machines see the same files.

    pip install 'synctva[media,ray]'
    python examples/extract_features_ray.py --dataset meld --data_dir <folder> --output features/ray

Makes what `synctva extract` makes, by the same code for each conversation: the table
of conversations goes from Parquet through a pool of actors to Parquet. Ray runs again what a lost
machine had in hand; a run that is killed as a whole begins anew.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as parquet
import ray

from synctva.audio.encoder import PROSODY_MFCC_SPEC
from synctva.features.extraction import (
    SOURCES,
    ExtractionReport,
    MediaExtractor,
    finish_extraction,
    load_media,
    partial_folder,
    prepare_extraction,
    read_results,
)
from synctva.files import only_run
from synctva.modeling_synctva.text_encoder import MINILM_SPEC
from synctva.video.encoder import FACE_SPEC


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=SOURCES, required=True)
    parser.add_argument("--data_dir", required=True, help="release, table or folder of clips")
    parser.add_argument("--output", required=True, help="a new folder")
    parser.add_argument("--workers", type=int, default=2, help="actors, of one thread each")
    parser.add_argument("--address", help="of a cluster, such as auto; default: this machine alone")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    media: dict[str, Any] = {"audio_encoder": PROSODY_MFCC_SPEC, "visual_encoder": FACE_SPEC}
    with only_run(options.output):
        print(extract(media, options))


def extract(media: dict[str, Any], options: argparse.Namespace) -> ExtractionReport:
    """Conversations → a feature set."""
    data = load_media(options.dataset, options.data_dir)
    work = prepare_extraction(data, options.output, **media, text_encoder=MINILM_SPEC)
    folder = partial_folder(options.output)
    table, results = folder / "work.parquet", folder / "results"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(results, ignore_errors=True)
    parquet.write_table(work, table)
    extract_all(str(table), str(results), media, options)
    return finish_extraction(
        data,
        work,
        read_results(sorted(results.glob("*.parquet"))),
        options.output,
        **media,
        text_encoder=MINILM_SPEC,
        source=options.dataset,
        extracted=work.num_rows,
    )


def extract_all(
    table: str, results: str, media: dict[str, Any], options: argparse.Namespace
) -> None:
    """Parquet files of work → Parquet files of results, in any order."""
    # Reading and writing are tasks that want a core, too: without one they wait for the actors for
    # ever. A cluster has more of them than actors, or should.
    cores = options.workers + 1 if options.address is None else None
    blocks = 4 * options.workers  # of one, one actor would have all the work
    ray.init(options.address or "local", num_cpus=cores)
    try:
        (
            ray.data.read_parquet(table)
            .repartition(blocks)
            .map_batches(
                MediaExtractor,
                fn_constructor_kwargs=media,
                batch_format="pyarrow",
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=options.workers),
                num_cpus=1,
            )
            .write_parquet(results)
        )
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
