"""Write a data set with its features as Parquet files, once, to train on it or upload it later.

    python examples/prepare_features.py --dataset meld --data_dir MELD.Raw --output features/meld
    python examples/prepare_features.py --pickle MELD_features_raw1.pkl --output features/mmgcn
    python examples/train.py --dataset features --data_dir features/meld --streaming

Text that encoders of `examples/finetune_text.py` have read, or the default one, side by side:
    python examples/prepare_features.py --dataset iemocap --data_dir IEMOCAP \
        --text_encoders default runs/text-meld/encoder --text_layers 6 9 12 --output features/both

The literature's feature pickles are read without being executed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from synctva.datasets_scripts.feature_pickles import read_feature_pickle
from synctva.feature_set import push_feature_set, write_feature_set
from synctva.features import add_text_features
from synctva.finetuning import load_encoder
from synctva.modeling_synctva.text_encoder_synctva import MINILM_SPEC, TextEncoder
from synctva.recipes import RECIPES, encoder_names, feature_specifications, load_conversations
from synctva.safe_writing import require_new_folder


def described(encoder: TextEncoder) -> str:
    """An encoder in words: its name, and which hidden states."""
    name, layers = Path(encoder.spec["name"]).name, encoder.spec["layers"]
    return f"{name}, layers {', '.join(map(str, layers))}" if layers else name


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", choices=[name for name in RECIPES if name != "features"])
    parser.add_argument("--data_dir", help="where the data lies; the simulator needs none")
    parser.add_argument("--seed", type=int, default=0, help="of the simulator's training split")
    parser.add_argument(
        "--max_train_conversations", type=int, help="so many for training; the simulator's number"
    )
    parser.add_argument(
        "--text_encoders",
        nargs="+",
        metavar="FOLDER",
        help="fine-tuned encoders of the text, or `default`; several stand side by side",
    )
    parser.add_argument(
        "--text_layers", type=int, nargs="+", help="hidden states of those folders' encoders"
    )
    parser.add_argument("--pickle", help="a feature pickle, in place of a data set")
    parser.add_argument("--text_pickle", help="its RoBERTa features, where they are another file")
    parser.add_argument("--output", required=True, help="a new folder")
    parser.add_argument("--push_to_hub", metavar="USER/NAME", help="upload it as this data set")
    parser.add_argument("--private", action="store_true", help="as a private one")
    options = parser.parse_args(arguments)
    if (options.dataset is None) == (options.pickle is None):
        parser.error("expected one of --dataset and --pickle")
    if options.text_encoders and not options.dataset:
        parser.error("--text_encoders: expected --dataset, a pickle has features of its own")
    if options.text_layers and not options.text_encoders:
        parser.error("--text_layers: expected --text_encoders")
    require_new_folder(options.output)
    if options.pickle:
        found = read_feature_pickle(options.pickle, text_path=options.text_pickle)
        for note in found.notes:
            print(note)
        data, encoders, source = found.to_datasets(), found.encoders, found.source
        specifications = {}
    else:
        data = load_conversations(
            options.dataset,
            options.data_dir,
            seed=options.seed,
            max_train_conversations=options.max_train_conversations,
            embed_text=not options.text_encoders,
        )
        encoders, source = encoder_names(options.dataset, data), options.dataset
        specifications = feature_specifications(options.dataset, data)
        if options.text_encoders:
            text = [
                TextEncoder.from_spec(MINILM_SPEC)
                if folder == "default"
                else load_encoder(folder, options.text_layers)
                for folder in options.text_encoders
            ]
            data = add_text_features(data, *text)
            encoders["text"] = " and ".join(described(encoder) for encoder in text)
            if len(text) == 1:  # a processor has one
                specifications["text"] = text[0].spec
    schema = write_feature_set(
        data, options.output, encoders=encoders, source=source, specifications=specifications
    )
    for split, size in schema["splits"].items():
        print(
            f"{split}: {size['conversations']:,} conversations, {size['utterances']:,} utterances"
        )
    print(f"Train on it: python examples/train.py --dataset features --data_dir {options.output}")
    if options.push_to_hub:
        url = push_feature_set(
            options.output, options.push_to_hub, private=True if options.private else None
        )
        print(f"Uploaded: {url}")


if __name__ == "__main__":
    main()
