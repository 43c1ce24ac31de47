"""The demo page as a Space of the Hugging Face Hub: a self-contained folder."""

from __future__ import annotations

import json
import os
import platform
import shutil
from importlib import import_module
from importlib.metadata import requires, version
from pathlib import Path

from huggingface_hub import SpaceCard, SpaceCardData
from packaging.requirements import Requirement

from synctva.cards.model_card import OUT_OF_SCOPE
from synctva.registration import checkpoint_folder

PARTS = ("modeling_synctva", "configuration", "datasets_scripts")
"""Subpackages that are inside the installed package, but beside `synctva/` in a checkout."""

EXTRAS = ("", "app", "media")
"""Groups of the package's requirements that the page needs; "" are those without an extra."""

PROGRAM = '''\
"""Start the page; its code is in synctva/app/."""

from pathlib import Path

from synctva.commands.app import main

# A Space has to be reachable from other machines.
main(["--host", "0.0.0.0", "--model", str(Path(__file__).parent / "model")])
'''

TEXT = f"""\
# Emotions in a conversation

Type or paste a conversation, or upload a recording with its transcript, and see the emotion that
[Sync-TVA](https://arxiv.org/abs/2507.21395) recognises in each utterance, and why.

For research. A score is the probability that an annotator would have chosen the label, not a
measurement of what someone feels. Training data, scores and limits of the model are in
[model/README.md](model/README.md).

## Out of scope

{OUT_OF_SCOPE}
"""


def write_space(folder: str | os.PathLike, model: str | os.PathLike | None = None) -> None:
    """Write the demo page as a folder to upload: program, metadata, requirements, package, model.

    The package is copied, because a Space installs its requirements before its own files are
    there, and only from a package registry.

    Args:
        folder: new or empty.
        model: folder of a trained model; default: the one that ships with the package.

    Raises:
        ValueError: the folder has files, or the model folder is not one.
    """
    folder, model = Path(folder), Path(model or checkpoint_folder())
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} has files: expected a new or an empty folder")
    if not (model / "config.json").is_file():
        raise ValueError(f"{model} has no config.json: expected the folder of a trained model")
    package = import_module("synctva").__path__[0]
    without = shutil.ignore_patterns("__pycache__", "checkpoint", "checkpoint-*", "optimizer.pt")
    shutil.copytree(package, folder / "synctva", ignore=without, dirs_exist_ok=True)
    for name in PARTS:
        source = import_module(f"synctva.{name}").__path__[0]
        shutil.copytree(source, folder / "synctva" / name, ignore=without, dirs_exist_ok=True)
    shutil.copytree(model, folder / "model", ignore=without)
    (folder / "app.py").write_text(PROGRAM, encoding="utf-8")
    lines = [str(requirement) for requirement in page_requirements()]
    (folder / "requirements.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    SpaceCard(f"---\n{metadata(model).to_yaml()}\n---\n\n{TEXT}").save(folder / "README.md")


def metadata(model: Path) -> SpaceCardData:
    """Return the metadata from which the Hub builds and shows the Space."""
    processor = json.loads((model / "processor_config.json").read_text(encoding="utf-8"))
    encoder = (processor.get("text_encoder") or {}).get("name")
    return SpaceCardData(
        title="Emotions in a conversation",
        emoji="💬",
        colorFrom="blue",
        colorTo="gray",
        short_description="The emotion of each utterance, and why",
        sdk="gradio",
        sdk_version=version("gradio"),
        python_version=".".join(platform.python_version_tuple()[:2]),
        app_file="app.py",
        license="apache-2.0",
        tags=["synctva", "emotion-recognition", "conversation", "multimodal"],
        # Downloaded when the Space is built, not when the first user waits.
        models=[encoder] if encoder else None,
        preload_from_hub=[encoder] if encoder else None,
    )


def page_requirements() -> list[Requirement]:
    """Return the requirements of the page, with the versions that the package accepts."""
    found = []
    for requirement in map(Requirement, requires("synctva") or []):
        marker, requirement.marker = requirement.marker, None
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in EXTRAS):
            found.append(requirement)
    return found


__all__ = ["metadata", "page_requirements", "write_space"]
