"""Make a feature set by Ray Data, on one machine or a cluster whose machines see the same files.

    python examples/extract_features_ray.py --dataset meld --data_dir <folder> --output features/ray

The result is that of `synctva extract`. A run that was killed continues where it stopped.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import ray

from synctva.audio.encoder import PROSODY_MFCC_SPEC
from synctva.features.extraction import SOURCES, ConversationExtractor, Extraction, load_media
from synctva.files import only_run
from synctva.video.encoder import FACE_SPEC


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", choices=SOURCES, required=True)
    parser.add_argument("--data_dir", required=True, help="release, table or folder of clips")
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--workers", type=int, default=2, help="actors, of one thread each")
    parser.add_argument("--address", help="of a cluster, such as auto; default: only this machine")
    options = parser.parse_args(arguments)

    extraction = Extraction(
        load_media(options.dataset, options.data_dir),
        options.output,
        audio_encoder=PROSODY_MFCC_SPEC,
        visual_encoder=FACE_SPEC,
        source=options.dataset,
    )
    # The task that hands out the conversations needs a core, too.
    cores = options.workers + 1 if options.address is None else None
    with only_run(options.output), ray.init(options.address or "local", num_cpus=cores):
        actors = ray.data.ActorPoolStrategy(size=options.workers)
        work = extraction.remaining()
        blocks = ray.data.from_arrow(work).repartition(4 * options.workers)
        call = {"fn_constructor_kwargs": extraction.extractor, "compute": actors, "num_cpus": 1}
        batches = {"batch_format": "pyarrow", "batch_size": 1}
        blocks.map_batches(ConversationExtractor, **call, **batches).materialize()
        print(extraction.finish(work.num_rows))


if __name__ == "__main__":
    main()
