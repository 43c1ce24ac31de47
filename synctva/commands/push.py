"""Upload a trained folder, or a feature set, to the Hub.

    synctva push runs/meld-seed0 user/synctva-meld --private
    synctva push features/mine user/my-conversations --private

Under the account of `hf auth login`, or of HF_TOKEN. A model goes with its processor, code, card
and results, and without what only its training needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, ModelCard

from synctva.features.feature_sets import SCHEMA_FILE, push_feature_set
from synctva.trainer.pushing import RESUMED_FROM

MODEL_FILES = ("config.json", "model.safetensors", "processor_config.json", "README.md")

LEFT_OUT = [*RESUMED_FROM, "checkpoint-*", "_*", "*.bin", "*.pt", "*.pth", "*.pkl"]
"""What training goes on from, and pickles, which may hold a token or run code."""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synctva push", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="model folder or feature set")
    parser.add_argument("name", metavar="user/name", help="of the repository; made if not there")
    parser.add_argument("--private", action="store_true", help="make it a private one")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    private = True if options.private else None  # None: as the account's settings say
    if (options.folder / SCHEMA_FILE).is_file():
        print(push_feature_set(options.folder, options.name, private=private))
    else:
        print(push_model(options.folder, options.name, private=private))


def push_model(folder: Path, name: str, private: bool | None = None) -> str:
    """Upload a model folder; returns the commit's URL.

    Args:
        folder: that training, or `save_pretrained` of model and processor, has left, with a card.
        name: "user/name"; made if it is not there.
        private: as in huggingface_hub.
    """
    missing = [file for file in MODEL_FILES if not (folder / file).is_file()]
    if missing:
        raise SystemExit(
            f"{folder} has no {', '.join(missing)}: expected a folder of a training, or a feature "
            f"set with its {SCHEMA_FILE}"
        )
    named = ModelCard.load(folder / "README.md").data.model_name
    if named != name:
        print(
            f"The card calls the model {named!r}; `synctva card {folder} --name {name}` makes it "
            "anew",
            file=sys.stderr,
        )
    api = HfApi()
    repository = api.create_repo(name, private=private, exist_ok=True)
    return api.upload_folder(
        repo_id=repository.repo_id, folder_path=folder, ignore_patterns=LEFT_OUT
    ).commit_url
