"""Upload a model folder or a feature set to the Hub.

    synctva push runs/meld-seed0 user/synctva-meld --private
    synctva push features/mine user/my-conversations --private

The account is that of `hf auth login` or of HF_TOKEN. A model is uploaded with its processor, code,
card and results, without the files that only training needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, ModelCard

from synctva.commands import program
from synctva.features.feature_sets import SCHEMA_FILE, push_feature_set
from synctva.trainer.pushing import RESUMED_FROM
from synctva_command_line.parsing import parse, parser_of

MODEL_FILES = ("config.json", "model.safetensors", "processor_config.json", "README.md")

LEFT_OUT = [*RESUMED_FROM, "checkpoint-*", "_*", "*.bin", "*.pt", "*.pth", "*.pkl"]
"""What training resumes from, and pickles, which may contain a token or run code."""


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    return parse(parser_of("push"), arguments)


def main(arguments: Sequence[str]) -> None:
    options = parse_arguments(arguments)
    private = True if options.private else None  # None: by the settings of the account
    if (options.folder / SCHEMA_FILE).is_file():
        print(push_feature_set(options.folder, options.name, private=private))
    else:
        print(push_model(options.folder, options.name, private=private))


def push_model(folder: Path, name: str, private: bool | None = None) -> str:
    """Upload a model folder and return the URL of the commit.

    Args:
        folder: written by training, or by `save_pretrained` of model and processor; with a card.
        name: "user/name" of the repository, which is created if it is missing.
        private: as in huggingface_hub.
    """
    missing = [file for file in MODEL_FILES if not (folder / file).is_file()]
    if missing:
        raise SystemExit(
            f"{folder} has no {', '.join(missing)}: expected a folder that `synctva train` has "
            f"written, or a feature set with its {SCHEMA_FILE}"
        )
    named = ModelCard.load(folder / "README.md").data.model_name
    if named != name:
        print(
            f"The card calls the model {named!r}. To change that: "
            f"{program()} card {folder} --name {name}",
            file=sys.stderr,
        )
    api = HfApi()
    repository = api.create_repo(name, private=private, exist_ok=True)
    return api.upload_folder(
        repo_id=repository.repo_id, folder_path=folder, ignore_patterns=LEFT_OUT
    ).commit_url
