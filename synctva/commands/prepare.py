"""Write a data set and its features as Parquet files, to train on or to upload.

    synctva prepare --dataset meld --data_dir MELD.Raw --output features/meld
    synctva prepare --pickle MELD_features_raw1.pkl --output features/mmgcn
    synctva train --dataset features --data_dir features/meld --streaming

Text features can come from encoders that `synctva finetune` has written, and from the default one;
several are concatenated. A feature set in place of an encoder gives its text features unchanged,
for example those that were cross-fitted:
    synctva prepare --dataset iemocap --data_dir IEMOCAP \
        --text_encoders default runs/text-iemocap/features --output features/both

Feature pickles from the literature are read without executing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets import DatasetDict

from synctva.commands import program, table_options
from synctva.datasets_scripts.legacy_pickles.loading import read_feature_pickle
from synctva.features.feature_sets import (
    SCHEMA_FILE,
    load_feature_set,
    push_feature_set,
    read_schema,
    write_feature_set,
)
from synctva.features.text import add_text_features
from synctva.files import require_new_folder
from synctva.finetuning import load_encoder
from synctva.modeling_synctva.configuration_synctva import counted
from synctva.modeling_synctva.text_encoder import MINILM_SPEC, TextEncoder
from synctva.trainer.recipes import (
    encoder_names,
    feature_names,
    feature_specs,
    load_conversations,
)
from synctva_command_line.parsing import parse, parser_of


def text_source(name: str, layers: Sequence[int] | None) -> tuple[TextEncoder | DatasetDict, str]:
    """Return what an item of `--text_encoders` names, and the name of its encoder in words."""
    if (Path(name) / SCHEMA_FILE).is_file():
        text = read_schema(name)["modalities"].get("text")
        if text is None:
            raise ValueError(f"--text_encoders = {name}: expected a feature set with text features")
        return load_feature_set(name), text["encoder"]
    default = name == "default"
    encoder = TextEncoder.from_spec(MINILM_SPEC) if default else load_encoder(name, layers)
    words = Path(encoder.spec["name"]).name
    if encoder.spec["layers"]:
        words += f", layers {', '.join(map(str, encoder.spec['layers']))}"
    return encoder, words


def main(arguments: Sequence[str]) -> None:
    parser = parser_of("prepare")
    options = parse(parser, arguments)
    if (options.dataset is None) == (options.pickle is None):
        parser.error("expected either --dataset or --pickle")
    if options.text_encoders and not options.dataset:
        parser.error("--text_encoders: expected --dataset, because a pickle has its own features")
    if options.text_layers and not options.text_encoders:
        parser.error("--text_layers: expected --text_encoders")
    require_new_folder(options.output)
    if options.pickle:
        found = read_feature_pickle(options.pickle, text_path=options.text_pickle)
        for note in found.notes:
            print(note)
        data, encoders, source = found.to_datasets(), found.encoders, found.source
        specs, names = {}, {}
    else:
        data = load_conversations(
            options.dataset,
            options.data_dir,
            seed=options.seed,
            max_train_conversations=options.max_train_conversations,
            embed_text=not options.text_encoders,
            **table_options(options),
        )
        names = feature_names(options.dataset, data, options.data_dir)
        encoders, source = encoder_names(options.dataset, data), options.dataset
        specs = feature_specs(options.dataset, data)
        if options.text_encoders:
            text = [text_source(name, options.text_layers) for name in options.text_encoders]
            sources, words = zip(*text, strict=True)
            data = add_text_features(data, *sources)
            encoders["text"] = " and ".join(words)
            if len(sources) == 1 and isinstance(sources[0], TextEncoder):  # a processor has one
                specs["text"] = sources[0].spec
    schema = write_feature_set(
        data, options.output, encoders=encoders, source=source, specs=specs, names=names
    )
    for split, size in schema["splits"].items():
        print(
            f"{split}: {counted(size['conversations'], 'conversation')}, "
            f"{counted(size['utterances'], 'utterance')}"
        )
    print(f"Train on it: {program()} train --dataset features --data_dir {options.output}")
    if options.push_to_hub:
        url = push_feature_set(
            options.output, options.push_to_hub, private=True if options.private else None
        )
        print(f"Uploaded: {url}")
